"""Damaged and hostile logs: one clear error, never a traceback, never a part of a run."""

import gzip
import json
import random
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_and_scribbled_logs_are_one_error_or_a_run(tmp_path, name, data):
    content = bytearray(written(tmp_path / name, LOGS[name]).read_bytes())
    cut = data.draw(st.integers(0, len(content)))
    places = data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)), max_size=8))
    for place, byte in places:
        content[place] = byte
    (tmp_path / name).write_bytes(content[:cut])
    imported(tmp_path / name, tmp_path / f"run-{next(FRESH)}")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
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
