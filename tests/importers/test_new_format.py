"""A new format is one short file: the one that the documentation shows is read, used and broken here."""

import json
import re
from pathlib import Path

import pytest

from evalharness.errors import ConfigError
from evalharness.foreign import keep, source
from evalharness.registry import BUILT_IN
from tests.foreign_logs import outcomes, written

PAGE = (Path(__file__).parents[2] / "docs" / "importers.md").read_text(encoding="utf-8")


@pytest.fixture
def acme(tmp_path, monkeypatch):
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    assert code[1].count("\n") < 60
    (tmp_path / "acme_log.py").write_text(code[1])
    monkeypatch.syspath_prepend(str(tmp_path))
    return "acme_log:AcmeImporter"


def answers(*states):
    return {"bot": "b", "answers": [{"question": "q", "state": state, "repeat": n} for n, state in enumerate(states)]}


def test_the_shown_importer_reads_and_keeps_runs(acme, tmp_path):
    file = written(tmp_path / "answers.acme", answers("right", "wrong", "asleep"))
    assert outcomes(file, kind=acme) == {
        ("q", 1): ("pass", None),
        ("q", 2): ("fail", None),
        ("q", 3): ("error", "asleep"),
    }
    assert len(list(keep(source(str(file), kind=acme), tmp_path / "run").records())) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (answers("right") | {"answers": [{"question": 7}]}, r"answers\.acme: Expected `str`, got `int`.*answers\[0\]"),
        ({"bot": "b"}, "does not look like"),
    ],
)
def test_the_shown_importer_meets_damage_like_the_others(acme, tmp_path, content, said):
    with pytest.raises(ConfigError, match=said):
        outcomes(written(tmp_path / "answers.acme", content), kind=acme)


def test_a_torn_file_is_named(acme, tmp_path):
    (tmp_path / "answers.acme").write_text(json.dumps(answers("right"))[:-5])
    with pytest.raises(ConfigError, match=r"answers\.acme: Input data was truncated"):
        outcomes(tmp_path / "answers.acme", kind=acme)


def test_the_page_names_every_format_and_no_other():
    named = re.findall(r"^\| `(\w+)` \| .*\|.*\|.*\|$", PAGE, re.MULTILINE)
    assert set(named) == set(BUILT_IN["importer"])
