"""Running a command in a sandbox, and telling which limit ended it."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from evalharness.errors import Unmeasured
from evalharness.model import Resources
from evalharness.workspaces import Completed, bubblewrap, cgroups
from evalharness.workspaces.limits import SIGXFSZ, by_words, starved
from evalharness.workspaces.process import Bounds, run_bounded

_GIVING_UP = 1000  # refused processes after which a command is stopped: it does nothing else any more
_LOOK_EVERY = 0.5  # seconds between two looks at the disk
_OPEN_FILES = 4096
_OWN_PROCESSES = 3  # bubblewrap's, and the shell that joins the group
_ENDED = b'"exit-code"'  # what bubblewrap reports of a command that did start


def run_confined(
    command: Sequence[str],
    *,
    view: bubblewrap.View,
    env: Mapping[str, str],
    resources: Resources,
    stdin: bytes,
    timeout: float,
) -> Completed:
    """Run a command behind walls; `stopped` names the limit that ended it, where that can be known."""
    group = cgroups.new_group(
        msgspec.structs.replace(resources, processes=resources.processes and resources.processes + _OWN_PROCESSES)
    )
    view = msgspec.structs.replace(view, limits=_rlimits(resources, grouped=group is not None))
    report = os.memfd_create("status")
    watch = _Watch(list(view.writable.values()), resources, group)
    descriptor = _arguments(bubblewrap.arguments(view, env, bubblewrap.WORKSPACE))
    walls = ["bwrap", "--args", str(descriptor), "--json-status-fd", str(report), "--", *bubblewrap.inner(view)]
    try:
        done = run_bounded(
            [*(group.joining() if group else []), *walls, *command],
            cwd="/",
            env={"PATH": bubblewrap.SEARCH_PATH},
            stdin=stdin,
            bounds=Bounds(seconds=timeout, watch=watch),
            descriptors=[descriptor, report],
        )
        if group and done.exit_code != 0 and done.stopped != "output" and group.memory_kills():
            return starved(done, group.peak(), resources)
        if done.exit_code and _ENDED not in os.pread(report, 4096, 0):  # what a command prints is no evidence
            raise Unmeasured("sandbox", done.stderr.decode("utf-8", "replace").strip()[-500:])
        return _named(done, watch, network=view.network)
    finally:
        os.close(descriptor)
        os.close(report)
        if group:
            group.remove()


def _arguments(words: Sequence[str]) -> int:
    """Put words where no process list shows them; return the open file."""
    descriptor = os.memfd_create("arguments")
    os.write(descriptor, b"\0".join(os.fsencode(word) for word in words) + b"\0")
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _rlimits(resources: Resources, *, grouped: bool) -> list[str]:
    words = ["--core=0", f"--nofile={_OPEN_FILES}", f"--fsize={resources.file_size}"]
    if not grouped:
        words += [f"--as={resources.memory_limit}", f"--nproc={resources.processes}"]
    return words


class _Watch:
    """Looks after what no limit of the kernel covers, and afterwards says what was passed."""

    def __init__(self, folders: Sequence[str], resources: Resources, group: cgroups.Group | None) -> None:
        self._folders, self._resources, self._group = folders, resources, group
        self._next = time.monotonic() + _LOOK_EVERY

    def __call__(self) -> str | None:
        """Name the limit that has been passed, if any; asked often, it looks seldom."""
        now = time.monotonic()
        if now < self._next:
            return None
        if self._group and self._group.refused_processes() > _GIVING_UP:
            return "processes"
        passed = self._disk()
        self._next = time.monotonic() + max(_LOOK_EVERY, 10 * (time.monotonic() - now))
        return passed

    def passed(self) -> str | None:
        """Name the limit that the kernel's own counters say was passed."""
        if self._group and self._group.refused_processes():
            return "processes"
        largest = max((each.st_size for each in self._files()), default=0)
        return "file_size" if largest >= (self._resources.file_size or largest + 1) else self._disk()

    def _disk(self) -> str | None:
        used = sum(each.st_blocks for each in self._files()) * 512
        return "disk" if used > (self._resources.disk or used) else None

    def _files(self) -> list[os.stat_result]:
        found = []
        for place in self._folders:
            for folder, _, files in os.walk(place):
                for name in files:
                    try:
                        found.append(Path(folder, name).lstat())
                    except OSError:  # gone since, or nested too deep to be named
                        continue
        return found


def _named(done: Completed, watch: _Watch, *, network: bool) -> Completed:
    """Put the limit behind an end into words: first what counters say, then the signal, then the last words."""
    if done.exit_code == 0 or done.stopped == "output":
        return done
    code = done.exit_code
    if code is not None and code > 128:  # as bubblewrap and shells report a signal
        code = 128 - code
    stopped = watch.passed()
    if stopped is None and done.stopped:  # what a fork bomb looks like where nothing counts processes
        stopped = "processes" if by_words(done.stderr, network=network) == "processes" else done.stopped
    elif stopped is None:
        stopped = "file_size" if code == -SIGXFSZ else by_words(done.stderr, network=network)
    exit_code = None if stopped else code
    return msgspec.structs.replace(done, exit_code=exit_code, stopped=stopped)
