"""One trial on a terminal: what was asked, what the agent did, how it was judged."""

from rich.text import Text

from evalharness.model import Outcome, Record, Transcript
from evalharness.report.console import plain_lines, printed

STYLES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.ERROR: "yellow"}
LONGEST = 20_000


def render(record: Record, transcript: Transcript | None, *, width: int = 80, colour: bool = False) -> str:
    """Write one attempt at a trial; whatever an agent wrote is inert."""
    head = f"{record.task_id} trial {record.trial} attempt {record.attempt}: {record.outcome.value}"
    cause = f" ({record.cause}: {record.detail})" if record.cause else ""
    blocks = [Text(plain_lines(head + cause).plain, style=STYLES[record.outcome])]
    if transcript is None:
        blocks.append(plain_lines("no transcript was kept"))
    else:
        blocks += [
            plain_lines(f"[{message.role}] {_cut(message.content)}{_calls(message.tool_calls)}")
            for message in transcript.messages
        ]
        blocks.append(plain_lines(f"[final] {_cut(transcript.final)}"))
        if transcript.logs:
            blocks.append(plain_lines(f"[logs] {_cut(transcript.logs)}"))
    blocks += [
        plain_lines(f"[{grade.grader}] {'pass' if grade.passed else 'fail'}, score {grade.score:g} {grade.reason}")
        for grade in record.grades
    ]
    return printed([*blocks, Text("")], width=width, colour=colour)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ... ({len(text)} characters)"


def _calls(calls: tuple[object, ...]) -> str:
    return "".join(f"\n  -> {call}" for call in calls)
