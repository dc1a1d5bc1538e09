"""Damaged and hostile logs: one clear error, never a traceback, never a part of a run."""

import gzip
import json
import random
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalharness.cli import main
from evalharness.errors import ConfigError, EvalHarnessError
from evalharness.foreign import keep, source
from evalharness.registry import BUILT_IN
from tests.foreign_logs import eval_file, inspect_header, outcomes, sample, written

FOUR = [sample(each, "C", epoch=epoch) for each in (1, 2) for epoch in (1, 2)]
LOGS = {
    "tau.json": [{"task_id": 0, "reward": 1.0, "info": {}, "traj": [{"role": "user", "content": "x"}], "trial": 0}],
    "tau2.json": {
        "info": {"num_trials": 1, "agent_info": {"llm": "m"}},
        "tasks": [{"id": "1"}],
        "simulations": [{"task_id": "1", "trial": 0, "termination_reason": "user_stop", "reward_info": {"reward": 1}}],
    },
    "terminal.json": {
        "results": [{"task_id": "t", "is_resolved": True, "failure_mode": "unset", "trial_started_at": "2026-01-01"}],
        "accuracy": 1.0,
        "resolved_ids": ["t"],
    },
    "inspect.json": inspect_header(results={"total_samples": 4}) | {"samples": FOUR},
    "promptfoo.json": {
        "results": {
            "version": 3,
            "results": [{"provider": {"id": "p"}, "success": True, "score": 1, "vars": {"q": 1}, "latencyMs": 5}],
            "stats": {"successes": 1},
        }
    },
    "swe.json": {"submitted_instances": 1, "completed_ids": ["a"], "resolved_ids": ["a"]},
    "hal.json": {"results": {"costs": {"a": 1}}, "raw_eval_results": {"a": {"reward": 1}}},
    "tqb.json": {"model": "m", "accuracy_em": 1, "n": 1, "detail": [{"id": "a", "em": 1, "lev_ratio": 1.0}]},
    "evals.jsonl": [{"spec": {"eval_name": "e"}}, {"sample_id": "a", "type": "match", "data": {"correct": True}}],
    "table.jsonl": [{"id": "a", "passed": True, "trial": 0}, {"id": "b", "passed": False, "trial": 0}],
    "harbor.json": {
        "task_name": "t",
        "trial_name": "t__1",
        "agent_info": {"name": "a"},
        "verifier_result": {"rewards": {"reward": 1}},
    },
    "deepeval.json": {"testCases": [{"name": "a", "input": "q", "success": True}], "metricsScores": []},
    "samples_arith_2026.jsonl": [
        {"doc_id": 0, "doc": {"q": 1}, "filter": "none", "metrics": ["acc"], "acc": 1.0, "resps": [], "target": "1"},
        {"doc_id": 1, "doc": {"q": 2}, "filter": "none", "metrics": ["acc"], "acc": 0.0, "resps": [], "target": "1"},
    ],
    "eee_samples.jsonl": [
        {
            "evaluation_id": "e",
            "model_id": "m",
            "evaluation_name": "n",
            "evaluation_result_id": "r",
            "sample_id": "a",
            "evaluation": {"score": 1.0, "is_correct": True},
            "messages": [{"turn_idx": 0, "role": "user", "content": "x", "tool_calls": [{"id": "1", "name": "t"}]}],
            "metadata": {"trial": "1", "tags": '["x"]'},
        }
    ],
    "report.json": {"a__b-1": {"patch_exists": True, "patch_successfully_applied": True, "resolved": True}},
    "preds.json": {"a__b-1": {"instance_id": "a__b-1", "model_name_or_path": "m", "model_patch": "diff"}},
    "tau2-simulation.json": {
        "id": "1",
        "task_id": "1",
        "trial": 0,
        "termination_reason": "user_stop",
        "reward_info": {"reward": 1.0},
        "messages": [],
    },
    "promptfoo.jsonl": [
        {"provider": {"id": "p"}, "success": True, "score": 1, "promptIdx": 0, "testCase": {"vars": {"q": 1}}},
        {"provider": {"id": "p"}, "success": False, "score": 0, "promptIdx": 0, "testCase": {"vars": {"q": 2}}},
    ],
    "harbor-job.json": {
        "n_total_trials": 1,
        "stats": {},
        "trial_results": [
            {
                "task_name": "t",
                "trial_name": "t__1",
                "agent_info": {"name": "a"},
                "verifier_result": {"rewards": {"reward": 1}},
                "step_results": [{"agent_result": {"n_input_tokens": 1}, "exception_info": None}],
            }
        ],
    },
    "table.json": [{"id": "a", "passed": 1, "tags": ["x"], "cost": 0.5}, {"id": "b", "passed": 0, "tags": {"k": 1}}],
    "pytest.json": {"tests": [{"nodeid": "a", "outcome": "passed"}], "summary": {"passed": 1}, "exitcode": 0},
}
FRESH = count()  # numbers of folders that no other example has used
ODD = [None, True, -1, 0.5, 1e308, 10**30, "", "x" * 200, "\ud800", "a\nb", [], {}, [[[]]], {"a": {"b": 1}}]


def imported(path: Path, out: Path) -> bool:
    """Import a log; whatever is wrong with it, the error is one line and nothing is left behind."""
    try:
        keep(source(str(path)), out)
    except EvalHarnessError as exc:
        assert "\n" not in str(exc)
        assert exc.exit_code == 2
        assert not out.exists()
        assert [each for each in out.parent.iterdir() if each.name.startswith(f".{out.name}")] == []
        return False
    return True


def twisted(value, dice):
    """Put something odd in the place of one value, or leave it out, or shuffle a list."""
    if isinstance(value, dict) and value:
        key = dice.choice(list(value))
        roll = dice.random()
        if roll < 0.15:
            return {name: each for name, each in value.items() if name != key}
        return value | {key: dice.choice(ODD) if roll < 0.45 else twisted(value[key], dice)}
    if isinstance(value, list) and value:
        index = dice.randrange(len(value))
        return [twisted(each, dice) if index == place else each for place, each in enumerate(value)][
            :: dice.choice([1, -1])
        ]
    return dice.choice(ODD)


@pytest.mark.parametrize("name", LOGS)
def test_the_logs_below_are_good_before_they_are_damaged(tmp_path, name):
    assert imported(written(tmp_path / name, LOGS[name]), tmp_path / "run")


@pytest.mark.parametrize("name", LOGS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_odd_values_anywhere_are_one_error_or_a_run(tmp_path, name, seed):
    folder = tmp_path / str(seed)
    folder.mkdir(exist_ok=True)
    value = LOGS[name]
    dice = random.Random(seed)
    for _ in range(dice.randint(1, 4)):
        value = twisted(value, dice)
    text = "\n".join(map(json.dumps, value)) if name.endswith("l") and isinstance(value, list) else json.dumps(value)
    (folder / name).write_text(text)
    imported(folder / name, folder / f"run-{next(FRESH)}")


@pytest.mark.parametrize("name", LOGS)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_and_scribbled_logs_are_one_error_or_a_run(tmp_path, name, data):
    content = bytearray(written(tmp_path / name, LOGS[name]).read_bytes())
    cut = data.draw(st.integers(0, len(content)))
    places = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8))
    for place, byte in places:
        content[place] = byte
    (tmp_path / name).write_bytes(content[:cut])
    imported(tmp_path / name, tmp_path / f"run-{next(FRESH)}")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_and_scribbled_archives_are_one_error_or_a_run(tmp_path, data):
    file = eval_file(tmp_path / "log.eval", {"header.json": inspect_header(), "summaries.json": FOUR})
    content = bytearray(file.read_bytes())
    for place, byte in data.draw(
        st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8)
    ):
        content[place] = byte
    file.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    imported(file, tmp_path / f"run-{next(FRESH)}")


JUNIT = b"""<?xml version="1.0"?><testsuites><testsuite name="s" tests="2" failures="1" time="1.5">
<testcase classname="c" name="a" time="0.5"/>
<testcase classname="c" name="b"><failure message="m">t</failure></testcase>
<testcase classname="c" name="d"><skipped/></testcase></testsuite></testsuites>"""
CSV = b'id,trial,passed,score,cost,tags\na,1,1,1,0.5,"[""x""]"\nb,1,0,0,,x;y\n"c\n,",1,,,,\n'


def parquet_file(path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"id": ["a", "b"], "passed": [True, None], "score": [1.0, 0.0], "n": [[1], []]}), path)
    return path


@pytest.mark.parametrize("name", ["log.xml", "log.csv", "log.csv.gz", "log.parquet", "log.eval"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_scribbled_and_doubled_files_are_one_error_or_a_run(tmp_path, name, data):
    file = tmp_path / name
    if name == "log.parquet":
        parquet_file(file)
    elif name == "log.eval":
        eval_file(file, {"_journal/start.json": inspect_header(), "_journal/summaries/1.json": FOUR}, method=8)
    else:
        plain = JUNIT if name == "log.xml" else CSV
        file.write_bytes(gzip.compress(plain, mtime=0) if name.endswith("gz") else plain)
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(0, 5))):
        place, byte = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(0, 255))
        content[place] = byte
    start, end = sorted(data.draw(st.lists(st.integers(0, len(content)), min_size=2, max_size=2)))
    content[end:end] = content[start:end] if data.draw(st.booleans()) else b""
    file.write_bytes(content if data.draw(st.booleans()) else content[:end])
    imported(file, tmp_path / f"run-{next(FRESH)}")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(), ending=st.sampled_from([".csv", ".json", ".jsonl", ".xml", ".eval", ".parquet", ".csv.gz"]))
def test_any_text_is_one_error_or_a_run(tmp_path, text, ending):
    for head in ("", "id,passed\n", '{"id": "a"}\n', "<testsuite>"):
        (tmp_path / f"log{ending}").write_bytes((head + text).encode("utf-8", "replace"))
        imported(tmp_path / f"log{ending}", tmp_path / f"run-{next(FRESH)}")


@pytest.mark.parametrize("kind", BUILT_IN["importer"])
def test_a_format_that_is_named_wrongly_is_said_so(tmp_path, kind):
    file = tmp_path / "notes.txt"
    file.write_text("to be or not to be")
    with pytest.raises(ConfigError, match=f"does not look like {kind}"):
        source(str(file), kind=kind)


def test_a_gzip_bomb_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("evalharness.importers.look.LARGEST", 1 << 22)
    file = tmp_path / "log.json.gz"
    file.write_bytes(gzip.compress(b"[" + b" " * (1 << 25) + b"]", 9))
    with pytest.raises(ConfigError, match=r"log\.json\.gz: holds more than 4 MB when unpacked"):
        outcomes(file)


@pytest.mark.parametrize(
    ("name", "head", "filling"),
    [
        ("t.csv.gz", b"id,passed\n", b"a,1\n"),
        ("t.jsonl.gz", b'{"id": "a", "passed": 1}\n', b'{"id": "a", "passed": 1}\n'),
        ("t.xml.gz", b"<testsuite>", b"<testcase name='a'/>"),
        ("e.jsonl.gz", b'{"spec": {"eval_name": "e"}}\n', b'{"sample_id": "a", "type": "match", "data": {}}\n'),
    ],
)
def test_packed_lines_are_refused_when_they_are_too_many(tmp_path, monkeypatch, name, head, filling):
    for module in ("look", "source", "rows", "junit"):
        monkeypatch.setattr(f"evalharness.importers.{module}.LARGEST", 1 << 20, raising=False)
    (tmp_path / name).write_bytes(gzip.compress(head + filling * ((1 << 21) // len(filling)), 9))
    assert (tmp_path / name).stat().st_size < 1 << 17
    with pytest.raises(ConfigError, match="more than"):
        outcomes(tmp_path / name)


@pytest.mark.parametrize("method", [8, 93])
def test_a_member_that_unpacks_to_more_than_it_says_is_refused(tmp_path, method):
    huge = b"[" + b" " * (1 << 28) + b"]"
    file = eval_file(tmp_path / "log.eval", {"header.json": inspect_header(), "summaries.json": huge}, method=method)
    assert file.stat().st_size < 1 << 20
    assert not imported(file, tmp_path / "run")


def test_a_parquet_file_that_repeats_a_text_many_times_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("evalharness.importers.rows.LARGEST", 1 << 24)
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 10_000]))
    parquet.write_table(pa.table({"id": ids, "passed": [True] * 20_000}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 1 << 20
    with pytest.raises(ConfigError, match="holds more than 16 MB when unpacked"):
        outcomes(tmp_path / "t.parquet")


def test_the_command_ends_with_2_and_leaves_nothing(tmp_path, capsys):
    for number, (name, value) in enumerate(LOGS.items()):
        file = written(tmp_path / f"{number}" / name, value)
        file.write_bytes(file.read_bytes()[:-2] + b"\xff")
        with pytest.raises(SystemExit) as ended:
            main(["import", "auto", str(file), "--out", str(tmp_path / "run")])
        said = capsys.readouterr().err
        assert (ended.value.code, said.count("\n"), said[:7]) == (2, 1, "error: ")
        assert not (tmp_path / "run").exists()


def test_deep_nesting_is_an_error_not_a_crash(tmp_path):
    for name, content in (("a.json", "[" * 200_000), ("b.xml", "<testsuite>" * 5000), ("c.json", '{"eval":' * 100_000)):
        (tmp_path / name).write_text(content)
        assert not imported(tmp_path / name, tmp_path / "run")


@pytest.mark.parametrize(
    "content",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&f;"/></testsuite>',
    ],
)
def test_xml_with_a_doctype_is_refused(tmp_path, content):
    (tmp_path / "j.xml").write_text(content)
    with pytest.raises(ConfigError, match="has a DOCTYPE"):
        outcomes(tmp_path / "j.xml")


def test_control_characters_in_a_log_stay_out_of_messages(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('id,passed,cost\na,1,"\x1b[2J\nbad"\n')
    with pytest.raises(ConfigError) as caught:
        outcomes(file)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_aggregate_reaches_no_file_outside_its_folder(tmp_path):
    secret = written(tmp_path / "secret.jsonl", [{"sample_id": "a", "evaluation_id": "e", "evaluation": {}}])
    details = {"file_path": f"../{secret.name}"}
    inner = {"evaluation_id": "e", "evaluation_results": [], "detailed_evaluation_results": details}
    with pytest.raises(ConfigError, match="without its file of instances"):
        outcomes(written(tmp_path / "inner" / "a.json", inner))


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    log = written(tmp_path / "tqb.json", LOGS["tqb.json"])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine").write_text("x")
    with pytest.raises(ConfigError, match="holds something already"):
        keep(source(str(log)), tmp_path / "run")
    assert (tmp_path / "run" / "mine").read_text() == "x"
