"""Assertions about the text of an answer, and their opposites, as graders."""

import json
from collections.abc import Callable
from typing import Any

import regex

from evalharness.adopt.adopted import NoCounterpart

Options = dict[str, Any]


def text(value: Any) -> str:
    """Take a value as text."""
    if value is None or isinstance(value, dict | list) or value == "":
        raise NoCounterpart("needs a text")
    return value if isinstance(value, str) else json.dumps(value)


def texts(value: Any) -> list[str]:
    """Take a value as several texts: a list, or one with commas."""
    found = value if isinstance(value, list) else [each.strip() for each in text(value).split(",")]
    return [text(each) for each in found]


def _contains(**more: Any) -> Callable[[Any], Options]:
    return lambda value: {"use": "contains", "options": {"value": text(value), **more}}


def _several(match: str, **more: Any) -> Callable[[Any], Options]:
    return lambda value: {"use": "contains", "options": {"value": texts(value), "match": match, **more}}


def _forbidden(**more: Any) -> Callable[[Any], Options]:
    return lambda value: {"use": "contains", "options": {"forbidden": [text(value)], **more}}


def _none_of(**more: Any) -> Callable[[Any], Options]:
    return lambda value: {"use": "contains", "options": {"forbidden": texts(value), **more}}


def pattern(said: str) -> Options:
    """Search for a regular expression."""
    try:
        regex.compile(said, regex.VERSION0)
    except regex.error as exc:
        raise NoCounterpart(f"its pattern cannot be read here: {exc}") from exc
    return {"use": "regex", "options": {"pattern": said}}


_FOLDED = {"ignore_case": True}
JSON_KINDS: dict[str, Options] = {"is-json": {"bare": True}, "contains-json": {}}
TEXT_KINDS: dict[tuple[str, bool], Callable[[Any], Options]] = {
    ("equals", True): lambda value: pattern(rf"\A(?!{regex.escape(text(value))}\Z)"),
    ("contains", False): _contains(),
    ("contains", True): _forbidden(),
    ("icontains", False): _contains(**_FOLDED),
    ("icontains", True): _forbidden(**_FOLDED),
    ("contains-any", False): _several("any"),
    ("contains-any", True): _none_of(),
    ("contains-all", False): _several("all"),
    ("icontains-any", False): _several("any", **_FOLDED),
    ("icontains-any", True): _none_of(**_FOLDED),
    ("icontains-all", False): _several("all", **_FOLDED),
    ("starts-with", False): lambda value: pattern(rf"\A{regex.escape(text(value))}"),
    ("starts-with", True): lambda value: pattern(rf"\A(?!{regex.escape(text(value))})"),
    ("regex", False): lambda value: pattern(text(value)),
    ("regex", True): lambda value: pattern(rf"\A(?!(?s:.*?)(?:{text(value)}))"),
}
