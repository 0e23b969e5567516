"""The herd in Python: what a server knows and says. The servers themselves,
asyncio_protocol.py and asyncio_streams.py, bring lines to it and answers away.

It is a plain server in the sense of herd(7): it speaks in lines and holds no
links. To each neighbour it keeps one connection, on which it first says all it
holds, and then what it learns. A seventh field names it as the one who says so,
and the neighbour does not say it back.

What herdd does and this does not: bound the number of connections and the time
a client may take to read; find out that a neighbour has gone without a word;
catch up by comparing what both sides hold, rather than saying it all at once;
hand over what is unsaid when it ends; tell an echo, a line that another server
has written anew, from news; ask for a secret; ask for places; keep a log."""
import asyncio
import re
import signal
import socket
import sys
import time
from fractions import Fraction

SECOND = 10**9  # ns
STAMP_MAX = 2**63 - 1
UPDATE_MAX = 128 * 1024  # bytes in an AT line
SHOWN = 128  # bytes of a line that is too long

# White space, in bytes, is the six characters that herd(7) means. The ranges
# are in the patterns, because floats would round what is just outside.
LOCATION = (rb"[+-]0*(?:[1-8]?\d(?:\.\d*)?|90(?:\.0*)?)"
            rb"[+-]0*(?:(?:1[0-7]\d|\d\d?)(?:\.\d*)?|180(?:\.0*)?)/?")
STAMP = rb"0*(\d{1,10})(?:\.(\d{0,9})\d*)?"
RADIUS = rb"0*(?:[1-4]?\d(?:\.\d*)?|50(?:\.0*)?)"
BOUND = rb"0*(?:1?\d|20)"
DIFFERENCE = rb"[+-]?\d{1,99}(?:\.\d{0,99})?(?:[eE][+-]?\d{1,3})?"

match_iamat = re.compile(
    rb"\s*IAMAT\s+(\S+)\s+(%b)\s+(%b)\s*" % (LOCATION, STAMP)).fullmatch
match_whatsat = re.compile(
    rb"\s*WHATSAT\s+(\S+)\s+(%b)\s+(%b)\s*" % (RADIUS, BOUND)).fullmatch
match_at = re.compile(
    rb"\s*AT\s+(\S+)\s+(%b)\s+(\S+)\s+(%b)\s+(%b)(?:\s+(\S+).*)?\s*"
    % (DIFFERENCE, LOCATION, STAMP), re.DOTALL).fullmatch
match_own_form = re.compile(rb"[+-]\d{1,10}\.\d{9}").fullmatch
begins_update = re.compile(rb"\s*AT\s").match

NO_PLACES = b"""
{
   "html_attributions" : [],
   "results" : [],
   "status" : "ZERO_RESULTS"
}

"""
NO_PROVIDER = b"""
{
   "error_message" : "This server has no places provider.",
   "html_attributions" : [],
   "results" : [],
   "status" : "UNKNOWN_ERROR"
}

"""


def nanoseconds(seconds, fraction):
    """Of the digits before and behind the point of a stamp."""
    return int(seconds + (fraction or b"").ljust(9, b"0"))


def order(line):
    """Of two lines with the same stamp, that with the smaller order wins."""
    difference = line.split(b" ", 3)[2]
    if match_own_form(difference):
        return False, int(difference.replace(b".", b"")), line
    return True, int(Fraction(difference.decode()) * SECOND), line


class Server:
    """One server of the herd: all that is not about its clients' sockets."""

    def __init__(self, file, name):
        with open(file, encoding="latin-1") as conf:
            servers, self.line_max, self.clock_ahead = read_conf(conf.read())
        self.name = name.encode("latin-1")
        self.host, self.port, _ = servers[name]
        self.known = {}  # client id: (stamp, AT line)
        self.links = []
        self.neighbour_addresses = set()
        for other, (host, port, talks_to) in servers.items():
            if other in servers[name][2] or name in talks_to:
                self.links.append(Link(self, other, host, port))
                self.neighbour_addresses |= {
                    info[4][0] for info in socket.getaddrinfo(host, port)}

    def is_neighbour(self, peername):
        return peername[0] in self.neighbour_addresses

    # --- commands ---

    def is_too_long(self, line, from_neighbour):
        """Of a line that may have no end yet."""
        return len(line) > self.line_max and (
            len(line) > UPDATE_MAX or not from_neighbour
            or not begins_update(line))

    def answer(self, line, from_neighbour):
        """The bytes that answer one line; none for an update or white space."""
        answer = None
        if fields := match_iamat(line):
            answer = self.iamat(*fields.groups())
        elif fields := match_whatsat(line):
            answer = self.whatsat(*fields.groups())
        elif from_neighbour and (fields := match_at(line)):
            answer = self.at(*fields.groups())
        if answer is None:
            command = line.strip()
            answer = b"? %b\n" % command if command else b""
        return answer

    def answer_too_long(self, line):
        return b"? %b\n" % line[:SHOWN]

    def iamat(self, client, location, stamp, seconds, fraction):
        stamp_ns = nanoseconds(seconds, fraction)
        difference = time.time_ns() - stamp_ns
        if stamp_ns > STAMP_MAX or 0 < self.clock_ahead < -difference:
            return None
        digits = b"%+011d" % difference
        line = b"AT %b %b.%b %b %b %b" % (
            self.name, digits[:-9], digits[-9:], client, location, stamp)
        self.learn(client, stamp_ns, line)
        return line + b"\n"

    def whatsat(self, client, radius, bound):
        if client not in self.known:
            return None
        _, line = self.known[client]
        nothing = not radius.strip(b"0.") or not bound.strip(b"0")
        return line + (NO_PLACES if nothing else NO_PROVIDER)

    def at(self, origin, difference, client, location, stamp, seconds, fraction,
           sender):
        stamp_ns = nanoseconds(seconds, fraction)
        if stamp_ns > STAMP_MAX:
            return None
        line = b"AT %b %b %b %b %b" % (
            origin, difference, client, location, stamp)
        self.learn(client, stamp_ns, line, sender)
        return b""

    def learn(self, client, stamp_ns, line, sender=None):
        """Keep what is newer, and tell all neighbours but him who said it."""
        if client in self.known:
            held_ns, held = self.known[client]
            if (stamp_ns < held_ns or line == held
                    or stamp_ns == held_ns and order(line) > order(held)):
                return
        self.known[client] = stamp_ns, line
        for link in self.links:
            if link.name != sender:
                link.tell(client, line)

    # --- the process ---

    async def serve(self, listening):
        """Until SIGTERM. `listening` is what the loop makes a server of."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        server = await listening
        links = [asyncio.create_task(link.keep()) for link in self.links]
        print("serving on", server.sockets[0].getsockname(), flush=True)
        await stop.wait()
        server.close()
        for link in links:
            link.cancel()


class Link(asyncio.Protocol):
    """The connection to one neighbour, made again whenever it is lost."""

    SHORTEST, LONGEST = 0.05, 2  # seconds between two attempts

    def __init__(self, server, name, host, port):
        self.server = server
        self.name = name.encode("latin-1")
        self.address = host, port
        self.untold = {}  # client id: AT line, the newest
        self.transport = None
        self.paused = False

    async def keep(self):
        loop = asyncio.get_running_loop()
        pause = self.SHORTEST
        while True:
            try:
                self.lost = loop.create_future()
                await loop.create_connection(
                    lambda: self, *self.address,
                    local_addr=(self.server.host, 0))
                pause = self.SHORTEST
                await self.lost
            except OSError:
                pause = min(2 * pause, self.LONGEST)
            await asyncio.sleep(pause)

    def connection_made(self, transport):
        self.transport = transport
        self.paused = False
        self.untold = {
            client: line for client, (_, line) in self.server.known.items()}
        self.flush()

    def connection_lost(self, _):
        self.transport = None
        self.lost.set_result(None)

    def tell(self, client, line):
        """Soon, and all that is learnt until then in one write."""
        if self.transport:
            if not self.untold:
                asyncio.get_running_loop().call_soon(self.flush)
            self.untold[client] = line

    def flush(self):
        if self.untold and self.transport and not self.paused:
            end = b" %b\n" % self.server.name
            self.transport.write(end.join([*self.untold.values(), b""]))
            self.untold.clear()

    def pause_writing(self):
        self.paused = True

    def resume_writing(self):
        self.paused = False
        self.flush()


def read_conf(text):
    """What this needs of herd.conf: {name: (host, port, talks_to)}, limits."""
    text = re.sub(r"(?m)^\s*(#|//).*", "", text)

    def setting(pattern, where, default):
        found = re.search(r"\b" + pattern, where)
        return found[1] if found else default

    servers = {}
    for server in re.findall(r"\{([^{}]*\bname\s*=[^{}]*)\}", text):
        servers[setting(r'name\s*=\s*"(.+?)"', server, "")] = (
            setting(r'host\s*=\s*"(.+?)"', server, "127.0.0.1"),
            int(setting(r"port\s*=\s*(\d+)", server, "")),
            re.findall(r'"(.+?)"',
                       setting(r"talks_to\s*=\s*\[(.*?)\]", server, "")))
    line_max = int(setting(r"line\s*=\s*(\d+)", text, "65536"))
    clock_ahead = float(setting(r"clock_ahead\s*=\s*([\d.]+)", text, "0"))
    return servers, line_max, int(clock_ahead * SECOND)


def server_of_arguments():
    """FILE and NAME are the last two arguments, as herdd has them."""
    return Server(*sys.argv[-2:])
