"""Python's streams on an event loop: asyncio's own, or with the argument `uvloop` that one."""

import asyncio
import sys

from listening import absent, listening


async def echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=1024)
    listening(server.sockets[0].getsockname()[1])
    await server.serve_forever()


if sys.argv[1:] == ["uvloop"]:
    try:
        import uvloop
    except ImportError:
        absent("uvloop is not installed for this Python")
    uvloop.install()
asyncio.run(main())
