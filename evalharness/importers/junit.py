"""JUnit XML: a test case is a task, and one that is told of several times has as many trials.

A failure is a fail; an error is what JUnit calls an unexpected end, and a skipped test did not run: neither measured
anything. Documents with a DOCTYPE are refused, so that no entity can unfold or reach for a file.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat  # nosec - used with entities refused

from evalharness.importers.endings import Ending, short, unmeasured
from evalharness.importers.header import Known, header
from evalharness.importers.look import look
from evalharness.importers.numbering import occurrences
from evalharness.importers.source import LARGEST, fault, opened, reading
from evalharness.model import Outcome, Record, RunHeader, Usage

BLOCK = 1 << 20
DEEPEST = 200
ENDS = ("failure", "error", "skipped", "rerunFailure", "rerunError")
COUNTS = {"failures": "failure", "errors": "error", "skipped": "skipped"}


@dataclass
class Case:
    """A test case while it is read."""

    suite: str
    name: str
    seconds: str
    ends: dict[str, str] = field(default_factory=dict)


@dataclass
class Reader:
    """Collects test cases, and what the suites say of themselves."""

    path: Path
    cases: list[Case] = field(default_factory=list)
    counts: tuple[list[dict[str, str]], list[dict[str, str]]] = field(default_factory=lambda: ([], []))
    suites: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    name: str = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take in what an element says when it begins."""
        self.open.append(tag)
        if len(self.open) > DEEPEST:
            raise fault(self.path, f"nests elements more than {DEEPEST} deep")
        if len(self.open) == 1:
            self.name = attributes.get("name", "")
        if tag in ("testsuites", "testsuite") and len(self.open) <= 2:
            self.counts[len(self.open) - 1].append(attributes)
        if tag == "testsuite":
            self.suites.append(attributes.get("name", ""))
        elif tag == "testcase":
            name = ".".join(part for part in (attributes.get("classname"), attributes.get("name")) if part)
            suite = self.suites[-1] if self.suites else ""
            self.cases.append(Case(suite, name or "unnamed", attributes.get("time", "")))
        elif tag in ENDS and self.cases and self.open[-2:-1] == ["testcase"]:
            self.cases[-1].ends[tag] = attributes.get("type") or attributes.get("message") or tag

    def end(self, tag: str) -> None:
        """Leave an element."""
        self.open.pop()
        if tag == "testsuite":
            self.suites.pop()

    def refuse(self, *_: object) -> None:
        """Refuse a document with a DOCTYPE."""
        raise fault(self.path, "has a DOCTYPE, which could unfold entities or reach for files: take it out")


@dataclass(frozen=True)
class JunitImporter:
    """A report in JUnit's XML, of whatever tool."""

    def sniff(self, path: Path) -> bool:
        """Look for test suites at the root."""
        if look(path).form != "xml":
            return False
        with reading(path), opened(path) as file:
            head = file.read(1 << 14)
        return b"<testsuite" in head

    def runs(self, path: Path) -> list[str]:
        """Name the one run after its suites or its file."""
        return [_read(path).name or path.name.partition(".")[0]]

    def read(self, path: Path, run: str) -> tuple[RunHeader, Iterator[Record]]:
        """Read the test cases."""
        told = _read(path)
        task_ids = _task_ids(told.cases)
        known = Known(
            suite=run,
            agent="unknown",
            tasks=dict.fromkeys(task_ids, ()),
            trials=min(Counter(task_ids).values(), default=1),
            tool="JUnit XML",
            faults=_faults(told),
        )
        return header(path, run, known), _records(told.cases, task_ids)


def _read(path: Path) -> Reader:
    reader = Reader(path)
    parser = expat.ParserCreate()
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.StartDoctypeDeclHandler = reader.refuse
    parser.EntityDeclHandler = reader.refuse
    size = 0
    with reading(path), opened(path) as file:
        try:
            while block := file.read(BLOCK):
                size += len(block)
                if size > LARGEST:
                    raise fault(path, f"holds more than {LARGEST >> 20} MB when unpacked")
                parser.Parse(block, False)
            parser.Parse(b"", True)
        except expat.ExpatError as exc:
            raise fault(path, f"is no whole XML: {exc}") from exc
    return reader


def _task_ids(cases: list[Case]) -> list[str]:
    """Name test cases by class and name; where two suites share one, by their suite too."""
    suites: dict[str, set[str]] = {}
    for case in cases:
        suites.setdefault(case.name, set()).add(case.suite)
    return [case.name if len(suites[case.name]) == 1 else f"{case.suite}: {case.name}" for case in cases]


def _records(cases: list[Case], task_ids: list[str]) -> Iterator[Record]:
    for case, task_id, trial in zip(cases, task_ids, occurrences(task_ids), strict=True):
        judged = _ending(case.ends)
        yield Record(
            task_id=task_id,
            trial=trial,
            **judged.recorded,
            usage=Usage(seconds=_seconds(case.seconds)),
        )


def _ending(ends: dict[str, str]) -> Ending:
    """Judge a test case by how it ended; an error overrules everything else."""
    if "error" in ends:
        return unmeasured(f"error: {short(ends['error'])}")
    if "failure" in ends:
        return Ending(Outcome.FAIL, 0.0)
    if "skipped" in ends:
        return unmeasured(ends["skipped"])
    return Ending(Outcome.PASS, 1.0)


def _seconds(said: str) -> float | None:
    try:
        seconds = float(said.replace(",", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 1e9 else None


def _faults(told: Reader) -> list[str]:
    """Compare what the root says of itself, or else its suites, with the test cases."""
    held = {word: sum(tag in case.ends for case in told.cases) for word, tag in COUNTS.items()}
    held["tests"] = len(told.cases)
    faults = []
    for word, count in held.items():
        said = next((found for level in told.counts if (found := _sum(level, word)) is not None), count)
        if said != count:
            faults.append(f"it counts {said} {word}, and holds {count}")
    return faults


def _sum(level: list[dict[str, str]], word: str) -> int | None:
    counts = [attributes.get(word, "") for attributes in level]
    if not counts or not all(each.isdecimal() and len(each) < 10 for each in counts):
        return None
    return sum(map(int, counts))
