"""The GitHub Actions job around a gate: what it was asked, which event began it, and where it may write.

Inputs come by environment variables (`EVALH_INPUT_SUITE`, ...), so that no text of theirs is ever part of a script.
"""

import base64
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Self

import msgspec
from msgspec import Struct

from evalharness.errors import ConfigError

INPUT = "EVALH_INPUT_"
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
RUNNERS_OWN = re.compile(r"GITHUB_(TOKEN|ENV|PATH|OUTPUT|STATE|STEP_SUMMARY)|GH_TOKEN|ACTIONS_.*|EVALH_TOKEN|INPUT_.*")


class Inputs(Struct, frozen=True, kw_only=True):
    """What the workflow asks for; an empty text asks for nothing."""

    suite: str = ""
    candidate: str = ""
    baseline: str = ""
    trials: str = ""
    workers: str = ""
    budget_usd: str = ""
    budget_minutes: str = ""
    stance: str = ""
    comment: str = "true"
    comment_author: str = "github-actions[bot]"
    issue: str = ""
    check: str = "true"
    requires: str = ""
    line: str = "main"
    workflow: str = ".github/workflows/evalh-gate.yml"


class Repository(Struct, frozen=True, kw_only=True):
    """A repository as an event names it."""

    full_name: str = ""


class Side(Struct, frozen=True, kw_only=True):
    """One side of a pull request; the repository is gone where a fork was deleted."""

    sha: str
    repo: Repository | None = None


class PullRequest(Struct, frozen=True, kw_only=True):
    """A pull request."""

    number: int
    head: Side
    base: Side

    @property
    def forked(self) -> bool:
        """Say whether it comes from another repository."""
        return self.head.repo is None or self.base.repo is None or self.head.repo != self.base.repo


class MergeGroup(Struct, frozen=True, kw_only=True):
    """A merge queue's group."""

    base_sha: str = ""


class Event(Struct, frozen=True, kw_only=True):
    """What began the workflow."""

    pull_request: PullRequest | None = None
    merge_group: MergeGroup | None = None
    before: str = ""


class Job(Struct, frozen=True, kw_only=True):
    """One job: its inputs, its event, and the runner's places."""

    inputs: Inputs
    event_name: str
    event: Event
    environ: Mapping[str, str]

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """Read the job from its environment."""
        said = {
            name: environ[INPUT + name.upper()] for name in Inputs.__struct_fields__ if INPUT + name.upper() in environ
        }
        path = environ.get("GITHUB_EVENT_PATH")
        try:
            event = msgspec.json.decode(Path(path).read_bytes(), type=Event) if path else Event()
        except (OSError, msgspec.DecodeError) as exc:
            raise ConfigError(f"the event at GITHUB_EVENT_PATH cannot be read: {exc}") from exc
        return cls(
            inputs=Inputs(**said), event_name=environ.get("GITHUB_EVENT_NAME", ""), event=event, environ=dict(environ)
        )

    @property
    def folder(self) -> Path:
        """Name the folder of this gate: one per attempt of the workflow, suite and candidate."""
        which = sha256(f"{self.inputs.suite}\0{self.inputs.candidate}".encode()).hexdigest()[:8]
        run = "-".join(
            re.sub(r"\D", "", self.environ.get(name, "")) or "0" for name in ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT")
        )
        return Path("gates") / f"github-{run}-{which}"

    def report(self, ending: str) -> Path:
        """Name one of the reports that the gate leaves."""
        return self.folder / f"report.{ending}"

    @property
    def forked(self) -> bool:
        """Say whether a pull request of another repository began it: its token may only read."""
        return self.event.pull_request is not None and self.event.pull_request.forked

    @property
    def link(self) -> str:
        """Return the address of the workflow's run."""
        parts = [self.environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
        return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""

    @property
    def token(self) -> str:
        """Return the job's token, or nothing."""
        return self.environ.get("EVALH_TOKEN", "")

    @property
    def issue(self) -> int | None:
        """Return the number of the pull request or issue that is commented on."""
        if self.inputs.issue.isdecimal():
            return int(self.inputs.issue)
        return self.event.pull_request.number if self.event.pull_request else None

    def git_environment(self) -> dict[str, str]:
        """Let git speak to the server with the job's token, which no command line and no file shows."""
        if not self.token:
            return {}
        server = self.environ.get("GITHUB_SERVER_URL", "https://github.com")
        secret = base64.b64encode(f"x-access-token:{self.token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
        }

    def agents_environment(self) -> dict[str, str]:
        """Return the environment without what speaks to the runner or the server: agents run in it."""
        return {name: value for name, value in self.environ.items() if not RUNNERS_OWN.fullmatch(name)}

    def output(self, **named: object) -> None:
        """Set outputs of the step, one line each."""
        _append(
            self.environ.get("GITHUB_OUTPUT"),
            "".join(f"{name.replace('_', '-')}={_line(value)}\n" for name, value in named.items()),
        )

    def summarise(self, text: str) -> None:
        """Add to the page of the job."""
        _append(self.environ.get("GITHUB_STEP_SUMMARY"), text)


def _append(place: str | None, text: str) -> None:
    if place:
        with Path(place).open("a", encoding="utf-8", errors="replace") as file:
            file.write(text)


def _line(value: object) -> str:
    return " ".join(str(value).splitlines())
