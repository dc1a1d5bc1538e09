"""The start of a host process, and the pipes between it and its parent."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import msgspec

import evalharness
from evalharness.agents.wire import HostSpec
from evalharness.workspaces.lifeline import Lifeline

BOOT = """\
import json, sys
first, last = json.loads(sys.argv[1])
sys.path[:] = first + [each for each in sys.path if each not in first] + last
from evalharness.agents.host import main
main()
"""


class Pipes(NamedTuple):
    """The parent's ends: to ask, to hear, and what the process hangs on."""

    requests: int
    answers: int
    life: Lifeline


def started(spec: HostSpec, *, python: str, slots: int) -> tuple["subprocess.Popen[bytes]", Pipes]:
    """Start the process; return it with the ends of the pipes to it."""
    (requests, requests_end), (answers_end, answers), life = os.pipe(), os.pipe(), Lifeline()
    try:
        process = subprocess.Popen(  # noqa: S603 - the interpreter that the user named
            [python, "-c", BOOT, _paths(spec.folder, python), str(requests), str(answers), str(slots)],
            cwd=spec.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            pass_fds=(requests, answers, life.theirs),
            start_new_session=True,
        )
        life.tie(process.pid)
    except OSError:
        os.close(requests_end)
        os.close(answers_end)
        life.close()
        raise
    finally:
        os.close(requests)
        os.close(answers)
    return process, Pipes(requests_end, answers_end, life)


def _paths(folder: str, python: str) -> str:
    """Say what comes first and last on a host's import path.

    The same interpreter gets this process's path; another one keeps its own, and finds this package behind it.
    """
    if python == sys.executable:
        return json.dumps([[folder, *(each for each in sys.path if each != folder)], []])
    ours = {str(Path(module.__file__ or "").parent.parent) for module in (evalharness, msgspec)}
    return json.dumps([[folder], sorted(ours)])
