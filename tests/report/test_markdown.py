import re
from html.parser import HTMLParser

import msgspec
import pytest
from markdown_it import MarkdownIt

from evalharness.compare import compare
from evalharness.gate import PRESETS, judge
from evalharness.report import markdown, numbers
from tests.factories import arms
from tests.report.hostile import HOSTILE, hostile

PR = PRESETS["pr"]
ALLOWED = {"details", "summary", "code"}
MENTION = re.compile(r"(?<![\w`])@\w|(?<!\w)#\d|\bGH-\d|\w/\w+#\d")


class Tags(HTMLParser):
    """Collects elements, comments, and text outside of code."""

    def __init__(self):
        super().__init__()
        self.tags, self.comments, self.text, self.depth = [], [], [], 0

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))
        self.depth += tag == "code"

    def handle_endtag(self, tag):
        self.depth -= tag == "code"

    def handle_comment(self, content):
        self.comments.append(content)

    def handle_data(self, content):
        if not self.depth:
            self.text.append(content)


def seen_by_github(text):
    """The elements that GitHub's dialect makes of it, raw HTML and automatic links included."""
    rendered = MarkdownIt("gfm-like", {"html": True}).render(text)
    parser = Tags()
    parser.feed(rendered)
    return parser


def test_hostile_text_makes_no_element_link_image_comment_or_mention():
    comparison, verdict, _ = hostile()
    seen = seen_by_github(markdown.render(comparison, verdict))
    made = {tag for tag, _ in seen.tags}
    assert made <= ALLOWED | {
        "blockquote",
        "p",
        "strong",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "ul",
        "li",
        "br",
    }
    assert not any(attrs for tag, attrs in seen.tags if tag not in ("th", "td"))
    assert seen.comments == []
    assert not MENTION.search(" ".join(seen.text))


@pytest.mark.parametrize("text", HOSTILE)
def test_each_hostile_text_alone_stays_text(text):
    seen = seen_by_github(f"- {markdown.escape(text)}\n")
    assert {tag for tag, _ in seen.tags} <= {"ul", "li"}
    assert seen.comments == []


def test_the_sticky_marker_cannot_be_faked():
    comparison, verdict, _ = hostile()
    assert "<!--" not in markdown.render(comparison, verdict)


def test_a_report_of_any_suite_fits_a_comment_and_says_what_is_left_out():
    counts = {f"{'@<*_' * 20}{number}": (5, 0, 0) for number in range(3000)}
    found = compare(*arms(counts, dict.fromkeys(counts, (0, 5, 0))), PR)
    text = markdown.render(found, judge(found, PR))
    assert len(text.encode()) <= 65_536 - 4_096
    assert "more are in the HTML and JSON reports" in text
    assert text.rstrip().endswith("</details>")


def test_even_endless_reasons_fit_a_comment():
    comparison, verdict, _ = hostile()
    endless = msgspec.structs.replace(verdict, checks=verdict.checks * 50)
    text = markdown.render(comparison, endless)
    assert len(text.encode()) <= 65_536 - 4_096
    assert "it is in the HTML and JSON reports" in text
    assert text.startswith("> [!")


def test_the_alert_comes_first_and_has_the_decision_and_why():
    steady = {f"t{number}": (5, 0, 0) for number in range(40)}
    found = compare(*arms(steady, steady), PR)
    verdict = judge(found, PR)
    lines = markdown.render(found, verdict).splitlines()
    assert lines[0] == "> [!TIP]"
    assert numbers.headline(found, verdict) in lines[1]
    assert "pass rate" in lines[2]
