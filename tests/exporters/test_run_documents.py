"""Runs as JSON, and what holds for every format: all or nothing, one record per trial, no secrets."""

import json
import os
import re
from pathlib import Path

import jsonschema
import msgspec
import pytest

from evalharness.cli import main
from evalharness.cli.schema import schema
from evalharness.errors import ConfigError, StorageFault
from evalharness.exporters.runs_json import RunDocument
from evalharness.exporting import export_run, told_run
from evalharness.registry import BUILT_IN, find
from evalharness.store import RunStore
from tests.exported import HOSTILE, PLAIN, STANDING, TALK, run_on_disk

KINDS = ("csv", "every_eval_ever", "json", "otlp", "parquet")


@pytest.fixture
def run(tmp_path):
    return run_on_disk(tmp_path / "run")


def content(path):
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return {str(file.relative_to(path)): file.read_bytes() for file in files if file.is_file()}


def test_each_trial_is_told_as_it_stands(run):
    told = {each.record.key: each for each in told_run(str(run)).trials()}
    assert {
        (key.task_id, key.trial): (str(each.record.outcome), each.record.cause) for key, each in told.items()
    } == STANDING
    assert [each.transcript for each in told.values()] == [TALK, PLAIN, None]


def test_json_is_one_document_of_the_published_schema(run, tmp_path):
    export_run("json", str(run), tmp_path / "out.json")
    document = json.loads((tmp_path / "out.json").read_text())
    jsonschema.validate(document, json.loads(schema("export")))
    decoded = msgspec.json.decode((tmp_path / "out.json").read_bytes(), type=RunDocument)
    assert decoded.header == RunStore(run).header
    assert [each.transcript for each in decoded.trials] == [TALK, PLAIN, None]
    assert HOSTILE in {each.record.task_id for each in decoded.trials}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_run_gives_the_same_bytes(run, tmp_path, kind):
    export_run(kind, str(run), tmp_path / "one")
    export_run(kind, str(run), tmp_path / "two")
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_overwritten(run, tmp_path, kind):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(ConfigError, match="is there already"):
        export_run(kind, str(run), tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "x"


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_breaks_half_way_leaves_nothing(run, tmp_path, kind):
    with (run / "trials.jsonl").open("ab") as file:
        file.write(b'{"task_id": 7}\n')
    with pytest.raises(ConfigError, match="is damaged"):
        export_run(kind, str(run), tmp_path / "out" / "x")
    assert list((tmp_path / "out").glob("*")) + list((tmp_path / "out").glob(".*")) == []


@pytest.mark.parametrize("kind", KINDS)
def test_transcripts_may_stay_at_home(run, tmp_path, kind):
    export_run(kind, str(run), tmp_path / "out", transcripts=False)
    assert all(b"be brief" not in each for each in content(tmp_path / "out").values())


@pytest.mark.parametrize("kind", [each for each in KINDS if each != "parquet"])
def test_secrets_stay_at_home(tmp_path, kind, monkeypatch):
    log = tmp_path / "log.csv"
    log.write_text("agent,id,passed\nhunter2hunter2,a-hunter2hunter2,1\n")
    monkeypatch.setitem(os.environ, "MY_API_KEY", "hunter2hunter2")
    export_run(kind, str(log), tmp_path / "out")
    assert all(b"hunter2hunter2" not in each for each in content(tmp_path / "out").values())


def test_lost_transcripts_are_said_with_the_way_out(run, tmp_path):
    for file in (run / "transcripts").iterdir():
        file.unlink()
    with pytest.raises(ConfigError, match="leave them out with --no-transcripts"):
        export_run("json", str(run), tmp_path / "out")
    export_run("json", str(run), tmp_path / "out", transcripts=False)


def test_a_place_that_cannot_be_written_is_one_line(run, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFault, match="cannot be written"):
        export_run("json", str(run), tmp_path / "file" / "out")


@pytest.mark.parametrize("kind", KINDS)
def test_a_format_for_runs_is_named_by_the_command(run, tmp_path, kind, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["export", kind, str(run), "--out", str(tmp_path / "out")])
    assert ended.value.code == 0
    assert (tmp_path / "out").exists()


def test_a_run_without_a_trial_is_written_where_the_format_allows_it(tmp_path):
    run = run_on_disk(tmp_path / "run", [])
    for kind in KINDS:
        if kind == "every_eval_ever":
            with pytest.raises(ConfigError, match="has no trial"):
                export_run(kind, str(run), tmp_path / kind)
        else:
            export_run(kind, str(run), tmp_path / kind)


def test_the_format_that_the_page_shows_is_found_by_its_class(run, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "exporters.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "names_out.py").write_text(code)
    monkeypatch.syspath_prepend(str(tmp_path))
    export_run("names_out:NamesExporter", str(run), tmp_path / "out.txt")
    assert (tmp_path / "out.txt").read_text() == "'calm' 1\n"


def test_the_page_names_every_format_for_runs():
    page = (Path(__file__).parents[2] / "docs" / "exporters.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(named) == sorted(name for name in BUILT_IN["exporter"] if find("exporter", name).takes == "run")
