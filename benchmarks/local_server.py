"""HTTP on loopback for the benchmarks of agents behind it: a process of its own takes nothing from the client."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


async def serve(answer: Callable[[bytes], Awaitable[bytes]]) -> None:
    """Answer every request with what `answer` makes of its head in small letters, on a port that is printed."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length or 0))
                writer.write(await answer(head))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def served(script: str, *arguments: str) -> Iterator[str]:
    """Start a script that serves, and say at which address; it ends with the block."""
    server = subprocess.Popen([sys.executable, script, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        port = (server.stdout.readline() if server.stdout else "").strip()
        yield f"http://127.0.0.1:{port}/"
    finally:
        server.terminate()
        server.wait()
