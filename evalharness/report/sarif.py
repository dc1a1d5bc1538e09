"""SARIF 2.1.0 for code scanning: a result per task that broke, started to flake, was fixed, or still fails.

Confirmed by fresh trials is an error, suspected a warning. The baseline state says whether the finding is new with the
candidate; fingerprints depend on suite and task alone, so that a finding keeps its history.
"""

from hashlib import sha256
from urllib.parse import quote

import msgspec

from evalharness import __version__
from evalharness.model import Comparison, TaskClass, TaskPair, Verdict
from evalharness.report import inert, numbers
from evalharness.report.evidence import NOTHING, Evidence
from evalharness.report.wording import CLASSES

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LONGEST_NAME = 500
RULES = {
    TaskClass.CONFIRMED_BROKEN: ("task-broken", "error", "new"),
    TaskClass.SUSPECTED_BROKEN: ("task-broken", "warning", "new"),
    TaskClass.FLAKE_ONSET: ("task-flake-onset", "warning", "new"),
    TaskClass.CONFIRMED_FIXED: ("task-broken", "none", "absent"),
    TaskClass.SUSPECTED_FIXED: ("task-broken", "none", "absent"),
    TaskClass.STABLE_FAIL: ("task-broken", "note", "unchanged"),
    TaskClass.UNMEASURED: ("task-unmeasured", "note", "new"),
}
"""Rule, level and baseline state of the classes that are reported."""

TEXTS = {
    "task-broken": ("Task fails", "The agent fails a task of the suite."),
    "task-flake-onset": ("Task became flaky", "A task that always passed now passes sometimes."),
    "task-unmeasured": ("Task unmeasured", "No trial of the task was measured in one arm."),
}


def render(comparison: Comparison, verdict: Verdict, evidence: Evidence = NOTHING) -> str:
    """Write the SARIF log."""
    suite = comparison.candidate.suite
    place = _uri(evidence.suite_place) or _uri(f"{suite}.yaml") or "suite.yaml"
    rules = list(TEXTS)
    log = {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver()},
                "automationDetails": {"id": f"evalh/{quote(suite, safe='')}/"},
                "invocations": [{"executionSuccessful": True, "exitCode": verdict.exit_code}],
                "columnKind": "unicodeCodePoints",
                "properties": {
                    "decision": numbers.headline(comparison, verdict),
                    "because": inert.line(numbers.why(verdict)),
                },
                "results": [_result(task, suite, place, rules) for task in comparison.tasks if task.state in RULES],
            }
        ],
    }
    return f"{msgspec.json.format(msgspec.json.encode(log), indent=1).decode()}\n"


def _driver() -> dict[str, object]:
    return {
        "name": "evalh",
        "semanticVersion": __version__,
        "rules": [
            {
                "id": rule,
                "name": "".join(word.capitalize() for word in rule.split("-")),
                "shortDescription": {"text": f"{title}."},
                "fullDescription": {"text": text},
                "help": {"text": f"{text} `evalh show RUN --task ID` prints its trials."},
                "defaultConfiguration": {"level": "warning"},
            }
            for rule, (title, text) in TEXTS.items()
        ],
    }


def _result(task: TaskPair, suite: str, place: str, rules: list[str]) -> dict[str, object]:
    rule, level, state = RULES[task.state]
    name = inert.line(task.task_id, longest=LONGEST_NAME)
    label, meaning = CLASSES[task.state]
    counts = (
        f"baseline {task.baseline.passed} of {task.baseline.measured} passed, "
        f"candidate {task.candidate.passed} of {task.candidate.measured}"
    )
    return {
        "ruleId": rule,
        "ruleIndex": rules.index(rule),
        "kind": "pass" if level == "none" else "fail",
        "level": level,
        "baselineState": state,
        "message": {"text": f"{_literal(name)}: {label} ({counts}). {meaning.capitalize()}."},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": place}, "region": {"startLine": 1}},
                "logicalLocations": [{"name": name, "fullyQualifiedName": f"{inert.line(suite)}/{name}"}],
            }
        ],
        "partialFingerprints": {"evalhTask/v1": _fingerprint(suite, task.task_id, rule)},
        "properties": {"class": task.state.value, "pvalue": task.pvalue, "tags": _tags(task)},
    }


def _tags(task: TaskPair) -> list[str]:
    return list(dict.fromkeys(inert.line(tag) for tag in task.tags))


def _literal(text: str) -> str:
    """Keep a name from being read as a link or a placeholder of a message."""
    return text.translate({ord(each): f"\\{each}" for each in "\\[]"}).replace("{", "{{").replace("}", "}}")


def _fingerprint(suite: str, task_id: str, rule: str) -> str:
    return sha256(f"{suite}\0{task_id}\0{rule}".encode("utf-8", "surrogatepass")).hexdigest()


def _uri(path: str) -> str:
    """Write a path as a relative reference; an absolute one says nothing on another machine, so its name stands in."""
    name = path.rsplit("/", 1)[-1] if path.startswith("/") else path.removeprefix("./")
    return quote(inert.line(name, longest=LONGEST_NAME))
