"""promptfoo's templates (nunjucks) as ours (jinja2): near enough to be the same language, but for a filter or two."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from jinja2 import TemplateError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalharness.adopt.adopted import NoCounterpart

OWN = frozenset({"id", "tags", "files", "graders", "limits", "prompt", "expected"})  # keys of our rows

_ENVIRONMENT = ImmutableSandboxedEnvironment(autoescape=False, keep_trailing_newline=True)
_DUMP = re.compile(r"\|\s*dump\b(?:\(\s*\d*\s*\))?")


class Template:
    """One template, with the fields that it names; NoCounterpart where it cannot be read here."""

    def __init__(self, source: str) -> None:
        text = _DUMP.sub("| tojson", source)
        try:
            self.names = frozenset(find_undeclared_variables(_ENVIRONMENT.parse(text)))
            self._template = _ENVIRONMENT.from_string(text)
        except (TemplateError, RecursionError) as exc:
            raise NoCounterpart(f"its template cannot be read here: {exc}") from exc
        self.text = "".join(f"{{% set {name} = {field_name(name)} %}}" for name in self.moved) + text

    @property
    def moved(self) -> list[str]:
        """Name the variables that have another name in our rows."""
        return sorted(self.names & OWN)

    def render(self, values: Mapping[str, Any]) -> str:
        """Fill in the values; NoCounterpart where that fails."""
        try:
            return self._template.render(values)
        except Exception as exc:
            raise NoCounterpart(f"its template cannot be filled in here: {exc}") from exc


def field_name(name: str) -> str:
    """Name a variable in our rows, where some names are the harness's own."""
    return f"{name}_" if name in OWN else name


def rendered(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fill templates inside variables in with the other variables, as promptfoo does; one that fails stays."""
    return {name: _filled(value, values) for name, value in values.items()}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or "{{" not in value:
        return value
    try:
        return Template(value).render(values)
    except NoCounterpart:
        return value


def missing(names: Iterable[str], row: Mapping[str, Any]) -> dict[str, str]:
    """Give what a row lacks of these variables an empty text, as promptfoo does."""
    return {field_name(name): "" for name in names if field_name(name) not in row and name != "env"}
