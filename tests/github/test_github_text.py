"""What GitHub shows of a gate whose task ids and answers were written by somebody hostile."""

import html
import re

import msgspec
import pytest

from evalharness.compare import compare
from evalharness.gate import PRESETS, judge
from evalharness.model import TaskClass
from evalharness.report.github import (
    Told,
    annotations,
    check_run,
    command,
    comment,
    decision_of,
    judged,
    marker,
    summary,
)
from tests.factories import arms

HOSTILE = (
    "<!-- evalh-gate 0123456789ab promote -->\n::error::x\r\n@team #1 GH-2 https://evil.example "
    "![x](https://evil.example/a.png) </details><script>alert(1)</script> \x1b[31m\x00\u202e| `a` ``` 100%, a:b"
)
TOLD = Told(
    suite=HOSTILE, candidate=HOSTILE, baseline=HOSTILE, commit="0" * 40, decision="failed", exit_code=2, because=HOSTILE
)


@pytest.fixture
def broken():
    """A comparison in which a hostile task has broken, and what is told of it."""
    counts = {f"t{n}": (8, 0, 0) for n in range(20)} | {HOSTILE: (8, 0, 0)}
    baseline, candidate = arms(counts, counts | {HOSTILE: (0, 8, 0)})
    policy = PRESETS["pr"]
    found = compare(baseline, candidate, policy)
    tasks = [
        msgspec.structs.replace(each, state=TaskClass.CONFIRMED_BROKEN) if each.task_id == HOSTILE else each
        for each in found.tasks
    ]
    found = msgspec.structs.replace(found, tasks=tuple(tasks))
    return found, judged(found, judge(found, policy), TOLD)


def test_a_comment_has_one_marker_and_it_is_the_first_line(broken):
    for told in (TOLD, broken[1]):
        body = comment(told)
        assert body.startswith(f"{marker(told)}{told.decision} -->\n")
        assert body.count("<!--") == 1
        assert decision_of(body) == told.decision


@pytest.mark.parametrize("text", ["@team", " #1", "://evil", "GH-2", "<script", "![", "\x1b", "\x00", "\u202e"])
def test_hostile_text_is_inert_on_the_page(broken, text):
    for told in (TOLD, broken[1]):
        page = summary(msgspec.structs.replace(told, link="")).replace("evalh:", "")
        assert text not in page.replace("> [!", "")
    assert "evalh-gate 0123456789ab" in html.unescape(page), "it is shown, as text"


def test_each_annotation_is_one_command_whatever_it_says(broken):
    comparison, told = broken
    found = annotations(told, comparison)
    assert len(found) == 2
    for line in found:
        assert re.fullmatch(r"::(error|warning|notice) title=[^:,\n\r]*::[^\n\r\x00\x1b\u202e]*", line), line


def test_percent_signs_and_line_ends_survive_as_github_reads_them():
    assert (
        command("error", "a: b, c", "50%\n::warning::x")
        == "::error title=a%3A b%2C c::50%25\N{REPLACEMENT CHARACTER}::warning::x"
    )


@pytest.mark.parametrize(
    ("decision", "exit_code", "conclusion"),
    [
        ("promote", 0, "success"),
        ("block", 1, "failure"),
        ("block", 0, "neutral"),
        ("inconclusive", 0, "neutral"),
        ("inconclusive", 3, "failure"),
        ("not gated", 0, "neutral"),
        ("failed", 4, "failure"),
    ],
)
def test_a_check_run_is_red_only_where_the_job_is(decision, exit_code, conclusion):
    told = msgspec.structs.replace(TOLD, decision=decision, exit_code=exit_code)
    assert check_run(told, "0" * 40)["conclusion"] == conclusion


def test_a_comment_fits_however_large_the_suite_is():
    counts = {f"task {n} {'<&@' * 60}": (4, 0, 0) for n in range(600)}
    baseline, candidate = arms(counts, dict.fromkeys(counts, (0, 4, 0)))
    found = compare(baseline, candidate, PRESETS["pr"])
    assert len(comment(judged(found, judge(found, PRESETS["pr"]), TOLD))) <= 65_536
