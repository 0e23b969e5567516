#!/usr/bin/env python3
"""netlag.py - join two network interfaces and disturb what passes between them.

A stand-in for "tc netem", which not every kernel has: put one end of a veth pair
into each host's network namespace, the other ends into a third namespace, and run
this there. It copies Ethernet frames both ways with delay, jitter, loss,
duplication and reordering, from a seeded random generator.

usage: netlag.py IF_A IF_B [NAME VALUE]...

Names: delay and jitter in ms; loss, dup and reorder in percent; rate in kbit/s,
0: none; queue, what may wait for the rate, in ms; seed.

Standard input: lines of the same names and values, which hold from then on, and

  cut      nothing passes any more
  cut ab   from IF_A to IF_B; or ba
  mend     everything passes again

Its end is the end; counts are printed then. Frames are passed with their
checksum and segmentation header (PACKET_VNET_HDR), so TCP works without turning
offloads off.

  ip netns add a; ip netns add b; ip netns add mid
  ip link add va netns a type veth peer name xa netns mid
  ip link add vb netns b type veth peer name xb netns mid
  # then addresses, all links up
  ip netns exec mid netlag.py xa xb delay 50 loss 2
"""
import heapq
import os
import random
import select
import socket
import sys
import time

SOL_PACKET, PACKET_VNET_HDR = 263, 15
ETH_P_ALL = 3
BURST = 256  # frames taken from one side before the other has its turn


def open_interface(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((name, ETH_P_ALL))
    s.setblocking(False)
    return s


class Lag:
    def __init__(self, a, b, words):
        self.socks = [open_interface(a), open_interface(b)]
        self.set = dict(delay=0.0, jitter=0.0, loss=0.0, dup=0.0,
                        reorder=0.0, rate=0.0, queue=1000.0, seed=1.0)
        self.cut = [False, False]  # by the side that frames leave on
        self.count = dict(passed=0, lost=0, dup=0, cut=0)
        self.queue, self.serial = [], 0
        self.last, self.free = [0.0, 0.0], [0.0, 0.0]
        self.adjust(words)
        self.rng = random.Random(int(self.set['seed']))

    def adjust(self, words):
        for name, value in zip(words[::2], words[1::2]):
            if name not in self.set:
                raise SystemExit(f'netlag: what is {name}?')
            self.set[name] = float(value)
        if 'rate' in words:
            self.hurry()

    def hurry(self):
        """What waits for the old rate waits no longer."""
        now = time.monotonic()
        self.free, self.last = [now, now], [now, now]
        # In the order of their numbers, which are that of their coming.
        self.queue = [(min(when, now), *frame) for when, *frame in self.queue]
        heapq.heapify(self.queue)

    def obey(self, line):
        words = line.split()
        if words == ['mend']:
            self.cut = [False, False]
        elif words[:1] == ['cut']:
            which = words[1] if len(words) > 1 else 'ab ba'
            self.cut = ['ba' in which, 'ab' in which]
        else:
            self.adjust(words)

    def happens(self, what):
        return self.rng.random() * 100 < self.set[what]

    def put(self, when, out, frame):
        self.serial += 1
        heapq.heappush(self.queue, (when, self.serial, out, frame))

    def send_due(self):
        """Seconds until the next frame is due."""
        while self.queue:
            wait = self.queue[0][0] - time.monotonic()
            if wait > 0:
                return wait
            _, _, out, frame = heapq.heappop(self.queue)
            try:
                self.socks[out].send(frame)
                self.count['passed'] += 1
            except OSError:
                self.count['lost'] += 1
        return None

    def take(self, out, frame):
        now = time.monotonic()
        if self.cut[out]:
            self.count['cut'] += 1
            return
        if self.happens('loss') or (
                self.set['rate'] and
                self.free[out] - now > self.set['queue'] / 1e3):
            self.count['lost'] += 1
            return
        lag = self.set['delay'] + self.rng.random() * self.set['jitter']
        when = now + lag / 1e3
        if self.set['rate']:
            self.free[out] = max(self.free[out], now)
            self.free[out] += len(frame) * 8 / (self.set['rate'] * 1e3)
            when = max(when, self.free[out])
        if self.happens('reorder'):
            when -= self.set['delay'] / 2e3
        else:
            # Jitter alone keeps the order.
            when = self.last[out] = max(when, self.last[out])
        self.put(when, out, frame)
        if self.happens('dup'):
            self.count['dup'] += 1
            self.put(when, out, frame)

    def read(self, side):
        for _ in range(BURST):
            try:
                frame, address = self.socks[side].recvfrom(1 << 17)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                time.sleep(0.05)  # the link is down
                return
            if address[2] != socket.PACKET_OUTGOING:
                self.take(1 - side, frame)

    def run(self):
        words = b''
        while True:
            ready, _, _ = select.select(self.socks + [0], [], [],
                                        self.send_due())
            if 0 in ready:
                more = os.read(0, 4096)
                if not more:
                    break
                *lines, words = (words + more).split(b'\n')
                for line in lines:
                    self.obey(line.decode())
            for side in (0, 1):
                if self.socks[side] in ready:
                    self.read(side)
        print(self.count, file=sys.stderr)


if len(sys.argv) < 3 or len(sys.argv) % 2 == 0:
    raise SystemExit(__doc__)
Lag(sys.argv[1], sys.argv[2], sys.argv[3:]).run()
