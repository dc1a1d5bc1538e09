import gzip
import json

import pytest

from evalharness.errors import ConfigError
from evalharness.suite import load_suite
from evalharness.tasksets.source import imported, located, packaged, records, sampled, value

HINT = {"what": "Sums", "origin": "write them yourself"}


def test_a_file_is_looked_for_beside_the_suite_and_then_in_the_folder_of_data_sets(tmp_path, monkeypatch):
    data, suites = tmp_path / "data", tmp_path / "suites"
    (data / "sums").mkdir(parents=True)
    suites.mkdir()
    (data / "sums" / "test.jsonl").write_text("")
    monkeypatch.setenv("EVALH_DATA", str(data))
    assert located("sums/test.jsonl", suites, **HINT) == data / "sums" / "test.jsonl"
    assert located("sums", suites, **HINT) == data / "sums" / "test.jsonl"
    (suites / "sums").mkdir()
    (suites / "sums" / "mine.json").write_text("[]")
    assert located("sums", suites, **HINT) == suites / "sums" / "mine.json"


def test_a_missing_file_is_one_line_that_says_where_to_get_it(tmp_path, monkeypatch):
    monkeypatch.delenv("EVALH_DATA", raising=False)
    with pytest.raises(ConfigError, match=r"Sums is missing: no .*sums, and EVALH_DATA names no folder.*write them"):
        located("sums", tmp_path, **HINT)
    monkeypatch.setenv("EVALH_DATA", "/nowhere")
    with pytest.raises(ConfigError, match=r"no .*sums or /nowhere/sums; write them"):
        located("sums", tmp_path, **HINT)


@pytest.mark.parametrize(("files", "said"), [((), "holds none"), (("a.json", "b.jsonl"), "holds a.json, b.jsonl")])
def test_a_folder_must_hold_one_data_file(tmp_path, files, said):
    (tmp_path / "sums").mkdir()
    for name in files:
        (tmp_path / "sums" / name).write_text("")
    with pytest.raises(ConfigError, match=said):
        located("sums", tmp_path, **HINT)


def test_a_package_that_is_not_installed_is_named_with_its_command():
    for find in (packaged, imported):
        with pytest.raises(ConfigError, match="run `pip install no-such-thing`"):
            find("no_such_thing", what="Sums", install="pip install no-such-thing")


def test_lists_lines_and_compressed_files_are_read(tmp_path):
    rows = [{"a": 1}, {"a": "line\u2028inside"}]
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    for name, content in (
        ("a.json", json.dumps(rows).encode()),
        ("a.jsonl", lines),
        ("a.jsonl.gz", gzip.compress(lines)),
    ):
        (tmp_path / name).write_bytes(content)
        assert records(tmp_path / name) == rows


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b'"text"\n', b"[1, 2]", b"no json"])
def test_anything_else_is_refused_with_its_file(tmp_path, content):
    file = tmp_path / "a.jsonl"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"a.jsonl"):
        records(file)
    broken = tmp_path / "a.jsonl.gz"
    broken.write_bytes(gzip.compress(b"{}" * 100)[:-9])
    with pytest.raises(ConfigError, match=r"a.jsonl.gz"):
        records(broken)


def test_the_first_name_that_a_row_has_counts():
    assert value({"b": 2, "a": None}, ("a", "b"), "f:1") == 2
    with pytest.raises(ConfigError, match="f:1: has none of the fields a, b"):
        value({"c": 1}, ("a", "b"), "f:1")


def test_a_sample_keeps_its_order_and_is_the_same_every_time():
    found = sampled(range(100), 10, 3)
    assert found == sorted(found) == sampled(range(100), 10, 3)
    assert len(set(found)) == 10
    assert found != sampled(range(100), 10, 4)
    assert sampled(range(3), 5, 0) == sampled(range(3), None, 0) == [0, 1, 2]
    with pytest.raises(ConfigError, match="leaves no tasks"):
        sampled(range(3), 0, 0)


LOADER = """
from evalharness.errors import ConfigError
def load(*, folder):
    return [{"prompt": str(folder), "expected": "a"}]
def refuse():
    raise ConfigError("the data is missing: get it")
"""


def test_a_function_that_asks_is_told_the_suites_folder_and_its_own_message_stands(tmp_path, monkeypatch):
    (tmp_path / "my_rows_of_tasks.py").write_text(LOADER)
    monkeypatch.syspath_prepend(tmp_path)
    suite = tmp_path / "s.yaml"
    suite.write_text("tasks: {use: 'my_rows_of_tasks:load'}\ngraders: [{use: exact_match}]\n")
    assert load_suite(suite).tasks[0].prompt == str(tmp_path)
    suite.write_text("tasks: {use: 'my_rows_of_tasks:refuse'}\ngraders: [{use: exact_match}]\n")
    with pytest.raises(ConfigError, match=r"s\.yaml: tasks: the data is missing: get it$"):
        load_suite(suite)
