"""The pieces of promptfoo's results that a run is made of."""

from collections import defaultdict
from typing import Any

from msgspec import Struct, field

from evalharness.importers.numbering import digest


class TokenUsage(Struct):
    """Tokens of one answer."""

    prompt: int | None = None
    completion: int | None = None
    cached: int | None = None


class Response(Struct):
    """What a provider answered."""

    output: Any = None
    tokenUsage: TokenUsage | None = None  # noqa: N815 - the tool's names, here and below


class Prompt(Struct):
    """A prompt with its variables filled in."""

    raw: str = ""
    label: str | None = None


class Provider(Struct):
    """Who answered."""

    id: str = ""
    label: str | None = None


class Assertion(Struct):
    """What was asserted."""

    type: str | None = None


class Component(Struct):
    """What came of one assertion."""

    passed: bool | None = field(default=None, name="pass")
    score: float | None = None
    reason: str | None = None
    assertion: Assertion | None = None


class Grading(Struct):
    """What came of all assertions."""

    componentResults: list[Component | None] | None = None  # noqa: N815


class TestCase(Struct):
    """A test."""

    description: str | None = None
    vars: Any = None
    asserted: Any = field(default=None, name="assert")


class Row(Struct):
    """One answer to one test."""

    success: bool | None = None
    score: float | None = None
    provider: Provider | str | None = None
    prompt: Prompt | None = None
    promptIdx: int | None = None  # noqa: N815
    promptId: str | None = None  # noqa: N815
    testCase: TestCase | None = None  # noqa: N815
    description: str | None = None
    vars: Any = None
    response: Response | None = None
    error: str | None = None
    failureReason: int | None = None  # noqa: N815
    gradingResult: Grading | None = None  # noqa: N815
    latencyMs: float | None = None  # noqa: N815
    cost: float | None = None

    @property
    def described(self) -> str:
        """Return the description of the test."""
        return (self.testCase.description if self.testCase else None) or self.description or ""

    @property
    def variables(self) -> Any:
        """Return what tells the test from others: its variables as written, else as filled in."""
        return self.testCase.vars if self.testCase and self.testCase.vars else self.vars

    @property
    def answered_by(self) -> str:
        """Return the provider's label, else its id."""
        if isinstance(self.provider, str):
            return self.provider
        return (self.provider.label or self.provider.id if self.provider else "") or "unknown"


class Stats(Struct):
    """The tool's own counts."""

    successes: int | None = None
    failures: int | None = None
    errors: int | None = None


class Results(Struct):
    """All rows."""

    results: list[Row] = []
    timestamp: str | None = None
    stats: Stats | None = None


class Config(Struct):
    """How it was configured."""

    description: str | None = None


class Metadata(Struct):
    """With which version."""

    version: str = field(default="", name="promptfooVersion")


class Output(Struct):
    """A whole output file."""

    results: Results = field(default_factory=Results)
    config: Config = field(default_factory=Config)
    metadata: Metadata = field(default_factory=Metadata)


def contents(rows: list[Row]) -> list[Any]:
    """Return what tells tests apart: their variables, and their assertions where those differ for one question."""
    questions = [digest([row.described, row.variables]) for row in rows]
    asserted = [row.testCase.asserted if row.testCase else None for row in rows]
    several: defaultdict[str, set[str]] = defaultdict(set)
    for question, each in zip(questions, asserted, strict=True):
        several[question].add(digest(each))
    return [
        row.variables if len(several[question]) == 1 else [row.variables, each]
        for row, question, each in zip(rows, questions, asserted, strict=True)
    ]


def run_names(rows: list[Row]) -> list[str]:
    """Name each row's run by its provider, and by its prompt's number where the provider has several."""
    prompts: dict[str, list[str]] = {}
    for row in rows:
        seen = prompts.setdefault(row.answered_by, [])
        if (prompt := _prompt(row)) not in seen:
            seen.append(prompt)
    return [
        row.answered_by
        if len(seen := prompts[row.answered_by]) == 1
        else f"{row.answered_by}#{seen.index(_prompt(row)) + 1}"
        for row in rows
    ]


def _prompt(row: Row) -> str:
    """Tell prompts apart by their id, or in version 2 by their label; filled in they differ by test."""
    return row.promptId or (row.prompt.label if row.prompt and row.prompt.label else "")
