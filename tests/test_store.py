import json

import msgspec
import pytest
import zstandard

from evalharness.errors import ConfigError, StorageFault
from evalharness.executors import Finished
from evalharness.model import Outcome, Record, Transcript, Trial
from evalharness.store import RunStore, is_run
from evalharness.text import as_json
from tests.running import header, planned, tasks


@pytest.fixture
def store(tmp_path):
    return RunStore.create(tmp_path / "run", header(tasks()), planned(tasks()))


def finished(index=0, *, frame=None, artifacts=None, trial=1):
    task = tasks()[index]
    record = Record(task_id=task.id, trial=trial, outcome=Outcome.PASS)
    return Finished(trial=Trial(task=task, number=trial, seed=1), record=record, frame=frame, artifacts=artifacts or {})


def frame(text):
    return zstandard.ZstdCompressor().compress(as_json(Transcript(final=text)))


def test_header_and_plan_come_back_as_they_were(store):
    again = RunStore(store.path)
    assert again.header == header(tasks())
    assert again.planned() == [planned(tasks())]
    assert list(again.records()) == []
    assert is_run(store.path)


@pytest.mark.parametrize("kind", ["run", "folder"])
def test_a_folder_that_holds_anything_is_never_written_into(tmp_path, store, kind):
    folder = store.path if kind == "run" else tmp_path
    before = sorted(folder.iterdir())
    with pytest.raises(ConfigError, match="is not empty"):
        RunStore.create(folder, header(), planned(()))
    assert sorted(folder.iterdir()) == before


def test_a_file_is_no_place_for_a_run(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(ConfigError, match="is a file"):
        RunStore.create(tmp_path / "run", header(), planned(()))
    assert (tmp_path / "run").read_text() == "mine"


@pytest.mark.parametrize("name", ["nowhere", ""])
def test_what_is_no_run_is_named(tmp_path, name):
    with pytest.raises(ConfigError, match=r"does not exist|is no run directory"):
        RunStore(tmp_path / name)


def test_a_newer_schema_is_refused_and_says_so(store):
    file = store.path / "run.json"
    content = json.loads(file.read_text()) | {"schema": 99, "tasks": "a new shape"}
    file.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"schema 99, this one reads up to 1\): upgrade"):
        RunStore(store.path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"schema": 1}', b'{"schema": "one"}'])
def test_a_damaged_header_is_named(store, content):
    (store.path / "run.json").write_bytes(content)
    with pytest.raises(ConfigError, match=r"run\.json is damaged"):
        RunStore(store.path)


def test_records_and_transcripts_come_back_in_order(store):
    with store.writer() as writer:
        writer.append([finished(0, frame=frame("a")), finished(1), finished(2, frame=frame("c"))])
        writer.append([finished(0, frame=frame("d"), trial=2)])
    texts = [store.transcript(record) for record in store.records()]
    assert [text.final if text else None for text in texts] == ["a", None, "c", "d"]


def test_records_can_be_read_while_they_are_written(store):
    with store.writer() as writer:
        writer.append([finished()])
        assert len(list(RunStore(store.path).records())) == 1


def test_only_one_can_write(store):
    with store.writer(), pytest.raises(ConfigError, match="is being written by another evalh"):
        store.writer()
    with store.writer():
        pass


def test_a_writer_that_cannot_open_lets_go_of_the_lock(store):
    """Used to: the lock stayed with this process."""
    (store.path / "trials.jsonl").mkdir()
    with pytest.raises((StorageFault, OSError)):
        store.writer()
    (store.path / "trials.jsonl").rmdir()
    with store.writer():
        pass


def test_a_torn_record_is_cut_and_the_others_stay_byte_for_byte(store):
    with store.writer() as writer:
        writer.append([finished(0), finished(1)])
    file = store.path / "trials.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"task_id":"t2"')
    with store.writer() as writer:
        writer.append([finished(2)])
    assert file.read_bytes().startswith(whole)
    assert [record.task_id for record in store.records()] == ["t0", "t1", "t2"]


def test_a_damaged_transcript_is_named_and_the_record_stays(store):
    with store.writer() as writer:
        [record] = writer.append([finished(0, frame=frame("a"))])
    segment = store.path / "transcripts" / "000000.zst"
    segment.write_bytes(b"\0" * len(segment.read_bytes()))
    with pytest.raises(ConfigError, match="transcript of t0 trial 1 is damaged"):
        store.transcript(record)


def test_plans_grow_by_a_line(store):
    more = planned(tasks(), first=2, trials=3)
    with store.writer() as writer:
        writer.extend(more)
    assert store.planned() == [planned(tasks()), more]


def test_artifacts_are_kept_by_trial(store):
    each = finished(0, artifacts={"a/b.txt": b"x", "c": b"y"})
    with store.writer() as writer:
        writer.append([each])
    assert store.kept(each.trial.key) == {"a/b.txt": b"x", "c": b"y"}


@pytest.mark.parametrize("name", ["../out", "/tmp/evalh-out", "a/../../../out"])
def test_an_artifact_never_leads_out_of_its_folder(store, tmp_path, name):
    each = finished(0, artifacts={name: b"x"})
    with store.writer() as writer:
        writer.append([each])
    assert store.kept(each.trial.key) == {}
    assert not list(tmp_path.rglob("out"))


def test_task_ids_of_any_kind_name_different_artifact_folders(store):
    ids = ["a/b", "a_b", "..", "a" * 5000, "ü", "U"]
    keys = [msgspec.structs.replace(finished().trial.key, task_id=each) for each in ids]
    assert len({store.artifacts(key) for key in keys}) == len(ids)


@pytest.mark.parametrize("recorded", [True, False])
def test_only_a_run_without_records_is_discarded(store, recorded):
    with store.writer() as writer:
        writer.append([finished()] if recorded else [])
    store.discard_if_empty()
    assert store.path.exists() is recorded


def test_a_run_that_was_killed_while_it_was_made_can_be_made_again(tmp_path):
    (tmp_path / "plan.jsonl").write_text("")
    (tmp_path / ".run.json.4711").write_text("{")
    store = RunStore.create(tmp_path, header(), planned(tasks(1)))
    assert is_run(tmp_path)
    assert [line.task_ids for line in store.planned()] == [("t0",)]
    with pytest.raises(ConfigError, match="is not empty"):
        RunStore.create(tmp_path, header())


def test_a_run_whose_header_is_gone_is_not_written_over(tmp_path):
    (tmp_path / "plan.jsonl").write_text("")
    (tmp_path / "trials.jsonl").write_text("")
    with pytest.raises(ConfigError, match="is not empty"):
        RunStore.create(tmp_path, header())
