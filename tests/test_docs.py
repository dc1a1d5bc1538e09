"""What the README and the pages in docs name exists, and what they show can be read."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click import Context, Group

from evalharness.cli import cli
from evalharness.loading.yaml_source import parse_yaml

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
COMMAND = re.compile(r"(?:^|[`$ ])evalh ([a-z]+)(?: ([a-z]+))?(?![\w-])", re.MULTILINE)
LINE = re.compile(r"(?:^|[`$ ])evalh ([a-z]+ [^`\n#]*)", re.MULTILINE)
OPTION = re.compile(r"^\[?(--[a-z][a-z-]*|-[a-z]\b)")
READERS: dict[str, Callable[[str], object]] = {
    "json": json.loads,
    "python": lambda text: compile(text, "page", "exec"),
    "yaml": lambda text: parse_yaml(text, "page"),
}

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@each_page
def test_every_relative_link_leads_somewhere(page):
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@each_page
def test_every_command_that_is_shown_exists(page):
    context = Context(cli)
    for code in CODE.findall(page.read_text()):
        for name, following in COMMAND.findall(code):
            command = cli.get_command(context, name) if name in cli.list_commands(context) else None
            assert command, name
            assert not (following and isinstance(command, Group)) or following in command.commands, following


@each_page
def test_every_option_that_is_shown_exists(page):
    context = Context(cli)
    for code in CODE.findall(page.read_text().replace("\\\n", " ")):
        for first, *words in map(str.split, LINE.findall(code)):
            command = cli.get_command(context, first)
            if isinstance(command, Group) and words:
                command = command.commands.get(words[0], command)
            known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
            shown = {option for word in words for option in OPTION.findall(word)}
            assert shown <= known, first


@each_page
@pytest.mark.parametrize("language", READERS)
def test_every_block_can_be_read(page, language):
    for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL):
        READERS[language](block)


def test_the_readme_shows_commands_and_links():
    text = PAGES[0].read_text()
    assert LINK.findall(text)
    assert COMMAND.findall(text)
