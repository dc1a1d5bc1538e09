"""Running evalh inside a GitHub job: without the runner's files and tokens, and with workflow commands switched off."""

import secrets
import subprocess
import sys
from collections.abc import Mapping

import msgspec

from evalharness.cli.github_job import Job
from evalharness.cli.github_prepare import State

DECIDED = (0, 1, 3)
REPORTS = ("html", "sarif", "xml")


def gate(job: Job) -> int:
    """Run the gate without the runner's files and tokens; what it and its agents print is no workflow command."""
    state, inputs = State.read(job.folder), job.inputs
    if state.reason:
        return 0
    options = {
        "trials": inputs.trials,
        "workers": inputs.workers,
        "budget-usd": inputs.budget_usd,
        "budget-minutes": inputs.budget_minutes,
        "stance": inputs.stance,
    }
    place = job.folder / "gate"
    arguments = [state.suite, f"--candidate={state.candidate}", f"--baseline={state.baseline}", f"--out={place}"]
    arguments += [f"--{name}={value}" for name, value in options.items() if value]
    code, fault = evalh(job, "gate", *arguments)
    if code in DECIDED:
        evalh(job, "report", str(place), *(f"--out={job.report(ending)}" for ending in REPORTS))
    msgspec.structs.replace(state, exit_code=code, fault=fault).write(job.folder)
    return 0


def evalh(job: Job, *arguments: str, more: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a command of evalh; return its exit code and its last error line."""
    resume, fault = secrets.token_hex(16), ""
    print(f"::stop-commands::{resume}", flush=True)  # noqa: T201 - spoken to the runner
    process = subprocess.Popen(  # noqa: S603 - a list of arguments; no shell reads it
        [sys.executable, "-P", "-m", "evalharness", *arguments],
        env=job.agents_environment() | dict(more or {}),
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    for line in process.stderr or ():
        sys.stderr.write(line)
        fault = line.strip() if line.startswith("error:") else fault
    code = process.wait()
    print(f"\n::{resume}::", flush=True)  # noqa: T201
    return code, fault
