"""What changes how a trial goes or is judged changes a digest; nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest

from evalharness.loading.digests import entries, suite_digest
from evalharness.suite import load_suite

SUITE: dict[str, Any] = {
    "name": "s",
    "tasks": [
        {"id": "a", "q": "one", "label": "1", "files": {"in.txt": "in.txt"}},
        {"id": "b", "q": "two", "label": 2},
    ],
    "prompt": "{{ q }}",
    "expected": "label",
    "graders": [{"use": "exact_match"}, {"use": "contains", "options": {"value": "x"}}],
    "limits": {"seconds": 10},
}
FILES = {"in.txt": "content"}


def digests(folder: Path, suite: dict, files: dict[str, str] = FILES) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(content)
    (folder / "suite.yaml").write_text("# a comment\n" + json.dumps(suite, indent=1))
    found = load_suite(folder / "suite.yaml")
    first = entries(found)["a"]
    return {"task": first.task, "graders": first.graders, "limits": first.limits, "suite": suite_digest(found)}


@pytest.mark.parametrize(
    "change",
    [
        {"name": "other", "version": 2, "trials": 9},
        {"gate": {"stance": "report", "margin": 0.2}},
        {"artifacts": ["*.patch"]},
        {"workspace": {"use": "local", "options": {}}},
        {"limits": {"seconds": 10.0, "cost_usd": None}},
        {"graders": [{"use": "contains", "options": {"value": "x"}}, {"use": "exact_match"}]},
        {"graders": [{"use": "exact_match", "weight": 3}, {"use": "contains", "options": {"value": "x"}, "weight": 3}]},
        {"graders": [{"use": "exact_match", "options": {"accept": "accept"}, "name": "exact"}, SUITE["graders"][1]]},
        {"tasks": list(reversed(SUITE["tasks"]))},
        {"tasks": [{**SUITE["tasks"][0], "tags": {"x": "y"}}, SUITE["tasks"][1]]},
        {"tasks": [{**SUITE["tasks"][0], "files": {"in.txt": "copy.txt"}}, SUITE["tasks"][1]]},
        {"tasks": [{**task, "graders": SUITE["graders"], "limits": {"seconds": 10}} for task in SUITE["tasks"]]},
    ],
)
def test_what_changes_no_behaviour_changes_no_digest(tmp_path, change):
    files = {**FILES, "copy.txt": FILES["in.txt"]}
    assert digests(tmp_path / "b", {**SUITE, **change}, files) == digests(tmp_path / "a", SUITE)


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("task", {"prompt": "{{ q }}!"}),
        ("task", {"expected": "q"}),
        ("task", {"tasks": [{**SUITE["tasks"][0], "hint": "h"}, SUITE["tasks"][1]]}),
        ("task", {"tasks": [{**SUITE["tasks"][0], "label": 1}, SUITE["tasks"][1]]}),
        ("task", {"tasks": [{**SUITE["tasks"][0], "files": {"other.txt": "in.txt"}}, SUITE["tasks"][1]]}),
        ("graders", {"graders": SUITE["graders"][:1]}),
        ("graders", {"graders": [SUITE["graders"][0], {"use": "contains", "options": {"value": "y"}}]}),
        ("graders", {"graders": [{"use": "exact_match", "weight": 2}, SUITE["graders"][1]]}),
        ("limits", {"limits": {"seconds": 11}}),
        ("limits", {"limits": {"seconds": 10, "tokens": 0}}),
    ],
)
def test_what_changes_behaviour_changes_its_digest_and_that_of_the_suite(tmp_path, part, change):
    before, after = digests(tmp_path / "a", SUITE), digests(tmp_path / "b", {**SUITE, **change})
    assert {name for name in before if before[name] != after[name]} == {part, "suite"}


def test_a_task_less_changes_the_suite_only(tmp_path):
    before, after = digests(tmp_path / "a", SUITE), digests(tmp_path / "b", {**SUITE, "tasks": SUITE["tasks"][:1]})
    assert {name for name in before if before[name] != after[name]} == {"suite"}


def test_the_content_of_placed_files_counts(tmp_path):
    before = digests(tmp_path, SUITE)
    after = digests(tmp_path, SUITE, {"in.txt": "other"})
    assert {name for name in before if before[name] != after[name]} == {"task", "suite"}


def test_the_content_of_placed_folders_counts_but_not_what_python_leaves_there(tmp_path):
    suite = {**SUITE, "files": {"repo": "repo"}}
    (tmp_path / "repo" / "__pycache__").mkdir(parents=True)
    (tmp_path / "repo" / "a.py").write_text("a")
    before = digests(tmp_path, suite)
    (tmp_path / "repo" / "__pycache__" / "a.pyc").write_text("b")
    assert digests(tmp_path, suite) == before
    (tmp_path / "repo" / "a.py").rename(tmp_path / "repo" / "b.py")
    assert digests(tmp_path, suite)["task"] != before["task"]


def test_the_content_of_files_that_graders_name_counts(tmp_path):
    suite = {**SUITE, "graders": [{"use": "contains", "options": {"value": "key.txt"}}]}
    before = digests(tmp_path, suite, {**FILES, "key.txt": "one"})
    assert digests(tmp_path, suite, {**FILES, "key.txt": "two"})["graders"] != before["graders"]


def test_the_source_of_a_grader_of_ones_own_counts(tmp_path, monkeypatch):
    source = (
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Mine:\n"
        "    def grade(self, task, transcript, workspace):\n        ...\n"
    )
    suite = {**SUITE, "graders": [{"use": "grader_of_mine:Mine"}]}
    monkeypatch.syspath_prepend(str(tmp_path))
    before = digests(tmp_path, suite, {**FILES, "grader_of_mine.py": source})
    after = digests(tmp_path, suite, {**FILES, "grader_of_mine.py": source + "# judged otherwise\n"})
    assert before["graders"] != after["graders"]


def test_a_grader_that_asks_is_told_the_folder_of_the_suite_and_its_digest_does_not_see_it(tmp_path, monkeypatch):
    (tmp_path / "grader_in_place.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Mine:\n    folder: str = '.'\n\n"
        "    def grade(self, task, transcript, workspace):\n        ...\n"
    )
    suite = {**SUITE, "graders": [{"use": "grader_in_place:Mine"}]}
    monkeypatch.syspath_prepend(str(tmp_path))
    assert digests(tmp_path / "a", suite) == digests(tmp_path / "b", suite)
    told = load_suite(tmp_path / "a" / "suite.yaml").tasks[0].graders[0].options
    assert told == {"folder": str(tmp_path / "a")}


def test_a_built_in_grader_may_be_named_either_way(tmp_path):
    short = digests(tmp_path / "a", {**SUITE, "graders": [{"use": "exact_match"}]})
    long = digests(tmp_path / "b", {**SUITE, "graders": [{"use": "evalharness.graders.text:ExactMatch"}]})
    assert short == long


def test_digests_given_are_not_computed_again(tmp_path):
    digests(tmp_path, SUITE)
    suite = load_suite(tmp_path / "suite.yaml")
    known = entries(suite)
    assert suite_digest(suite, known) == suite_digest(suite)
    assert suite_digest(suite, {"a": known["a"]}) != suite_digest(suite)
