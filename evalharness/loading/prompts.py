"""Prompt templates: jinja2, sandboxed and strict, over the fields of a row.

Fields are data: braces in them stay braces. A template gives the same text every time (nothing in it is random), and
keeps its line breaks, also the last one.
"""

from collections.abc import Iterable
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evalharness.loading.rows import Row
from evalharness.loading.shape import Place
from evalharness.registry import suggestion


def _written(value: Any) -> Any:
    if value is None:
        raise TypeError("a value is null; write {{ field or '' }} where that is meant")
    return value


def _environment() -> ImmutableSandboxedEnvironment:
    found = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_written
    )
    del found.filters["random"]
    del found.globals["lipsum"]
    return found


class PromptTemplate:
    """A compiled template, and the fields that it names."""

    def __init__(self, source: str, place: Place) -> None:
        environment = _environment()
        try:
            self.names = find_undeclared_variables(environment.parse(source))
            self._template = environment.from_string(source)
        except TemplateSyntaxError as exc:
            raise place.fault(f"line {exc.lineno} of the template: {exc.message}") from exc
        except (TemplateError, RecursionError) as exc:
            raise place.fault(f"the template cannot be read: {exc}") from exc
        self.place = place

    def check(self, known: Iterable[str]) -> None:
        """Refuse a field that no row has."""
        fields = sorted(set(known))
        for name in sorted(self.names.difference(fields)):
            near = suggestion(name, fields) or f"; the fields are {', '.join(fields[:20])}"
            raise self.place.fault(f"field '{name}' is in no row{near}")

    def render(self, row: Row) -> str:
        """Fill in the fields of a row; what is missing or cannot be computed is a ConfigError that names the row."""
        try:
            return self._template.render(row.fields)
        except Exception as exc:
            raise row.place.fault(f"the prompt cannot be made: {exc}") from exc
