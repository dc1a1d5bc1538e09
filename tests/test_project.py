"""What the project says of itself in one file agrees with what it says in the others."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
DEPENDENCIES = (ROOT / "docs" / "decisions" / "0003-dependencies.md").read_text()


def name(requirement: str) -> str:
    return re.split(r"[<>=~! \[;]", requirement)[0]


def test_decisions_are_numbered_without_a_gap():
    assert [file.name[:4] for file in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]


@pytest.mark.parametrize(
    "requirement", [*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra)]
)
def test_every_dependency_has_its_reason(requirement):
    kind = "types-*" if name(requirement).startswith("types-") else name(requirement)
    assert re.search(rf"(?<![\w-]){re.escape(kind)}(?![\w-])", DEPENDENCIES)


def test_every_extra_is_described_and_every_extra_that_users_are_sent_to_exists():
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "evalharness").rglob("*.py")]
    named = {extra for file in files for extra in re.findall(r"evalharness\[([a-z,]+)\]", file.read_text())}
    assert {each for extra in named for each in extra.split(",")} == set(EXTRAS) - {"dev"}


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text()
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"(docs/{page.name}" not in readme] == []
