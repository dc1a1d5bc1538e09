import base64
import json
import random
import re
import zlib
from html.parser import HTMLParser

import msgspec
import pytest

from evalharness.compare import compare
from evalharness.evidence import LONGEST, gather, shown_trial
from evalharness.gate import PRESETS, judge
from evalharness.ledger.chain import Chain, extended
from evalharness.ledger.entry import canonical_json, sealed
from evalharness.model import Decision, Message, Outcome, Record, TaskClass, Transcript
from evalharness.report import html, html_line, html_page, numbers, write
from evalharness.report.evidence import Evidence, ShownTrial
from evalharness.report.html_rows import MOST_EMBEDDED
from evalharness.report.wording import CLASSES, SIGNS, duration
from tests.browser.projects import big
from tests.counting import calls
from tests.factories import arms
from tests.ledgers import promotion_of
from tests.report.hostile import hostile

PR = PRESETS["pr"]
STEADY = {f"t{number}": (5, 0, 0) for number in range(40)}


class Page(HTMLParser):
    """Collects elements with their attributes, and the content of scripts by id."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts, self._inside = [], {}, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self._inside = dict(attrs).get("id", "")

    def handle_data(self, content):
        if self._inside is not None:
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + content

    def handle_endtag(self, tag):
        self._inside = None if tag == "script" else self._inside


def rendered(baseline, candidate, **named):
    found = compare(*arms(baseline, candidate), PR)
    return html.render(found, judge(found, PR), **named)


def test_the_page_shows_the_numbers_that_every_format_shows():
    found = compare(*arms(STEADY, STEADY | {"t7": (0, 5, 0)}), PR)
    verdict = judge(found, PR)
    text = html.render(found, verdict)
    assert numbers.headline(found, verdict) in text
    for said in (numbers.change(found.delta["suite"]), numbers.percent(found.candidate.pass_rate.value)):
        assert said in text


def test_nothing_in_the_page_points_anywhere_else():
    page = Page(html.render(*hostile()))
    for _, attributes in page.elements:
        assert not {"src", "action", "formaction", "data", "style", "xlink:href"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("href", "#").startswith("#")


def test_the_policy_of_the_page_forbids_all_but_its_own_script_and_style():
    page = Page(rendered(STEADY, STEADY))
    policy = next(each["content"] for tag, each in page.elements if each.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert html_page._digest(page.scripts[""]) in policy


def test_hostile_text_makes_no_element_that_a_harmless_one_does_not_make():
    harmless = {tag for tag, _ in Page(rendered(STEADY, STEADY | {"t7": (0, 5, 0), "t8": (0, 0, 5)})).elements}
    made = Page(html.render(*hostile())).elements
    assert {tag for tag, _ in made} - harmless <= {"figure", "figcaption", "pre"}
    assert sum(tag == "script" for tag, _ in made) == 3


def test_embedded_data_stays_inside_its_element():
    content = html_page.embedded(["</script><script>", "<!--", "]]>", "\u2028"])
    assert "<" not in content
    assert json.loads(content) == ["</script><script>", "<!--", "]]>", "\u2028"]


def with_transcripts(tasks):
    """Render so many tasks, each with a transcript of four kilobytes."""
    comparison, verdict = big(tasks)
    rng = random.Random(1)
    words = [f"{rng.getrandbits(40):x}" for _ in range(5000)]
    said = [" ".join(rng.choices(words, k=400))[:4096] for _ in comparison.tasks]
    shown = {
        task.task_id: (ShownTrial(trial=1, outcome="fail", said=(("final", text),)),) * 2
        for task, text in zip(comparison.tasks, said, strict=True)
    }
    return comparison, verdict, Evidence(transcripts=shown)


def test_a_page_of_500_tasks_with_transcripts_is_small():
    assert len(html.render(*with_transcripts(500)).encode()) < 1_500_000


def test_the_work_of_a_page_grows_with_its_tasks_only():
    few, many = with_transcripts(100), with_transcripts(500)
    assert calls(lambda: html.render(*many)) < 5.5 * calls(lambda: html.render(*few))


def test_transcripts_stop_where_the_room_for_them_ends():
    rng = random.Random(1)
    trials = {
        f"t{number}": (ShownTrial(trial=1, outcome="fail", said=(("final", rng.randbytes(3000).hex()),)), None)
        for number in range(300)
    }
    page = Page(rendered(STEADY, STEADY, evidence=Evidence(transcripts=trials)))
    kept = json.loads(page.scripts["transcripts"])
    assert 0.9 * MOST_EMBEDDED < sum(map(len, kept.values())) <= MOST_EMBEDDED
    first = json.loads(zlib.decompress(base64.b64decode(kept["t0"])))
    assert first[0]["said"][0][1] == trials["t0"][0].said[0][1]


def test_a_side_is_cut_to_four_kilobytes_and_keeps_the_answer():
    said = Transcript(final="A" * 10_000_000, messages=(Message(role="user", content="q" * 9000),))
    shown = shown_trial(Record(task_id="t", trial=2, outcome=Outcome.FAIL), said)
    assert sum(len(text) for _, text in shown.said) <= LONGEST
    assert shown.said[-1][1].startswith("AAAA")
    assert shown.left_out == 10_009_000 - sum(len(text) for _, text in shown.said)


def test_marks_keep_the_order_of_trials_and_never_contradict_the_counts():
    page = Page(rendered(STEADY, STEADY | {"t7": (0, 4, 1)}))
    row = next(row for row in json.loads(page.scripts["table"])["rows"] if row[0] == "t7")
    assert row[3][1][:4] == [0, 4, 1, "FFFFE"]


def test_secrets_are_gone_before_anything_is_escaped_or_compressed(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "<hush>&'secret'")
    found = compare(*arms(STEADY, STEADY), PR)
    found = msgspec.structs.replace(found, warnings=("it said <hush>&'secret' aloud",))
    shown = {"t1": (ShownTrial(trial=1, outcome="fail", said=(("final", "<hush>&'secret'"),)), None)}
    for ending in ("html", "md", "json", "xml", "sarif"):
        write(tmp_path / f"x.{ending}", found, judge(found, PR), Evidence(transcripts=shown))
        text = (tmp_path / f"x.{ending}").read_text()
        assert "hush" not in text
        assert ending in ("xml", "sarif") or "redacted" in text
    packed = json.loads(Page((tmp_path / "x.html").read_text()).scripts["transcripts"])["t1"]
    assert b"hush" not in zlib.decompress(base64.b64decode(packed))


def test_every_class_and_decision_has_words_and_a_sign():
    assert set(CLASSES) == set(TaskClass)
    assert set(SIGNS) == set(Decision)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(None, "unknown"), (0.000441, "0.441 ms"), (0.25, "250 ms"), (1.234, "1.23 s"), (754.3, "754 s")],
)
def test_times_are_written_with_three_digits(seconds, written):
    assert duration(seconds) == written


def test_a_line_shows_its_newest_decision_first():
    chain = Chain(name="main", links=())
    assert "No version stands yet" in html_line.render(chain)
    for version in ("1", "2"):
        chain = extended(chain, sealed(canonical_json(promotion_of(chain, version))))
    text = html_line.render(chain)
    assert "2 stands" in text
    assert text.index("<b>2</b>") < text.index("<b>1</b>")


def test_runs_that_are_gone_leave_a_report_without_their_evidence():
    found = compare(*arms(STEADY, STEADY), PR)
    evidence = gather(found)
    assert evidence.transcripts == {}
    assert re.search(r"<h1[^>]*>PROMOTE", html.render(found, judge(found, PR), evidence))
