#!/usr/bin/env python3
"""run.py - a herd of five on a bad network, under load; in the end all maps must
be the same bytes.

Started by netns_test.sh as process 1 of a PID namespace and with mounts of its
own: when this ends, whatever the reason, all of it is gone. Each server has a
network namespace; each edge is a pair of veths whose other ends netlag.py joins
in a namespace in the middle, so that an edge can be delayed, thinned out, slowed
down and cut, also one way. A server has one address, on lo, and a route to each
neighbour. Clients talk to servers within the servers' own namespaces: nothing but
the links is disturbed.

Every scenario ends so: the load stops, what was cut is mended, and within LIMIT
seconds all dumps are equal. Where nobody was killed they hold all that a client
was answered.

Environment: HERDD, HERDCTL; HERD_DESIGNS, both by default: servers take turns;
CK_TIMEOUT_MULTIPLIER, for slow builds."""
import collections
import ctypes
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WORK = '/run/herd'  # on a tmpfs of our own
RUN = f'herd-{os.environ.get("HERD_RUN", os.getpid())}'
PORT = 12000
SYNC = 4  # peers.sync_interval
SLOWER = float(os.environ.get('CK_TIMEOUT_MULTIPLIER', 1))
LIMIT = 3 * SYNC * SLOWER
ANSWER_LIMIT = 2 * SLOWER  # no client waits for a neighbour
DEAD_WITHIN = (7, 11)  # a link that was cut: 8 to 10 s, seen from outside
CLIENTS = 3000
BATCH, PAUSE = 20, 0.1  # IAMATs of each driver, per so many seconds
SIGN_OF_LIFE = re.compile(r'lost connection to (\w+): no sign of life')

NAMES = ['Goloman', 'Hands', 'Holiday', 'Welsh', 'Wilkes']
EDGES = [('Goloman', 'Hands'), ('Goloman', 'Holiday'), ('Goloman', 'Wilkes'),
         ('Hands', 'Wilkes'), ('Holiday', 'Welsh'), ('Holiday', 'Wilkes')]
ADDRESS = {name: f'10.77.0.{i}' for i, name in enumerate(NAMES, 1)}

libc = ctypes.CDLL(None, use_errno=True)
rng = random.Random(int(os.environ.get('HERD_SEED', 1)))


class Failed(Exception):
    pass


# --- the network ---------------------------------------------------------------

def ip(*words):
    subprocess.run(['ip', *words], check=True)


def space(name):
    return f'{RUN}-{name}'


def enter(name):
    """This thread's sockets are made in that server's namespace from now on."""
    fd = os.open(f'/run/netns/{space(name)}', os.O_RDONLY)
    if libc.setns(fd, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), 'setns')
    os.close(fd)


class Edge:
    def __init__(self, number, a, b):
        self.ends = (a, b)
        for name, other, near, far in ((a, b, f'a{number}', f'x{number}'),
                                       (b, a, f'b{number}', f'y{number}')):
            here = ('-n', space(name))
            # One packet per frame, so that 2 % of them are 2 %.
            ip('link', 'add', near, 'netns', space(name), 'gso_max_segs', '1',
               'type', 'veth', 'peer', 'name', far, 'netns', space('middle'))
            ip(*here, 'link', 'set', near, 'up')
            ip('-n', space('middle'), 'link', 'set', far, 'up')
            ip(*here, 'route', 'add', ADDRESS[other], 'dev', near,
               'src', ADDRESS[name])
        self.lag = subprocess.Popen(
            ['ip', 'netns', 'exec', space('middle'), sys.executable,
             f'{HERE}/netlag.py', f'x{number}', f'y{number}',
             'seed', str(number)],
            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def tell(self, line):
        self.lag.stdin.write(line + '\n')
        self.lag.stdin.flush()


def make_network():
    for name in NAMES + ['middle']:
        ip('netns', 'add', space(name))
        ip('-n', space(name), 'link', 'set', 'lo', 'up')
        # What is under way takes seconds, not a minute, on the slow link: an
        # acknowledgement that is late by ten seconds is as good as none.
        ip('netns', 'exec', space(name), 'sh', '-c',
           'echo 4096 16384 16384 >/proc/sys/net/ipv4/tcp_wmem')
    for name in NAMES:
        ip('-n', space(name), 'address', 'add', ADDRESS[name], 'dev', 'lo')
    return {e: Edge(i, *e) for i, e in enumerate(EDGES)}


# --- servers --------------------------------------------------------------------

def write_configuration():
    """A file for each design, the same but for that."""
    designs = os.environ.get('HERD_DESIGNS', 'threaded single').split()
    os.makedirs(f'{WORK}/log')
    with open(f'{WORK}/secret', 'w', opener=lambda path, flags:
              os.open(path, flags, 0o600)) as f:
        f.write(os.urandom(24).hex())
    servers = ',\n'.join(
        f'  {{ name = "{n}"; host = "{ADDRESS[n]}"; port = {PORT}; talks_to = '
        f'[ {", ".join(chr(34) + b + chr(34) for a, b in EDGES if a == n)} ]; }}'
        for n in NAMES)
    for design in designs:
        with open(f'{WORK}/{design}.conf', 'w') as f:
            f.write(f'threading = "{design}";\nworkers = 2;\n'
                    f'servers = (\n{servers}\n);\n'
                    'peers = { secret_file = "secret"; '
                    f'sync_interval = {SYNC}; }};\n'
                    'log = { directory = "log"; messages = false; };\n')
    return {n: f'{WORK}/{designs[i % len(designs)]}.conf'
            for i, n in enumerate(NAMES)}


class Server:
    def __init__(self, name, conf):
        self.name, self.conf = name, conf
        self.start()

    def start(self):
        with open(f'{WORK}/{self.name}.err', 'a') as err:
            self.process = subprocess.Popen(
                ['ip', 'netns', 'exec', space(self.name), os.environ['HERDD'],
                 '-c', self.conf, self.name],
                stdout=subprocess.DEVNULL, stderr=err)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def check(self):
        if self.process.poll() is not None:
            raise Failed(f'{self.name} has died: {self.process.returncode}')

    def log(self):
        try:
            with open(f'{WORK}/log/{self.name}.log', errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def dump(self):
        done = subprocess.run(
            [os.environ['HERDCTL'], '-c', self.conf, 'dump', self.name],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
        if done.returncode:
            raise Failed(f'dump of {self.name}: {done.stderr.decode()}')
        return done.stdout


# --- load -----------------------------------------------------------------------

class Load:
    """A driver for each server: IAMATs for clients that move about, and now and
    then one that has been sent elsewhere already, with the very same stamp."""

    def __init__(self):
        self.last = {}       # of each client: the newest stamp sent, anywhere
        self.answered = {}   # of each client: the newest stamp answered
        self.lock = threading.Lock()
        self.lines = collections.Counter()
        self.slowest = 0.0
        self.running = threading.Event()
        self.ended = False
        self.idle = {name: threading.Event() for name in NAMES}
        for i, name in enumerate(NAMES):
            threading.Thread(target=self.drive, args=(name, i),
                             daemon=True).start()

    def __enter__(self):
        self.slowest = 0.0
        for name in NAMES:
            self.idle[name].clear()
        self.running.set()

    def __exit__(self, *_):
        self.running.clear()
        for name in NAMES:
            if not self.idle[name].wait(10 * SLOWER):
                raise Failed(f'{name} leaves its client waiting')

    def drive(self, name, seed):
        enter(name)
        dice = random.Random(seed)
        while True:
            self.idle[name].set()
            self.running.wait()
            try:
                with socket.create_connection((ADDRESS[name], PORT), 5) as s:
                    self.talk(name, s, dice)
            except OSError:
                time.sleep(0.05)  # it is being killed

    def talk(self, name, s, dice):
        answers = s.makefile('rb')
        while self.running.is_set():
            sent = [self.invent(dice) for _ in range(BATCH)]
            start = time.monotonic()
            s.sendall(b''.join(line for _, _, line in sent))
            for client, stamp, _ in sent:
                answer = answers.readline()
                if not answer.startswith(b'AT '):
                    raise ConnectionError(answer)
                with self.lock:
                    self.answered[client] = max(
                        stamp, self.answered.get(client, 0))
            self.slowest = max(self.slowest, time.monotonic() - start)
            self.lines[name] += BATCH
            time.sleep(PAUSE)

    def invent(self, dice):
        client = f'client-{dice.randrange(CLIENTS)}'
        stamp = time.time_ns()
        if dice.random() < 0.1:
            stamp = self.last.get(client, stamp)
        self.last[client] = stamp
        place = f'{dice.uniform(-90, 90):+09.5f}{dice.uniform(-180, 180):+010.5f}'
        line = f'IAMAT {client} {place} {stamp // 10**9}.{stamp % 10**9:09d}\n'
        return client, stamp, line.encode()


# --- scenarios --------------------------------------------------------------------

class Herd:
    def __init__(self):
        self.edges = make_network()
        confs = write_configuration()
        self.servers = {n: Server(n, confs[n]) for n in NAMES}
        self.load = Load()
        self.seen = {}

    def tell(self, line, edges=EDGES):
        for edge in edges:
            self.edges[edge].tell(line)

    def dumps(self):
        return {n: s.dump() for n, s in self.servers.items()}

    def mark(self):
        """The logs from here on are the scenario's."""
        self.seen = {n: len(s.log()) for n, s in self.servers.items()}

    def dead(self):
        """Links found dead since the mark: (server, neighbour)."""
        return {(n, found) for n, s in self.servers.items()
                for found in SIGN_OF_LIFE.findall(s.log()[self.seen[n]:])}

    def await_dead(self, wanted, since, earliest, latest):
        """Until all these links are found dead: the seconds of the last."""
        while True:
            found = self.dead()
            took = time.monotonic() - since
            if found and took < earliest:
                raise Failed(f'declared dead after {took:.1f} s: {found}')
            if wanted <= found:
                return took
            if took > latest * SLOWER:
                raise Failed(f'not declared dead: {wanted - found}')
            time.sleep(0.2)

    def converge(self, nothing_lost=True):
        """Seconds until all dumps are equal."""
        start = time.monotonic()
        while True:
            for server in self.servers.values():
                server.check()
            began = time.monotonic() - start
            try:
                dumps = self.dumps()
            except Failed:
                dumps = {}
            if dumps and len(set(dumps.values())) == 1:
                break
            if began > LIMIT:
                counts = {n: d.count(b'\n') for n, d in dumps.items()}
                raise Failed(f'differ after {began:.1f} s: {counts}')
            time.sleep(0.1)
        if nothing_lost:
            self.check_answered(dumps[NAMES[0]])
        return began

    def check_answered(self, dump):
        """Whatever was answered is there, or what is newer. Only where nobody
        was killed: what a server had told nobody yet is lost with it."""
        held = {}
        for line in dump.decode().splitlines():
            fields = line.split(' ')
            seconds, _, nanos = fields[5].partition('.')
            held[fields[3]] = int(seconds) * 10**9 + int(nanos)
        lost = [c for c, stamp in self.load.answered.items()
                if held.get(c, -1) < stamp]
        if lost:
            raise Failed(f'{len(lost)} answered IAMATs are lost: {lost[:5]}')

    def check_slowest(self):
        if self.load.slowest > ANSWER_LIMIT:
            raise Failed(f'a client waited {self.load.slowest:.1f} s')


def good_network(herd):
    with herd.load:
        time.sleep(3)
    return 'nothing disturbed'


def delay_and_loss(herd):
    herd.tell('delay 50 loss 2')
    with herd.load:
        time.sleep(8)
    if herd.dead():
        raise Failed(f'declared dead: {herd.dead()}')
    return 'still delayed'


def partition(herd):
    apart = [e for e in EDGES
             if (e[0] in NAMES[:2]) != (e[1] in NAMES[:2])]
    links = {(a, b) for a, b in apart} | {(b, a) for a, b in apart}
    herd.tell('cut', apart)
    since = time.monotonic()
    with herd.load:
        took = herd.await_dead(links, since, *DEAD_WITHIN)
    dumps = herd.dumps()
    if len(set(dumps.values())) < 2:
        raise Failed('both sides know the same')
    herd.tell('mend')
    return f'{len(links)} links found dead within {took:.1f} s'


def cable_cut_at_rest(herd):
    edge = ('Holiday', 'Welsh')
    herd.tell('cut', [edge])
    took = herd.await_dead({edge, edge[::-1]}, time.monotonic(), *DEAD_WITHIN)
    with herd.load:
        time.sleep(1)
    herd.tell('mend')
    return f'both ends know after {took:.1f} s'


def one_way_cut(herd):
    edge = ('Holiday', 'Welsh')
    herd.tell('cut ba', [edge])
    since = time.monotonic()
    with herd.load:
        took = herd.await_dead({edge, edge[::-1]}, since, *DEAD_WITHIN)
    herd.tell('mend')
    return f'both ends know after {took:.1f} s'


def kill_loop(herd):
    victims = NAMES * 4
    rng.shuffle(victims)
    with herd.load:
        for name in victims:
            herd.servers[name].kill()
            time.sleep(rng.uniform(0, 0.4))
            herd.servers[name].start()
            time.sleep(rng.uniform(0.1, 0.6))
    return f'{len(victims)} kills'


def slow_link(herd):
    # So slow that a PING takes far more than 10 s to get past what is before it.
    # Nothing is lost: a kernel that has had to repeat itself is slow for long.
    herd.tell('rate 64 queue 60000', [('Holiday', 'Welsh')])
    with herd.load:
        time.sleep(22)
    if herd.dead():
        raise Failed(f'declared dead: {herd.dead()}')
    behind = herd.servers['Holiday'].dump() != herd.servers['Welsh'].dump()
    herd.tell('rate 0')
    if not behind:
        raise Failed('the slow link was not behind')
    return 'nobody declared dead'


SCENARIOS = [(good_network, True), (delay_and_loss, True), (partition, True),
             (cable_cut_at_rest, True), (one_way_cut, True), (slow_link, True),
             (kill_loop, False)]


def run_scenario(herd, scenario, nothing_lost):
    herd.mark()
    said = scenario(herd)
    took = herd.converge(nothing_lost)
    herd.check_slowest()
    herd.tell('delay 0 loss 0')
    print(f'ok: {scenario.__name__}: equal after {took:.1f} s; {said}; '
          f'slowest answer {herd.load.slowest * 1e3:.0f} ms', flush=True)


def show_logs(herd):
    for name, server in herd.servers.items():
        print(f'--- {name}')
        print('\n'.join(server.log()[herd.seen.get(name, 0):]
                        .splitlines()[-40:]))
        with open(f'{WORK}/{name}.err') as f:
            print(f.read()[-4000:])


def main():
    passed = failed = 0
    start = time.monotonic()
    herd = Herd()
    wanted = sys.argv[1:]
    for scenario, nothing_lost in SCENARIOS:
        if wanted and scenario.__name__ not in wanted:
            continue
        try:
            run_scenario(herd, scenario, nothing_lost)
            passed += 1
        except Failed as e:
            print(f'FAILED: {scenario.__name__}: {e}', flush=True)
            show_logs(herd)
            failed += 1
            break
    print(f'{sum(herd.load.lines.values())} IAMATs for {CLIENTS} clients in '
          f'{time.monotonic() - start:.0f} s')
    print(f'{passed} passed, {failed} failed')
    return 1 if failed or not passed else 0


signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
status = main()
sys.stdout.flush()
os._exit(status)  # as process 1: everything else ends with it
