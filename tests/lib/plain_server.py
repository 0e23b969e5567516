#!/usr/bin/env python3
"""A herd server of another kind, for the tests: what a plain neighbour may be.

    plain_server.py -c FILE NAME

It knows nothing of links: each command has a connection of its own, and so has
each update to each neighbour, which is tried once. Times are floats, and are
written anew wherever they pass; the servers an update has visited stand behind
its six fields. What it does goes to NAME.log beside FILE."""
import asyncio
import os
import re
import signal
import socket
import sys
import time

NOTHING = ('{\n   "html_attributions" : [],\n   "results" : [],\n'
           '   "status" : "ZERO_RESULTS"\n}\n\n')
LOCATION = re.compile(r"[+-]\d+(\.\d*)?[+-]\d+(\.\d*)?/?")


class Server:
    def __init__(self, path, name):
        self.name = name
        self.ports, self.neighbours = read_conf(path, name)
        self.clients = {}  # id: (time, AT line)
        self.log_file = open(os.path.join(os.path.dirname(path), name + ".log"),
                             "a", buffering=1, encoding="latin-1")
        self.tasks = set()

    def log(self, text):
        self.log_file.write(text + "\n")

    def iamat(self, client, location, stamp):
        if not LOCATION.fullmatch(location):
            return None
        difference = time.time() - float(stamp)
        line = f"AT {self.name} {difference!r} {client} {location} {stamp}"
        self.learn(line, client, float(stamp), [])
        return line + "\n"

    def whatsat(self, client, radius, bound):
        if float(radius) > 50 or int(bound) > 20:
            return None
        return self.clients[client][1] + "\n" + NOTHING

    def at(self, origin, difference, client, location, stamp, *visited):
        line = (f"AT {origin} {float(difference)!r} {client} {location} "
                f"{float(stamp)!r}")
        self.learn(line, client, float(stamp), visited)
        return ""

    def learn(self, line, client, stamp, visited):
        if client in self.clients and self.clients[client][0] >= stamp:
            return
        self.clients[client] = (stamp, line)
        update = " ".join([line, *visited, self.name])
        for neighbour in self.neighbours:
            if neighbour not in visited:
                task = asyncio.create_task(self.flood(neighbour, update))
                self.tasks.add(task)
                task.add_done_callback(self.tasks.discard)

    async def flood(self, neighbour, update):
        try:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", self.ports[neighbour])
            writer.write(update.encode("latin-1"))
            writer.close()
            await writer.wait_closed()
            self.log(f"flooded to {neighbour}: {update}")
        except OSError as error:
            self.log(f"cannot flood to {neighbour}: {error}")

    def answer(self, text):
        verbs = {"IAMAT": self.iamat, "WHATSAT": self.whatsat, "AT": self.at}
        fields = text.split()
        try:
            answer = verbs[fields[0]](*fields[1:])
        except (KeyError, TypeError, ValueError):
            answer = None
        return "? " + text.strip() + "\n" if answer is None else answer

    async def on_client(self, reader, writer):
        try:
            while line := (await reader.readline()).decode("latin-1"):
                if not line.strip():
                    continue
                self.log("received " + line.strip())
                writer.write(self.answer(line).encode("latin-1"))
            writer.close()
            await writer.wait_closed()
        except OSError as error:
            self.log(f"client lost: {error}")

    async def serve(self):
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGTERM, sys.exit, 0)
        if os.environ.get("LISTEN_PID") == str(os.getpid()):
            at = {"sock": socket.socket(fileno=3)}
        else:
            at = {"host": "127.0.0.1", "port": self.ports[self.name]}
        server = await asyncio.start_server(self.on_client, backlog=4096, **at)
        self.log("serving on " + str(server.sockets[0].getsockname()))
        await server.serve_forever()


def read_conf(path, name):
    """The ports of all servers, and this one's neighbours."""
    ports, edges = {}, set()
    with open(path, encoding="latin-1") as conf:
        for server, port, others in re.findall(
                r'name = "(\S+?)";.*?port = (\d+);.*?talks_to = \[(.*?)\]',
                conf.read()):
            ports[server] = int(port)
            for other in re.findall(r'"(.+?)"', others):
                edges |= {(server, other), (other, server)}
    return ports, sorted(to for of, to in edges if of == name)


asyncio.run(Server(sys.argv[2], sys.argv[3]).serve())
