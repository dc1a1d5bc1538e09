"""Processes that end with this one, however it ends: on Linux the kernel sees to it, even after `kill -9`."""

import fcntl
import os
import signal
import sys
from typing import Self


class Lifeline:
    """A pipe into which nobody writes, so that all it ever signals is that our end was closed.

    A process that is to be tied inherits `theirs`, and leads a group of its own: it gets a signal when our end closes,
    by `close` or because this process is gone.
    """

    def __init__(self) -> None:
        self.theirs, self._ours = os.pipe()
        self._given = False

    def tie(self, group: int, what: signal.Signals = signal.SIGKILL) -> None:
        """Tie the group that holds the other end, which is given away."""
        if sys.platform == "linux":  # these belong to the pipe's end, not to the process that sets them
            fcntl.fcntl(self.theirs, fcntl.F_SETOWN, -group)
            fcntl.fcntl(self.theirs, fcntl.F_SETSIG, what)
            fcntl.fcntl(self.theirs, fcntl.F_SETFL, fcntl.fcntl(self.theirs, fcntl.F_GETFL) | os.O_ASYNC)
        self._give()

    def _give(self) -> None:
        if not self._given:
            self._given = True
            os.close(self.theirs)

    def close(self) -> None:
        """Let go; once only."""
        self._give()
        os.close(self._ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
