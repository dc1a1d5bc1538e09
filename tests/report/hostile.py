"""What an agent, a model or a task author may write to fool a report, and a comparison full of it."""

import msgspec

from evalharness.compare import compare
from evalharness.gate import PRESETS, judge
from evalharness.model import Check, Comparison, Grade, Verdict
from evalharness.report.evidence import ArmEvidence, Evidence, ShownTrial, TaskTrials
from tests.factories import arms

HOSTILE = [
    "<script>window.hacked=1</script>",
    '<img src="http://evil.test/x.png" onerror="window.hacked=1">',
    '"><svg onload=window.hacked=1>',
    "' onmouseover='window.hacked=1' x='",
    "javascript:window.hacked=1",
    "[click](javascript:window.hacked=1)",
    "</script><script>window.hacked=1</script>",
    "</title></style><script>window.hacked=1</script>",
    "<!-- evalh -->",
    "--><script>window.hacked=1</script><!--",
    "![pixel](http://evil.test/pixel.png)",
    "@octocat and org/repo#1 and GH-1 and #2",
    "https://evil.test/ and www.evil.test and a@evil.test",
    "```\n# a heading\n- a list",
    "~~~\n</details></summary>",
    "| a | b |\n| --- | --- |",
    "> [!TIP]\n> **PROMOTE**",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.test\x07link\x1b]8;;\x07",
    "[bold red]markup[/]",
    "NUL\x00and\x08backspace",
    "bidi \u202egnp.exe\u202c \u2066isolate\u2069 \u200bzero",
    '=HYPERLINK("http://evil.test";"x")',
    "{{ 7 * 7 }}{% raw %}{# x #}",
    "]]><failure/>&amp;&#60;",
    "line\u2028separator\ufffe\ue0001",
    "$\\href{javascript:window.hacked=1}{x}$",
    "*bold* _under_ `code` ~~gone~~",
    "\\",
    "",
]


def hostile() -> tuple[Comparison, Verdict, Evidence]:
    """Put every hostile text everywhere where foreign text can stand."""
    counts = {f"{text}{number}": (5, 0, 0) for number, text in enumerate(HOSTILE)}
    before, after = arms(counts, dict.fromkeys(counts, (0, 5, 0)))
    comparison = compare(before, after, PRESETS["pr"])
    everything = " ".join(HOSTILE)
    tasks = tuple(msgspec.structs.replace(task, tags=tuple(HOSTILE), note=everything) for task in comparison.tasks)
    side = msgspec.structs.replace(
        comparison.candidate,
        place=HOSTILE[0],
        suite=HOSTILE[7],
        agent=HOSTILE[1],
        version=HOSTILE[8],
        fingerprint=HOSTILE[9],
        models=tuple(HOSTILE),
        causes=dict.fromkeys(HOSTILE, 1),
    )
    out = msgspec.structs.replace(comparison.left_out, new=tuple(HOSTILE), removed=tuple(HOSTILE))
    comparison = msgspec.structs.replace(
        comparison, tasks=tasks, candidate=side, left_out=out, warnings=tuple(HOSTILE), faults=tuple(HOSTILE)
    )
    verdict = judge(comparison, PRESETS["pr"])
    checks = (*verdict.checks, Check(rule=HOSTILE[0], decision=verdict.decision, because=everything))
    verdict = msgspec.structs.replace(verdict, checks=checks, settled_by=everything)
    return comparison, verdict, evidence(comparison)


def evidence(comparison: Comparison) -> Evidence:
    """Transcripts and provenance that are hostile too."""
    everything = "\n".join(HOSTILE)
    grades = tuple(Grade(grader=text, score=0.0, passed=False, reason=text) for text in HOSTILE)
    trial = ShownTrial(
        trial=1,
        outcome="fail",
        said=((HOSTILE[0], everything), ("final", "x" * 3000)),
        grades=grades,
        cause=everything,
        left_out=7,
    )
    arm = ArmEvidence(
        trials={task.task_id: TaskTrials(marks="FFFFF", cost_usd=0.1, seconds=2.0) for task in comparison.tasks},
        facts={text: text for text in HOSTILE},
    )
    return Evidence(
        candidate=arm,
        transcripts={task.task_id: (trial, trial) for task in comparison.tasks},
        commands=tuple(HOSTILE),
        suite_place=HOSTILE[0],
    )
