"""Foreign text made inert: agents, models and task authors write whatever they like, and it stays text.

Control characters, bidirectional overrides, invisible characters and lone surrogates become a visible replacement.
"""

import re

INVISIBLE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff"
CONTROL = re.compile(f"[{INVISIBLE}\\t\\n]")
CONTROL_IN_LINES = re.compile(f"[{INVISIBLE}]")
TAG_CHARACTERS = re.compile("[\U000e0000-\U000e0fff]")
MARKUP = re.compile(r"""[^\w\s.,;:?()=+%/'"-]|(?<!\w)_|_(?!\w)""")
REFERENCE = re.compile(r"(&#64;|&#35;|://|\bwww(?=\.)|\bGH-(?=\d))", re.IGNORECASE)
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def line(text: str, *, longest: int = 2000) -> str:
    """Make foreign text one harmless line, cut where it is too long to be read."""
    return _cut(TAG_CHARACTERS.sub(REPLACEMENT, CONTROL.sub(REPLACEMENT, text[: longest + 1])), longest)


def lines(text: str) -> str:
    """Make foreign text harmless, keeping its lines and tabs."""
    return TAG_CHARACTERS.sub(REPLACEMENT, CONTROL_IN_LINES.sub(REPLACEMENT, text.replace("\r\n", "\n")))


def markdown(text: str, *, longest: int = 2000) -> str:
    """Write foreign text for Markdown: no markup, no HTML, no links, and nobody is mentioned.

    Characters that could mean something are written as numbers, which Markdown never takes for syntax; a zero-width
    space parts what GitHub would link after that.
    """
    numbered = MARKUP.sub(lambda found: f"&#{ord(found[0])};", line(text, longest=longest))
    return REFERENCE.sub(lambda found: f"{found[0]}&#8203;", numbered)


def code(text: str, *, longest: int = 80) -> str:
    """Write a foreign name for Markdown as code."""
    return f"<code>{markdown(text, longest=longest)}</code>"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
