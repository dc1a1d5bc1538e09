"""Control groups: limits on all processes of a trial together, where this process may make groups.

That takes root on a machine whose /sys/fs/cgroup can be written: either version 1, or version 2 with the controllers
memory, pids and cpu handed down from the top. Everywhere else there are none, and limits are per process.
"""

import functools
import itertools
import os
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from evalharness.model import Resources

MOUNT = Path("/sys/fs/cgroup")
CONTROLLERS = ("memory", "pids", "cpu")
_PERIOD = 100_000  # microseconds in which a share of the processors is counted
_PATIENCE = 2.0  # seconds that the kernel may take to let go of a group
_numbers = itertools.count(1)


class Group(Struct, frozen=True):
    """A control group of one trial: a folder per controller in version 1, the same for all in version 2."""

    folders: dict[str, str]
    unified: bool

    def joining(self) -> list[str]:
        """Give the words before a command that make it start in the group."""
        doors = sorted({f"{folder}/cgroup.procs" for folder in self.folders.values()})
        script = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 125; shift; n=$((n-1)); done; exec "$@"'
        return ["/bin/sh", "-c", script, "sh", str(len(doors)), *doors]

    def refused_processes(self) -> int:
        """Count how often a process could not be started for there were too many."""
        return self._counter("pids", "pids.events", "max")

    def memory_kills(self) -> int:
        """Count the processes that were killed for want of memory."""
        return self._counter("memory", "memory.events" if self.unified else "memory.oom_control", "oom_kill")

    def peak(self) -> int | None:
        """Return the most memory that was ever used, in bytes; None where the kernel does not say."""
        file = "memory.peak" if self.unified else "memory.max_usage_in_bytes"
        try:
            return int(Path(self.folders["memory"], file).read_text(encoding="ascii"))
        except OSError:
            return None

    def remove(self) -> None:
        """Let go of the group, once its processes are gone."""
        deadline = time.monotonic() + _PATIENCE
        left = {Path(folder) for folder in self.folders.values()}
        while left := {folder for folder in left if not _removed(folder)}:
            if time.monotonic() > deadline:
                return  # the next sweep finds it
            time.sleep(0.005)

    def _counter(self, controller: str, file: str, name: str) -> int:
        try:
            said = Path(self.folders[controller], file).read_text(encoding="ascii")
        except OSError:
            return 0
        return next((int(line.split()[1]) for line in said.splitlines() if line.startswith(f"{name} ")), 0)


def new_group(resources: Resources) -> Group | None:
    """Make a control group that keeps these limits; None where that cannot be done."""
    homes = available()
    if homes is None:
        return None
    unified = (MOUNT / "cgroup.controllers").is_file()
    name = f"evalh-{os.getpid()}-{next(_numbers)}"
    group = Group({each: f"{home}/{name}" for each, home in homes.items()}, unified)
    for controller, folder in group.folders.items():
        Path(folder).mkdir(exist_ok=True)
        for file, value in _settings(resources, unified=unified)[controller].items():
            _set(Path(folder, file), value)
    return group


def of_process(pid: int, container: str) -> Group | None:
    """Find the group of a container by its first process; None where it cannot be seen from here.

    Its path holds the container's id; with an engine on another machine, the process of that number is none of it.
    """
    unified = (MOUNT / "cgroup.controllers").is_file()
    try:
        paths = _paths(Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii"))
    except OSError:
        return None
    if unified:
        folders = {each: f"{MOUNT}{paths.get('', '')}" for each in CONTROLLERS}
    else:
        folders = {each: f"{MOUNT / each}{paths.get(each, '')}" for each in CONTROLLERS}
    ours = container in folders["memory"] and Path(folders["memory"]).is_dir()
    return Group(folders, unified) if ours else None


def _paths(written: str) -> dict[str, str]:
    """Read which group each controller keeps a process in; version 2 has no name."""
    lines = (line.split(":", 2) for line in written.splitlines())
    return {name: path for _, names, path in lines for name in names.split(",")}


@functools.cache
def available() -> Mapping[str, str] | None:
    """Say in which folder groups of each controller are made, or None; what dead processes left is swept up first."""
    if not Path("/proc/self/cgroup").is_file():
        return None
    unified = (MOUNT / "cgroup.controllers").is_file()
    homes = {each: str(MOUNT) if unified else _own_home(each) for each in CONTROLLERS}
    if unified:
        try:
            handed_down = (MOUNT / "cgroup.subtree_control").read_text(encoding="ascii").split()
        except OSError:
            return None
        if not {*CONTROLLERS} <= {*handed_down}:
            return None
    for home in set(homes.values()):
        _sweep(Path(home))
        probe = Path(home, f"evalh-{os.getpid()}-probe")
        try:
            probe.mkdir(exist_ok=True)
            probe.rmdir()
        except OSError:
            return None
    return homes


def _own_home(controller: str) -> str:
    """Return the group of version 1 that this process is in: what holds it back holds its trials back too."""
    paths = _paths(Path("/proc/self/cgroup").read_text(encoding="ascii"))
    own = Path(f"{MOUNT / controller}{paths.get(controller, '')}")
    return str(own if own.is_dir() else MOUNT / controller)


def _settings(resources: Resources, *, unified: bool) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {"memory": {}, "pids": {}, "cpu": {}}
    if resources.memory_limit is not None:
        limit = str(resources.memory_limit)
        swap = {"memory.swap.max": "0"} if unified else {"memory.memsw.limit_in_bytes": limit}
        found["memory"] = {"memory.max" if unified else "memory.limit_in_bytes": limit, **swap}
    if resources.processes is not None:
        found["pids"] = {"pids.max": str(resources.processes)}
    if resources.cpus is not None:
        quota = str(int(resources.cpus * _PERIOD))
        found["cpu"] = {"cpu.max": f"{quota} {_PERIOD}"} if unified else {"cpu.cfs_quota_us": quota}
    return found


def _set(file: Path, value: str) -> None:
    if ("swap" in file.name or "memsw" in file.name) and not file.exists():  # a kernel that does not count swap
        return
    file.write_text(value, encoding="ascii")


def _sweep(home: Path) -> None:
    for each in home.glob("evalh-*-*"):
        owner = each.name.split("-")[1]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            _removed(each)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
