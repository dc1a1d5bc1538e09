"""One self-contained HTML file: templates, style and script put together, and a policy that forbids all network access.

Templates escape whatever is put into them. The page allows exactly its own script and style, by their digests, and no
markup made from strings, so that even text which slipped through could neither run nor load anything.
"""

import base64
import hashlib
from functools import cache
from importlib import resources

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evalharness import __version__
from evalharness.report import inert, numbers, wording

PACKAGE = "evalharness.report"


def page(template: str, **parts: object) -> str:
    """Fill a template."""
    return _environment().get_template(template).render(**parts)


def embedded(content: object) -> Markup:
    """Write plain data as JSON that stands in a script element: nothing in it can end the element."""
    text = msgspec.json.encode(content).decode()
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704 - JSON without any character that HTML reads


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=PackageLoader(PACKAGE),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    script, style = _asset("report.js"), _asset("report.css")
    environment.globals |= {
        "csp": f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        "script": Markup(script),  # noqa: S704 - our own file
        "style": Markup(style),  # noqa: S704 - our own file
        "numbers": numbers,
        "wording": wording,
        "version": __version__,
    }
    return environment


def _finalize(value: object) -> object:
    """Make every text that is not markup harmless before it is escaped."""
    return inert.lines(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _asset(name: str) -> str:
    return resources.files(PACKAGE).joinpath("templates", name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
