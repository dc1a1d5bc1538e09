"""The command line of bubblewrap: what of the machine can be seen inside a sandbox.

Run by root, there is no user namespace: commands get a user number of their own that owns nothing else here, because
root inside a user namespace would still be root to files of the host. Run by anybody else, there is one.
"""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

WORKSPACE, AGENT, PYTHON, TMP = "/workspace", "/agent", "/python", "/tmp"  # noqa: S108 - places inside, private to a sandbox
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
TOOLS = ("bwrap", "setpriv", "prlimit")
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/debian_version",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/pki/tls/certs",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
)
_NETWORK = ("/etc/hosts", "/etc/resolv.conf", "/etc/services", "/etc/protocols")
_GUEST = 1000  # the number that commands see as their own in a user namespace
_SHM = "/dev/shm"  # noqa: S108 - likewise
_SHARED_MEMORY = 64 << 20


class View(Struct, frozen=True, kw_only=True):
    """What a sandbox shows: places inside with the host's path; and what its commands may not do."""

    writable: Mapping[str, str]
    read_only: Mapping[str, str]
    network: bool
    user: int | None
    limits: Sequence[str] = ()


def arguments(view: View, env: Mapping[str, str], cwd: str) -> list[str]:
    """Write what bubblewrap is told; parents before what lies in them."""
    words = ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox"]
    words += ["--die-with-parent", "--new-session", "--clearenv"]
    words += [] if view.network else ["--unshare-net"]
    if view.user is None:
        words += ["--unshare-user", "--uid", str(_GUEST), "--gid", str(_GUEST)]
    words += [*_shown("/usr"), *(word for folder in _SYSTEM for word in _shown(folder))]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(_SHARED_MEMORY), "--perms", "1777", "--tmpfs", _SHM]
    settings = [*_SETTINGS, *(_NETWORK if view.network else ())]
    words += [word for path in settings for word in ("--ro-bind-try", os.path.realpath(path), path)]
    for inside, path in sorted(view.writable.items()):
        words += ["--bind", path, inside]
    for parent in sorted({str(parent) for inside in view.read_only for parent in Path(inside).parents} - {"/", "/etc"}):
        words += ["--perms", "0755", "--dir", parent]  # left to itself, bubblewrap shuts out everybody but its own user
    for inside, path in sorted(view.read_only.items()):
        words += ["--ro-bind", path, inside]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", cwd]
    for name, value in env.items():
        words += ["--setenv", name, value]
    return words


def inner(view: View) -> list[str]:
    """Give the words before a command that take its rights away, inside the sandbox."""
    rights = []
    if view.user is not None:
        rights = ["setpriv", "--reuid", str(view.user), "--regid", str(view.user), "--clear-groups"]
        rights += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
    return [*rights, "prlimit", *view.limits, "--"]


def _shown(folder: str) -> list[str]:
    if os.path.islink(folder):  # noqa: PTH114 - as plain as what it is for
        return ["--symlink", str(Path(folder).readlink()), folder]
    return ["--ro-bind-try", folder, folder]


def home_of_python() -> list[str]:
    """List the folders of the Python that evalh runs with."""
    return sorted({str(Path(sys.prefix).resolve()), str(Path(sys.base_prefix).resolve()), sys.prefix, sys.base_prefix})


@functools.cache
def missing() -> str | None:
    """Say why there can be no sandbox on this machine; None where there can."""
    if sys.platform != "linux":
        return "bubblewrap works on Linux only"
    absent = [tool for tool in TOOLS if shutil.which(tool) is None]
    if absent:
        return f"{', '.join(absent)} not found: install the packages bubblewrap and util-linux"
    view = View(writable={}, read_only={}, network=False, user=_GUEST if os.geteuid() == 0 else None)
    words = [*arguments(view, {"PATH": SEARCH_PATH}, "/"), "--", *inner(view), "true"]
    done = subprocess.run(["bwrap", *words], capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode:
        said = " ".join(done.stderr.split())[-200:]
        return f"bubblewrap cannot make a sandbox here ({said}); user namespaces may be forbidden"
    return None
