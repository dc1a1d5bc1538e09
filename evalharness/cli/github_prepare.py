"""Before a gate on GitHub: which baseline, whether the checkout has it, and whether there is anything to gate."""

import os
import re
from pathlib import Path

import msgspec

from evalharness.cli.github_job import COMMIT, Job
from evalharness.errors import ConfigError
from evalharness.git import git_text


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out before the gate, and what it ended with."""

    suite: str
    candidate: str
    baseline: str
    commit: str
    tree: str
    stance: str
    reason: str = ""  # why there is nothing to gate, or no way
    exit_code: int | None = None
    fault: str = ""

    def write(self, folder: Path) -> None:
        """Leave it for the next step."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ci.json").write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def read(cls, folder: Path) -> "State":
        """Read what the step before left."""
        try:
            return msgspec.json.decode((folder / "ci.json").read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError) as exc:
            raise ConfigError(f"{folder} holds no prepared gate: {exc}") from exc


def prepare(job: Job) -> int:
    """Find the baseline, fetch what a shallow checkout lacks of it, and say whether there is anything to gate."""
    if job.event_name == "pull_request_target":
        raise ConfigError(
            "pull_request_target gives a pull request's code the secrets of this repository: use `pull_request`"
        )
    here, inputs = Path.cwd(), job.inputs
    for name in ("suite", "candidate"):
        if not getattr(inputs, name):
            raise ConfigError(f"the input {name} is missing")
    commit, tree = git_text(here, "rev-parse", "HEAD", "HEAD^{tree}").split("\n")
    reason, baseline = lacking(job), inputs.baseline
    if not reason:
        baseline, reason = (baseline, "") if baseline else default_baseline(job, here)
    if not reason:
        fetch(job, baseline, here)
        reason = "" if inputs.baseline else new_agent(baseline, inputs.candidate, here)
    State(
        suite=inputs.suite,
        candidate=inputs.candidate,
        baseline=baseline,
        commit=commit,
        tree=tree,
        stance=inputs.stance,
        reason=reason,
    ).write(job.folder)
    job.output(folder=job.folder, gated=str(not reason).lower(), artifact=artifact(job, tree))
    print(f"not gated: {reason}" if reason else f"baseline: {baseline}")  # noqa: T201 - the job's log
    return 0


def artifact(job: Job, tree: str) -> str:
    """Name what a gate leaves behind, by the content that was gated, so that a promotion finds it."""
    return f"evalh-gate-{tree}-{job.folder.name[-8:]}"


def lacking(job: Job) -> str:
    """Say which of the required variables are empty, and why that may be."""
    absent = [name for name in re.findall(r"\w+", job.inputs.requires) if not job.environ.get(name)]
    if not absent:
        return ""
    why = "a pull request from a fork gets no secrets" if job.forked else "the job does not set it"
    return f"{', '.join(absent)} is empty: {why}"


def default_baseline(job: Job, here: Path) -> tuple[str, str]:
    """Name the same agent at the base revision; or say why there is none.

    Of the merge that GitHub makes for a pull request, the base is the first parent: the event's own may be older.
    """
    parents = re.findall(r"^parent ([0-9a-f]+)$", git_text(here, "cat-file", "commit", "HEAD"), re.MULTILINE)
    event = job.event
    base = event.before
    if event.pull_request is not None:
        base = parents[0] if len(parents) == 2 else event.pull_request.base.sha
    elif event.merge_group is not None:
        base = event.merge_group.base_sha
    if not COMMIT.fullmatch(base) or not base.strip("0"):
        return "", f"the event {job.event_name or 'of this job'} has no base revision: name a baseline"
    return f"git:{base}:{job.inputs.candidate}", ""


def fetch(job: Job, baseline: str, here: Path) -> None:
    """Get the baseline's commit or version line, where the checkout is too shallow to have it."""
    kind, _, rest = baseline.partition(":")
    ref = rest.partition(":")[0]
    if kind == "line":
        wanted = f"+refs/evalh/lines/{ref}:refs/evalh/lines/{ref}"
    elif kind == "git" and not known(ref, here):
        wanted = ref if COMMIT.fullmatch(ref) else f"+refs/heads/{ref}:refs/remotes/origin/{ref}"
    else:
        return
    depth = () if kind == "line" else ("--depth=1",)
    git_text(here, "fetch", "--no-tags", *depth, "origin", wanted, environment=job.git_environment())


def known(ref: str, here: Path) -> bool:
    """Say whether the repository has a revision."""
    try:
        git_text(here, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    except ConfigError:
        return False
    return True


def new_agent(baseline: str, candidate: str, here: Path) -> str:
    """Say that the base revision does not have the candidate's file yet: there is nothing to compare it with."""
    ref = baseline.removeprefix("git:").partition(":")[0]
    if not candidate.endswith((".yaml", ".yml")):
        return ""
    try:
        git_text(here, "cat-file", "-e", f"{ref}:./{os.path.normpath(candidate)}")
    except ConfigError:
        return f"{candidate} is new: the base revision has no such agent"
    return ""
