"""Promotion on a push to the main branch: by the runs of the merged pull request where its content is the same.

An artifact counts only when the gate's workflow made it, in this repository, for the head of the very pull request that
the pushed commit merged: any other workflow could have uploaded one of that name.
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import msgspec

from evalharness.cli.github_api import Github
from evalharness.cli.github_job import Job
from evalharness.cli.github_prepare import State, artifact, default_baseline, fetch, known, new_agent
from evalharness.cli.github_run import DECIDED, evalh
from evalharness.errors import ConfigError
from evalharness.git import git_text
from evalharness.ledger import open_line
from evalharness.ledger.chain import Link
from evalharness.loading.definition import fingerprint, load_agent
from evalharness.model import Decision
from evalharness.report.document import Document

LARGEST = 2_000_000_000  # bytes that an artifact may unpack to
BAD_ARCHIVE = (zipfile.BadZipFile, OSError, KeyError, NotImplementedError, RuntimeError)


def promote(job: Job) -> int:
    """Put the pushed version on the line, if it is another agent than the one that stands, and its verdict promotes."""
    here, inputs = Path.cwd(), job.inputs
    try:
        fetch(job, f"line:{inputs.line}", here)
    except ConfigError as exc:
        print(f"the line {inputs.line} was not fetched: {exc}")  # noqa: T201 - the job's log
    standing = open_line(inputs.line).read().standing
    if standing and fingerprint(load_agent(inputs.candidate)) == standing.entry.fingerprint:
        print(f"nothing to promote: {standing.entry.version} is the same agent")  # noqa: T201
        return 0
    found = reused(job, here)
    if found is not None and (code := recorded(job, here, *found)) != 2:
        return code
    place = str(job.folder / "gate")
    options = (f"--candidate={inputs.candidate}", f"--baseline={baseline(job, standing, here)}", f"--out={place}")
    code, _ = evalh(job, "gate", inputs.suite, *options, "--stance=certify")
    return recorded(job, here, place) if code in DECIDED else code


def recorded(job: Job, here: Path, *judged: str) -> int:
    """Record the candidate on the line, and push it."""
    commit, subject = git_text(here, "log", "-1", "--format=%H%n%s").split("\n", 1)
    named = (f"--version={commit[:12]}", f"--intent={subject.strip() or commit}", f"--line={job.inputs.line}")
    who = f"--who={job.environ.get('GITHUB_ACTOR') or 'CI'}"
    return evalh(job, "promote", *judged, *named, who, "--push=origin", more=job.git_environment())[0]


def baseline(job: Job, standing: Link | None, here: Path) -> str:
    """Name what a fresh gate compares with: the standing version run anew, the base revision, or the line as it is."""
    if standing is not None:
        named = f"git:{standing.entry.commit}:{job.inputs.candidate}"
        if standing.entry.commit is None or not available(job, named, here):
            return f"line:{job.inputs.line}"
        return named
    named, reason = default_baseline(job, here)
    return named if not reason and available(job, named, here) else f"git:HEAD:{job.inputs.candidate}"


def available(job: Job, named: str, here: Path) -> bool:
    """Say whether a revision can be had and has the agent."""
    try:
        fetch(job, named, here)
    except ConfigError:
        return False
    return known(named.split(":")[1], here) and not new_agent(named, job.inputs.candidate, here)


def reused(job: Job, here: Path) -> tuple[str, ...] | None:
    """Judge the runs of the merged pull request again under the stance that promotes; None where that does not do."""
    if not job.token:
        return None
    tree = git_text(here, "rev-parse", "HEAD^{tree}")
    folder = job.folder / "reused"
    try:
        with Github(job) as github:
            found = trusted(github, job, artifact(job, tree), git_text(here, "rev-parse", "HEAD"))
            content = github.download(f"actions/artifacts/{found}/zip") if found else b""
    except (httpx.HTTPError, KeyError, TypeError) as exc:
        print(f"no verdict is reused: {type(exc).__name__}: {exc}")  # noqa: T201
        return None
    if not content or not unpacked(content, folder):
        return None
    return certified(job, folder, tree)


def trusted(github: Github, job: Job, name: str, commit: str) -> int | None:
    """Find the artifact of the gate of the pull request that a commit merged."""
    repository = job.environ.get("GITHUB_REPOSITORY", "")
    heads = {each["head"]["sha"] for each in github.call("GET", f"commits/{commit}/pulls") if each.get("merged_at")}
    for each in github.call("GET", "actions/artifacts", params={"name": name})["artifacts"]:
        if each.get("expired") or each.get("name") != name:
            continue
        run = github.call("GET", f"actions/runs/{int(each['workflow_run']['id'])}")
        if _gates(run, job.inputs.workflow, repository) and run["head_sha"] in heads:
            return int(each["id"])
    return None


def _gates(run: dict[str, Any], workflow: str, repository: str) -> bool:
    return (
        run["path"].partition("@")[0] == workflow
        and run["event"] == "pull_request"
        and run["conclusion"] == "success"
        and (run.get("head_repository") or {}).get("full_name") == repository
    )


def unpacked(content: bytes, folder: Path) -> bool:
    """Unpack an artifact; one that is damaged or far too large is left alone."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(each.file_size for each in archive.infolist()) > LARGEST:
                return False
            archive.extractall(folder)
    except BAD_ARCHIVE as exc:
        print(f"no verdict is reused: {exc}")  # noqa: T201
        return False
    return True


def certified(job: Job, folder: Path, tree: str) -> tuple[str, ...] | None:
    """Compare stored runs of a gate that promoted, with its own policy under the stance certify."""
    states = [(file.parent, State.read(file.parent)) for file in sorted(folder.rglob("ci.json"))]
    same = [
        place
        for place, state in states
        if (state.tree, state.suite, state.candidate) == (tree, job.inputs.suite, job.inputs.candidate)
    ]
    file = same[0] / "gate" / "verdict.json" if same else folder
    if not file.is_file():
        return None
    document = msgspec.json.decode(file.read_bytes(), type=Document)
    arms = [folder / side.place for side in (document.comparison.baseline, document.comparison.candidate)]
    inside = all(arm.resolve().is_relative_to(folder.resolve()) and arm.is_dir() for arm in arms)
    if document.verdict.decision is not Decision.PROMOTE or not inside:
        return None
    policy = msgspec.structs.replace(document.verdict.policy, stance="certify", escalate=None)
    rules, verdict = folder / "policy.json", folder / "verdict.json"
    rules.write_bytes(msgspec.json.encode({"gate": policy}))
    code, _ = evalh(job, "compare", *map(str, arms), f"--policy={rules}", f"--report={verdict}")
    return (str(verdict), f"--run={arms[1]}") if code == 0 else None
