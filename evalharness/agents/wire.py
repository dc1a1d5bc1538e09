"""What the parent and its host processes say to each other: messages with their length in front, over two pipes."""

from typing import BinaryIO

import msgspec
from msgspec import Struct

from evalharness.model import Task, Transcript, UnmeasuredRules

LENGTH_BYTES = 8
LONGEST_BYTES = 64 * 1024 * 1024  # an answer above this is no answer, and a length above it no length


class HostSpec(Struct, frozen=True, kw_only=True):
    """What a host is for; the first message it gets."""

    call: str
    takes: str
    folder: str
    unmeasured: UnmeasuredRules


class Ready(Struct, frozen=True, kw_only=True):
    """The first answer of a host; `fault` says why the function cannot be used."""

    fault: str | None = None


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One trial to be done; without a task it asks for a sign of life.

    The workspace is a folder at `location`, or of another kind, pickled.
    """

    id: int
    task: Task | None = None
    location: str = ""
    workspace: bytes = b""
    seed: int = 0


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a request: a transcript, or `fault` (the agent's doing), or `unmeasured` (not its doing)."""

    id: int
    transcript: Transcript | None = None
    fault: str | None = None
    logs: str = ""
    unmeasured: str | None = None
    detail: str = ""
    retry_after: float | None = None


def write_message(pipe: BinaryIO, content: bytes) -> None:
    """Send one message; the caller sees to it that only one thread does."""
    pipe.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    pipe.flush()


def read_message(pipe: BinaryIO) -> bytes | None:
    """Receive one message, None when the other side is gone; ValueError for what is no message of ours."""
    head = pipe.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = int.from_bytes(head, "big")
    if length > 2 * LONGEST_BYTES:
        raise ValueError(f"a message of {length} bytes")
    content = pipe.read(length)
    return content if len(content) == length else None


# Learnt here, in the thread that imports: the listeners of several hosts must not introduce them at once.
READY = msgspec.msgpack.Decoder(Ready)
ANSWERS = msgspec.msgpack.Decoder(Answer)
