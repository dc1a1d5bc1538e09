"""Answers that complete a function: the programs that they may stand for, most likely first.

Chat models answer with the whole function in a fenced block, with prose around it or with the body alone; base models
go on after the body with whatever comes next; whoever strips an answer takes the indentation of its first line away.
"""

import re
import textwrap

_FENCE = re.compile(r"```[ \t]*[\w+-]*[ \t]*\n(.*?)(?:```|\Z)", re.DOTALL)
_CODE = re.compile(r"^(?:from|import|def|class|async def|@\w)", re.MULTILINE)
_INDENT = "    "


def programs(start: str, answer: str, function: str) -> list[str]:
    """List the programs that an answer to this start may stand for; the first one that compiles counts."""
    text = _block(answer, function)
    if _defines(text, function) and not _indented(text):
        return _whole(start, text)
    if _indented(text):
        return [start + _body(text)]
    return [start + textwrap.indent(text, _INDENT), start + _body(_INDENT + text.lstrip())]


def _block(answer: str, function: str) -> str:
    """Choose the fenced block that defines the function, or else the last one; without any, the answer as it stands."""
    blocks = [
        textwrap.dedent(each) if _defines(textwrap.dedent(each), function) else each for each in _FENCE.findall(answer)
    ]
    defining = [each for each in blocks if _defines(each, function)]
    return (defining or blocks or [answer])[-1]


def _defines(text: str, function: str) -> bool:
    return re.search(rf"^(?:async )?def {re.escape(function)}\b", text, re.MULTILINE) is not None


def _indented(text: str) -> bool:
    return text.lstrip("\r\n")[:1] in (" ", "\t")


def _whole(start: str, text: str) -> list[str]:
    """Put a whole function after the given code, which may define what it needs; leave prose before it out."""
    code = text[found.start() :] if (found := _CODE.search(text)) else text
    return [f"{start}\n{text}", f"{start}\n{code}", code]


def _body(text: str) -> str:
    """Keep the lines up to the first one that belongs to no function any more."""
    lines = text.split("\n")
    ends = (index for index, line in enumerate(lines) if line.strip() and line[:1] not in (" ", "\t"))
    return "\n".join(lines[: next(ends, len(lines))]) + "\n"
