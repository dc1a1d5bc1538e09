"""JUnit XML for continuous integration: a case per task, and one per rule of the policy.

A task that fresh trials confirm as broken, or that still is suspected of it, fails; one without a measured trial is an
error; one that was not compared is skipped. A failing task that failed before as well is no regression and passes.
"""

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from evalharness.model import Check, Comparison, Decision, TaskClass, TaskPair, Verdict
from evalharness.report import inert, numbers
from evalharness.report.evidence import NOTHING, Evidence
from evalharness.report.wording import CLASSES

REGRESSIONS = (TaskClass.CONFIRMED_BROKEN, TaskClass.SUSPECTED_BROKEN)
LONGEST_NAME = 500


def render(comparison: Comparison, verdict: Verdict, evidence: Evidence = NOTHING) -> str:
    """Write the XML."""
    suite = comparison.candidate.suite
    tasks = [_task(task, suite, evidence) for task in comparison.tasks]
    skipped = [_skipped(task_id, why, suite) for why, task_id in _left_out(comparison)]
    root = ET.Element("testsuites", name="evalh")
    root.append(
        _suite(
            inert.line(suite, longest=LONGEST_NAME) or "suite",
            [*tasks, *skipped],
            headline=numbers.headline(comparison, verdict),
        )
    )
    root.append(_suite("gate", [_check(check) for check in verdict.checks], headline=numbers.why(verdict)))
    for counted in ("tests", "failures", "errors", "skipped"):
        root.set(counted, str(sum(int(each.get(counted, "0")) for each in root)))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _suite(name: str, cases: Iterable[ET.Element], *, headline: str) -> ET.Element:
    cases = list(cases)
    found = ET.Element("testsuite", name=name, tests=str(len(cases)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        found.set(attribute, str(sum(case.find(tag) is not None for case in cases)))
    found.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")
    properties = ET.SubElement(found, "properties")
    ET.SubElement(properties, "property", name="decision", value=inert.line(headline))
    found.extend(cases)
    return found


def _task(task: TaskPair, suite: str, evidence: Evidence) -> ET.Element:
    case = _case(task.task_id, suite)
    known = evidence.candidate.trials.get(task.task_id)
    if known and known.seconds is not None:
        case.set("time", f"{known.seconds * task.candidate.measured:.3f}")
    label, meaning = CLASSES[task.state]
    said = inert.line(f"{label}: {numbers.evidence(task)}")
    if task.state in REGRESSIONS:
        ET.SubElement(case, "failure", type=task.state.value, message=said).text = f"{said}\n{meaning}"
    elif task.state is TaskClass.UNMEASURED:
        ET.SubElement(case, "error", type=task.state.value, message=said).text = f"{said}\n{meaning}"
    else:
        ET.SubElement(case, "system-out").text = said
    return case


def _check(check: Check) -> ET.Element:
    case, because = _case(check.rule, "evalh.gate"), inert.line(check.because)
    if check.decision is Decision.BLOCK:
        ET.SubElement(case, "failure", type="block", message=because)
    elif check.decision is Decision.INCONCLUSIVE:
        ET.SubElement(case, "skipped", message=f"inconclusive: {because}")
    else:
        ET.SubElement(case, "system-out").text = because
    return case


def _left_out(comparison: Comparison) -> list[tuple[str, str]]:
    out = comparison.left_out
    named = {"changed": out.changed, "new": out.new, "removed": out.removed, "held out": out.held_out}
    return [(why, task_id) for why, ids in named.items() for task_id in ids]


def _skipped(task_id: str, why: str, suite: str) -> ET.Element:
    case = _case(task_id, suite)
    ET.SubElement(case, "skipped", message=f"not compared: {why}")
    return case


def _case(name: str, classname: str) -> ET.Element:
    return ET.Element(
        "testcase",
        name=inert.line(name, longest=LONGEST_NAME) or "(no id)",
        classname=inert.line(classname, longest=LONGEST_NAME),
    )
