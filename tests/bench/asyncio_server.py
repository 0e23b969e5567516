#!/usr/bin/env python3
"""The floor in Python: answers IAMAT and knows nobody, to measure against.

    asyncio_server.py protocol|streams PORT

protocol: an asyncio.Protocol, which takes all lines of a read at once; streams:
a StreamReader, line by line. Both are as simple as they can be."""
import asyncio
import sys
import time


def answer(line):
    fields = line.split()
    if len(fields) != 4 or fields[0] != b"IAMAT":
        return b"? " + line + b"\n"
    difference = time.time() - float(fields[3])
    return b"AT Python %+.9f %s %s %s\n" % (difference, *fields[1:])


class Lines(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.rest = b""

    def data_received(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        if lines:
            self.transport.write(b"".join([answer(line) for line in lines]))


async def serve_stream(reader, writer):
    while line := await reader.readline():
        writer.write(answer(line.rstrip(b"\n")))
        await writer.drain()
    writer.close()


async def main(kind, port):
    loop = asyncio.get_running_loop()
    if kind == "protocol":
        server = await loop.create_server(Lines, "127.0.0.1", port)
    else:
        server = await asyncio.start_server(serve_stream, "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
