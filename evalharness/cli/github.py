"""The steps of the GitHub action: `python -P -m evalharness.cli.github prepare|gate|publish|finish|promote`.

The step `gate` runs agents and has no token; `publish` has one and runs nothing. What a step leaves for the next lies
in `ci.json` of the gate's folder.
"""

import os
import sys
from collections.abc import Callable
from typing import TypeVar

import httpx
import msgspec

from evalharness.cli.github_api import Github
from evalharness.cli.github_job import Job
from evalharness.cli.github_prepare import State, prepare
from evalharness.cli.github_promote import promote
from evalharness.cli.github_run import DECIDED, REPORTS, gate
from evalharness.errors import ConfigError, EvalHarnessError
from evalharness.model import Comparison
from evalharness.redact import Redactor
from evalharness.report import github as said
from evalharness.report.document import Document

Found = TypeVar("Found")


def publish(job: Job) -> int:
    """Tell of the gate: outputs, annotations, the job's page, the comment and the check run."""
    state = State.read(job.folder)
    told, comparison = outcome(job, state)
    html, sarif, junit = (file if file.is_file() else "" for file in map(job.report, REPORTS))
    scan = bool(sarif) and not job.forked
    job.output(verdict=told.decision, exit_code=told.exit_code, report=html, sarif=sarif, junit=junit)
    job.output(scan=str(scan).lower())
    told = tell(job, told)
    for line in said.annotations(told, comparison):
        print(line)  # noqa: T201 - spoken to the runner
    job.summarise(said.summary(told))
    return 0


def outcome(job: Job, state: State) -> tuple[said.Told, Comparison | None]:
    """Say what came of the gate: a decision, a reason why there is none, or a fault."""
    code = 4 if state.exit_code is None else state.exit_code
    told = said.Told(
        suite=state.suite,
        candidate=state.candidate,
        baseline=state.baseline or "no baseline",
        commit=state.commit,
        decision=said.NOT_GATED if state.reason else said.FAILED,
        exit_code=(3 if state.stance == "certify" else 0) if state.reason else code,
        because=state.reason or state.fault or f"evalh gate ended with exit code {code}; its log says why",
        link=job.link,
    )
    file = job.folder / "gate" / "verdict.json"
    if state.reason or code not in DECIDED or not file.is_file():
        return told, None
    content = Redactor.from_environment().clean_json(file.read_bytes())
    document = msgspec.json.decode(content, type=Document)
    return said.judged(document.comparison, document.verdict, told), document.comparison


def tell(job: Job, told: said.Told) -> said.Told:
    """Write comment and check run as far as the token may; return what is told, with the decision before."""
    if not job.token:
        return told
    with Github(job) as github:
        if job.inputs.comment == "true" and job.issue is not None:
            author = job.inputs.comment_author
            found = permitted("comment", lambda: github.say(job.issue or 0, told, author))
            told = found or told
            if found and job.inputs.issue and told.before not in ("", told.decision):
                permitted("comment", lambda: github.note_change(job.issue or 0, told))
        if job.inputs.check == "true":
            pull = job.event.pull_request
            sha = pull.head.sha if pull else told.commit
            permitted("check run", lambda: github.call("POST", "check-runs", json=said.check_run(told, sha)))
    return told


def permitted(what: str, act: Callable[[], Found]) -> Found | None:
    """Do what needs the network and a permission, or say that it was not done."""
    try:
        return act()
    except httpx.HTTPStatusError as exc:
        why = f"GitHub answered {exc.response.status_code}"
    except httpx.HTTPError as exc:
        why = f"GitHub did not answer ({type(exc).__name__})"
    print(said.command("notice", f"no {what}", f"the {what} was not written: {why}"))  # noqa: T201
    return None


def finish(job: Job) -> int:
    """Pass or fail, as the stance says."""
    return outcome(job, State.read(job.folder))[0].exit_code


STEPS: dict[str, Callable[[Job], int]] = {
    "prepare": prepare,
    "gate": gate,
    "publish": publish,
    "finish": finish,
    "promote": promote,
}


def main(arguments: list[str]) -> int:
    """Carry out one step."""
    if len(arguments) != 1 or arguments[0] not in STEPS:
        raise ConfigError(f"name one step: {', '.join(STEPS)}")
    return STEPS[arguments[0]](Job.of(os.environ))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EvalHarnessError as exc:
        print(said.command("error", "evalh", Redactor.from_environment().clean_text(str(exc))))  # noqa: T201
        sys.exit(exc.exit_code)
