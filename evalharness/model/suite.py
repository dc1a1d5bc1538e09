"""What people write: suites with their tasks and policy, and agents."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from evalharness.model.base import Extension


class GraderUse(Extension, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A grader of a task; `weight` counts in the score, every grader counts for the outcome."""

    weight: Annotated[float, Meta(ge=0)] = 1.0
    name: str | None = None


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one trial may use; running out is the agent's fail."""

    seconds: Annotated[float, Meta(gt=0)] = 300.0
    cost_usd: Annotated[float, Meta(ge=0)] | None = None
    tokens: Annotated[int, Meta(ge=0)] | None = None


class Task(Struct, frozen=True, kw_only=True):
    """One thing an agent is asked to do, and how the answer is judged.

    `fields` is the row it came from; `files` maps a path in the workspace to the file that is placed there.
    """

    id: str
    prompt: str
    fields: dict[str, Any] = {}
    expected: Any = None
    tags: tuple[str, ...] = ()
    files: dict[str, str] = {}
    graders: tuple[GraderUse, ...] = ()
    limits: Limits = field(default_factory=Limits)


class Confirm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How suspected regressions are re-run: at most `trials` fresh ones per task and arm, in two batches.

    The `first` batch clears most false suspicions; the rest is for those that stay.
    """

    trials: Annotated[int, Meta(ge=1)] = 14
    first: Annotated[int, Meta(ge=1)] = 4


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a release must show; its numbers are fractions.

    `preset` names the policy it starts from; whatever else is said replaces that part of it. At most `extra_rounds`
    rounds of all tasks are added while the candidate looks worse and nothing is decided. `escalate` names a larger
    suite, from this one's folder, that decides where this one could not. A stored run older than `baseline_max_age`
    days is no baseline for a gate that can measure it afresh.
    """

    preset: str | None = None
    stance: Literal["guard", "certify", "report"] = "guard"
    margin: Annotated[float, Meta(gt=0, lt=1)] = 0.05
    false_block: Annotated[float, Meta(gt=0, lt=1)] = 0.03
    estimand: Literal["suite", "population"] = "suite"
    confirm: Confirm = field(default_factory=Confirm)
    extra_rounds: Annotated[int, Meta(ge=0)] = 4
    rules: tuple[Extension, ...] = (Extension(use="no_worse"), Extension(use="no_confirmed_regressions"))
    escalate: str | None = None
    baseline_max_age: Annotated[float, Meta(gt=0)] = 7.0


class External(Struct, frozen=True, kw_only=True):
    """A team's own command, which runs and judges the tasks of a suite by itself.

    `command` is a list of arguments with placeholders; `reads` names the importer of what it leaves in `{out}`, `run`
    which of several runs in there is meant. At most `batch` trials are asked for in one call.
    """

    command: tuple[str, ...]
    reads: str
    batch: int
    run: str | None = None
    pass_at: float | None = None


class Suite(Struct, frozen=True, kw_only=True):
    """Tasks with everything needed to run and judge them; `place` is the file it came from.

    The tasks of an `external` suite are known by their ids only.
    """

    name: str
    version: str
    place: str
    tasks: tuple[Task, ...]
    trials: int = 1
    workspace: Extension = field(default_factory=lambda: Extension(use="local"))
    artifacts: tuple[str, ...] = ()
    policy: Policy | None = None
    external: External | None = None


class UnmeasuredRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an agent adds to the table of faults that are not its own doing."""

    exceptions: tuple[str, ...] = ()
    exit_codes: tuple[int, ...] = ()
    stderr: str | None = None


class AgentDefinition(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An agent as its YAML file or shorthand says it; `place` is the folder that relative names start from."""

    name: str
    use: str
    version: str = ""
    options: dict[str, Any] = {}
    setup: str | None = None
    fingerprint: tuple[str, ...] = ()
    unmeasured: UnmeasuredRules = field(default_factory=UnmeasuredRules)
    place: str = "."
