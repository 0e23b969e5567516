#!/usr/bin/env python3
"""A server of the herd in asyncio, by streams: one task per client, which reads
a line, writes the answer, and waits until there is room for more.

    asyncio_streams.py -c FILE NAME

A stream has one limit to its lines, which here is that of updates where there
are neighbours: then what a client says may be longer than limits.line until it
ends."""
import asyncio

import herd

DISCARD = 1  # second, of what comes after a line that is too long


async def discard(reader):
    while await reader.read(65536):
        pass


async def serve_lines(server, reader, writer):
    is_neighbour = server.is_neighbour(writer.get_extra_info("peername"))
    line = b"\n"
    while line.endswith(b"\n"):
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.IncompleteReadError as end:
            line = end.partial
        except asyncio.LimitOverrunError:
            line = await reader.read(herd.SHOWN)
            break
        command = line.removesuffix(b"\n")
        if server.is_too_long(command, is_neighbour):
            break
        writer.write(server.answer(command, is_neighbour))
        await writer.drain()
    else:
        return
    writer.write(server.answer_too_long(line))
    writer.write_eof()
    await asyncio.wait_for(discard(reader), DISCARD)


async def main():
    server = herd.server_of_arguments()

    async def on_client(reader, writer):
        try:
            await serve_lines(server, reader, writer)
        except (OSError, asyncio.TimeoutError):
            writer.transport.abort()
        finally:
            writer.close()

    limit = herd.UPDATE_MAX if server.links else server.line_max
    await server.serve(asyncio.start_server(
        on_client, server.host, server.port, limit=limit, backlog=4096))


asyncio.run(main())
