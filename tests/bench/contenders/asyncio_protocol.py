#!/usr/bin/env python3
"""A server of the herd in asyncio, by callbacks: an asyncio.Protocol takes all
lines that one read brings at once, and answers them in one write.

    asyncio_protocol.py [--uvloop] -c FILE NAME"""
import asyncio
import sys

import herd


class Client(asyncio.Protocol):
    DISCARD = 1  # second, of what comes after a line that is too long

    def __init__(self, server):
        self.server = server
        self.rest = b""  # a line that has no end yet
        self.deaf = False

    def connection_made(self, transport):
        self.transport = transport
        self.is_neighbour = self.server.is_neighbour(
            transport.get_extra_info("peername"))

    def data_received(self, data):
        if not self.deaf:
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.answer(lines)

    def answer(self, lines):
        server, is_neighbour = self.server, self.is_neighbour
        answers = []
        for line in lines:
            if server.is_too_long(line, is_neighbour):
                return self.give_up(answers, line)
            answers.append(server.answer(line, is_neighbour))
        if server.is_too_long(self.rest, is_neighbour):
            return self.give_up(answers, self.rest)
        self.transport.write(b"".join(answers))

    def give_up(self, answers, line):
        self.deaf = True
        self.transport.write(
            b"".join(answers) + self.server.answer_too_long(line))
        self.transport.write_eof()
        asyncio.get_running_loop().call_later(
            self.DISCARD, self.transport.abort)

    def eof_received(self):
        if not self.deaf and self.rest:
            self.transport.write(
                self.server.answer(self.rest, self.is_neighbour))
        # Returns None: the transport sends what is left, and closes.

    # A client that does not read its answers is not read either.

    def pause_writing(self):
        self.transport.pause_reading()

    def resume_writing(self):
        self.transport.resume_reading()


async def main():
    server = herd.server_of_arguments()
    await server.serve(asyncio.get_running_loop().create_server(
        lambda: Client(server), server.host, server.port, backlog=4096))


if "--uvloop" in sys.argv:
    import uvloop
    uvloop.install()
asyncio.run(main())
