"""What the parent and its host processes say to each other: messages with their length in front, over two pipes."""

from typing import BinaryIO

from msgspec import Struct

from evalharness.model import Task, Transcript, UnmeasuredRules

LENGTH_BYTES = 8


class HostSpec(Struct, frozen=True, kw_only=True):
    """What a host is for; the first message it gets."""

    call: str
    takes: str
    folder: str
    unmeasured: UnmeasuredRules


class Ready(Struct, frozen=True, kw_only=True):
    """The first answer of a host; `fault` says why the function cannot be used."""

    fault: str | None = None


class Request(Struct, frozen=True, kw_only=True):
    """One trial to be done, in the workspace at `location`."""

    id: int
    task: Task
    location: str
    seed: int


class Answer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a request: a transcript, or `fault` (the agent's doing), or `unmeasured` (not its doing)."""

    id: int
    transcript: Transcript | None = None
    fault: str | None = None
    unmeasured: str | None = None
    detail: str = ""
    retry_after: float | None = None


def write_message(pipe: BinaryIO, content: bytes) -> None:
    """Send one message; the caller sees to it that only one thread does."""
    pipe.write(len(content).to_bytes(LENGTH_BYTES, "big") + content)
    pipe.flush()


def read_message(pipe: BinaryIO) -> bytes | None:
    """Receive one message; None when the other side is gone."""
    length = pipe.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES:
        return None
    content = pipe.read(int.from_bytes(length, "big"))
    return content if len(content) == int.from_bytes(length, "big") else None
