"""inspect_ai logs: both kinds, epochs, errors, limits, several scorers, contradictions, archives of all methods."""

import json
import subprocess
import sys
import zipfile

import pytest

from evalharness.errors import ConfigError
from evalharness.foreign import keep, source
from evalharness.importers.inspect_faults import reduced
from tests.foreign_logs import eval_file, faults, inspect_header, loaded, outcomes, sample, written

PASS, FAIL = ("pass", None), ("fail", None)
FOUR = [sample(1, "C"), sample(1, "I", epoch=2), sample(2, 1), sample(2, True, epoch=2)]


def log(path, samples, **header):
    """Write a log of the kind that the ending of its name says."""
    if path.suffix == ".json":
        return written(path, inspect_header(**header) | {"samples": samples})
    return eval_file(path, {"header.json": inspect_header(**header), "summaries.json": samples})


@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_epochs_are_trials(tmp_path, name):
    file = log(tmp_path / name, FOUR)
    assert outcomes(file) == {("1", 1): PASS, ("1", 2): FAIL, ("2", 1): PASS, ("2", 2): PASS}
    header = loaded(file).header
    assert (header.suite.name, header.agent.name, header.trials) == ("arith", "mock/model", 2)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, 93])
def test_members_are_read_however_they_are_packed(tmp_path, method):
    members = {"header.json": inspect_header(), "summaries.json": FOUR}
    assert len(outcomes(eval_file(tmp_path / "log.eval", members, method=method))) == 4


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (sample(1, "C", error="RuntimeError('sandbox went away')"), ("error", "RuntimeError")),
        (sample(1, "C", error={"message": "no host"}), ("error", "no host")),
        (sample(1, "I", limit="token"), ("fail", "limit:token")),
        (sample(1, "C", limit="token"), PASS),
        ({"id": 1, "epoch": 1, "scores": {}, "limit": "time"}, ("fail", "limit:time")),
        ({"id": 1, "epoch": 1, "scores": {}, "limit": {"type": "operator"}}, ("error", "unscored")),
        ({"id": 1, "epoch": 1, "scores": {}}, ("error", "unscored")),
        ({"id": 1, "epoch": 1, "score": {"value": "C"}}, PASS),
        (sample(1, None), ("error", "unscored")),
        (sample(1, "probably"), ("error", "probably")),
        (sample(1, "N"), FAIL),
        (sample(1, "yes"), PASS),
        (sample(1, "1.0"), PASS),
        (sample(1, "C", completed=False), ("error", "not completed")),
    ],
)
def test_states_are_mapped_by_what_they_mean(tmp_path, line, expected):
    assert outcomes(log(tmp_path / "log.eval", [line]))["1", 1] == expected


def test_not_a_number_is_unscored(tmp_path):
    text = json.dumps(inspect_header() | {"samples": [sample(1, 0), sample(2, "C", note="is NaN here")]})
    (tmp_path / "log.json").write_text(text.replace('"value": 0', '"value": NaN'))
    found = outcomes(tmp_path / "log.json")
    assert found == {("1", 1): ("error", "unscored"), ("2", 1): PASS}


def test_all_scorers_must_pass_unless_one_is_named(tmp_path):
    scores = {"a": {"value": "C"}, "b": {"value": {"x": 1, "y": 0}}}
    file = log(tmp_path / "log.eval", [{"id": 1, "epoch": 1, "scores": scores}])
    assert outcomes(file)["1", 1] == FAIL
    assert outcomes(f"{file}::a")["1", 1] == PASS
    assert outcomes(f"{file}::b/x")["1", 1] == PASS
    assert [each.grader for each in loaded(file).records[0].grades] == ["a", "b/x", "b/y"]
    with pytest.raises(ConfigError, match=r"holds no run 'c'.*arith, a, b/x, b/y"):
        outcomes(f"{file}::c")


def test_a_partial_score_asks_for_pass_at(tmp_path):
    file = log(tmp_path / "log.eval", [sample(1, "P")])
    with pytest.raises(ConfigError, match=r"sample 1: the score 0\.5 .* --pass-at X"):
        outcomes(file)
    assert outcomes(file, pass_at=0.5)["1", 1] == PASS


def test_samples_that_are_not_there_are_planned_and_named(tmp_path):
    foreign = loaded(log(tmp_path / "log.eval", FOUR[:2]))
    assert foreign.planned == {"1": 2, "2": 2}
    assert foreign.header.options["faults"] == ["1 of 2 tasks have no trial (first: 2)"]


def test_a_log_that_is_still_written_is_read_from_its_journal(tmp_path):
    members = {
        "_journal/start.json": inspect_header(),
        "_journal/summaries/1.json": FOUR[:3],
        "_journal/summaries/2.json": FOUR[3:],
    }
    assert len(outcomes(eval_file(tmp_path / "log.eval", members))) == 4


def test_of_members_with_one_name_the_last_counts(tmp_path):
    file = tmp_path / "log.eval"
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(file, "w") as archive:
        for content in ([sample(1, "I")], [sample(1, "C")]):
            archive.writestr("summaries.json", json.dumps(content))
        archive.writestr("header.json", json.dumps(inspect_header()))
    assert outcomes(file)["1", 1] == PASS


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"status": "error", "error": {"message": "out of memory"}}, "its status is error: out of memory"),
        ({"results": {"total_samples": 5}}, "it counts 5 samples over all epochs, and holds 4"),
        ({"results": {"scores": [{"name": "match", "metrics": {"accuracy": {"value": 0.5}}}]}}, "its match is 0.5"),
        (
            {
                "reductions": [
                    {"scorer": "match", "samples": [{"sample_id": 1, "value": 1}, {"sample_id": 2, "value": 0.5}]}
                ]
            },
            "its reductions contradict its samples in 2 places (first: 1)",
        ),
    ],
)
@pytest.mark.parametrize("name", ["log.eval", "log.json"])
def test_contradictions_are_faults(tmp_path, name, more, said):
    assert any(said in each for each in faults(log(tmp_path / name, FOUR, **more)))


def test_a_log_that_agrees_with_itself_has_no_faults(tmp_path):
    headline = [{"name": "match", "reducer": "mean", "metrics": {"accuracy": {"value": 0.75}}}]
    assert faults(log(tmp_path / "log.eval", FOUR, results={"total_samples": 4, "scores": headline})) == []


@pytest.mark.parametrize(
    ("reducer", "expected"),
    [
        (None, 0.5),
        ("mode", 1.0),
        ("median", 0.5),
        ("max", 1.0),
        ("at_least_2", 1.0),
        ("at_least_3", 0.0),
        ("pass_at_2", 1 - 1 / 6),
        ("pass_k_2", 1 / 6),
        ("pass_at_5", None),
        ("mine", None),
    ],
)
def test_epochs_reduce_as_inspect_reduces_them(reducer, expected):
    assert reduced([1, 0, 1, 0], reducer) == (None if expected is None else pytest.approx(expected))


def test_a_folder_of_logs_has_a_run_a_file(tmp_path):
    for name in ("a.eval", "b.eval"):
        log(tmp_path / name, FOUR)
    with pytest.raises(ConfigError, match=r"holds 2 runs.*a\.eval, b\.eval"):
        outcomes(tmp_path)
    assert len(outcomes(f"{tmp_path}::b.eval")) == 4


def test_what_was_said_is_kept_with_its_attachments(tmp_path):
    talk = {
        "id": 1,
        "epoch": 1,
        "messages": [{"role": "user", "content": "attachment://abc"}, {"role": "assistant", "content": "4"}],
        "output": {"choices": [{"message": {"role": "assistant", "content": [{"type": "text", "text": "four"}]}}]},
        "attachments": {"abc": "2 + 2?"},
    }
    members = {"header.json": inspect_header(), "summaries.json": FOUR, "samples/1_epoch_1.json": talk}
    store = keep(source(str(eval_file(tmp_path / "log.eval", members))), tmp_path / "run")
    first, second, *_ = store.records()
    kept = store.transcript(first)
    assert kept is not None
    assert (kept.final, kept.messages[0].content) == ("four", "2 + 2?")
    assert second.transcript is None


def test_a_large_log_takes_little_memory(tmp_path):
    """The samples of this log unpack to 800 MB; only its summaries are read to compare it."""
    block = b'{"id": 0, "messages": [{"role": "user", "content": "' + b"x" * 8_000_000 + b'"}]}'
    members = {f"samples/{n}_epoch_1.json": block for n in range(100)}
    summaries = [sample(n, "C", input="y" * 1000) for n in range(100)]
    file = eval_file(tmp_path / "log.eval", members | {"header.json": inspect_header(), "summaries.json": summaries})
    code = f"""
from resource import RUSAGE_SELF, getrusage
from evalharness.foreign import load, source
before = getrusage(RUSAGE_SELF).ru_maxrss
assert len(load(source({str(file)!r})).records) == 100
print(getrusage(RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 50_000_000


@pytest.mark.parametrize("name", ["header.json", "summaries.json"])
def test_a_member_that_unpacks_to_too_much_is_refused(tmp_path, name):
    members = {"header.json": inspect_header(), "summaries.json": FOUR} | {name: b" " * (1 << 28) + b"[]"}
    with pytest.raises(ConfigError, match=rf"{name} would unpack to 256 MB"):
        outcomes(eval_file(tmp_path / "log.eval", members))


def test_a_member_that_lies_about_its_size_is_refused(tmp_path):
    file = eval_file(tmp_path / "log.eval", {"header.json": inspect_header(), "summaries.json": FOUR})
    content = file.read_bytes()
    lying = content.replace(len(json.dumps(FOUR)).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    file.write_bytes(lying)
    with pytest.raises(ConfigError, match=r"summaries\.json is damaged"):
        outcomes(file)
