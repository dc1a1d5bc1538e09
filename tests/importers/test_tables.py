"""Plain tables: names of columns, several runs, trials, verdicts and what measured nothing."""

import gzip
import sys
from collections import Counter

import pytest
import zstandard

from evalharness.errors import ConfigError
from tests.foreign_logs import faults, loaded, outcomes, written

PASS, FAIL = ("pass", None), ("fail", None)


@pytest.mark.parametrize("task", ["task_id", "case_id", "id", "task", "Task"])
@pytest.mark.parametrize("verdict", ["passed", "score", "resolved", "reward"])
def test_usual_names_of_columns_are_known(tmp_path, task, verdict):
    file = tmp_path / "t.csv"
    file.write_text(f"{task},{verdict}\na,1\nb,0\n")
    assert outcomes(file) == {("a", 1): PASS, ("b", 1): FAIL}


@pytest.mark.parametrize("trial", ["trial", "epoch", "run", "repeat", "run_id", "run_index"])
def test_trials_count_from_one(tmp_path, trial):
    file = tmp_path / "t.csv"
    file.write_text(f"id,{trial},passed\na,0,1\na,1,0\n")
    assert outcomes(file) == {("a", 1): PASS, ("a", 2): FAIL}


def test_named_repetitions_are_numbered_in_their_order(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,run_id,passed\na,mon,1\na,tue,0\nb,mon,0\nb,tue,1\n")
    assert outcomes(file) == {("a", 1): PASS, ("a", 2): FAIL, ("b", 1): FAIL, ("b", 2): PASS}


def test_repeated_rows_without_a_trial_are_trials(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,passed\na,1\na,0\n")
    assert outcomes(file) == {("a", 1): PASS, ("a", 2): FAIL}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("TRUE", PASS),
        ("resolved", PASS),
        ("no", FAIL),
        ("", ("error", "no verdict")),
        ("maybe", ("error", "maybe")),
        ("nan", ("error", "nan")),
    ],
)
def test_words_mean_what_they_say_and_unknown_ones_are_errors(tmp_path, said, expected):
    file = tmp_path / "t.csv"
    file.write_text(f"id,passed\na,{said}\nb,1\n")
    assert outcomes(file)["a", 1] == expected


@pytest.mark.parametrize("status", ["not_attempted", "skipped", "infrastructure_error", "test_timeout"])
def test_a_status_that_says_nothing_was_measured_overrules_a_verdict(tmp_path, status):
    file = tmp_path / "t.csv"
    file.write_text(f"id,passed,status\na,0,{status}\nb,0,wrong_answer\n")
    assert outcomes(file) == {("a", 1): ("error", status), ("b", 1): FAIL}


def test_a_score_between_0_and_1_asks_for_pass_at(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,score\na,0.7\nb,0.2\n")
    with pytest.raises(ConfigError, match=r"t\.csv: the score 0\.7 is neither 0 nor 1.*--pass-at X"):
        outcomes(file)
    assert outcomes(file, pass_at=0.5) == {("a", 1): PASS, ("b", 1): FAIL}
    assert [each.score for each in loaded(file, pass_at=0.5).records] == [0.7, 0.2]


def test_a_verdict_beside_a_score_needs_no_pass_at(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,passed,score\na,0,0.5\n")
    assert outcomes(file) == {("a", 1): FAIL}
    assert loaded(file).records[0].score == 0.5


def test_agents_and_versions_are_runs(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("agent,version,id,passed\nx,1,a,1\nx,2,a,0\n")
    with pytest.raises(ConfigError, match=r"holds 2 runs: name one as .*t\.csv::NAME, of x@1, x@2"):
        outcomes(file)
    with pytest.raises(ConfigError, match=r"holds no run 'x@3' \(did you mean 'x@2'\?\)"):
        outcomes(f"{file}::x@3")
    assert outcomes(f"{file}::x@2") == {("a", 1): FAIL}
    assert loaded(f"{file}::x@1").header.agent.version == "1"


def test_strings_of_digits_are_a_run_a_column(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("task_id,old,new\na,0110,1111\nb,0000,01?0\n")
    assert outcomes(f"{file}::new")["b", 3] == ("error", "?")
    assert sum(outcome == "pass" for outcome, _ in outcomes(f"{file}::old").values()) == 2


def test_tags_clusters_and_must_pass_become_tags(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text('id,passed,tags,cluster,must_pass\na,1,"x;y",site,true\nb,1,"{""k"": 1}",,0\n')
    tasks = loaded(file).header.tasks
    assert tasks["a"].tags == ("x", "y", "cluster:site", "critical")
    assert tasks["b"].tags == ("k:1",)
    assert (tasks["a"].task, tasks["a"].graders) == ("", "")


def test_one_name_in_two_suites_is_two_tasks(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("benchmark,id,passed\nair,0,1\nretail,0,0\n")
    assert outcomes(file) == {("air/0", 1): PASS, ("retail/0", 1): FAIL}


def test_what_was_used_is_read(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,passed,cost_usd,tokens_in,tokens_out,duration_s\na,1,0.5,10,2,1.5\nb,1,,,,\n")
    first, second = (each.usage for each in loaded(file).records)
    assert (first.cost_usd, first.input_tokens, first.output_tokens, first.seconds) == (0.5, 10, 2, 1.5)
    assert second.cost_usd is None


def test_rows_told_twice_and_missing_trials_are_faults(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,trial,passed\na,1,1\na,1,1\na,2,1\nb,1,0\nb,1,1\n")
    found = outcomes(file)
    assert found["a", 1] == PASS
    assert found["b", 1] == ("error", "contradictory")
    assert [each.split(" ")[0] for each in faults(file)] == ["2", "1", "1"]
    assert any("fewer trials than others (first: b has 1 of 2)" in each for each in faults(file))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,passed\na,1,2\n", "row 2 has 3 fields"),
        ("id,passed,passed\na,1,0\n", "the column 'passed' stands there twice"),
        ("id,passed,cost\na,1,much\n", "no number"),
        ('id,passed\n"a,1\n', "damaged"),
        ("id,passed\n", "holds no task"),
        ("id,trial,passed\na,1,1\na,,1\n", "some rows name a trial and some do not"),
    ],
)
def test_broken_tables_are_refused_with_the_reason(tmp_path, content, said):
    file = tmp_path / "t.csv"
    file.write_text(content)
    with pytest.raises(ConfigError, match=said):
        outcomes(file)


def test_all_forms_of_a_table_read_alike(tmp_path):
    rows = [{"id": "a", "trial": 0, "passed": True}, {"id": "a", "trial": 1, "passed": None, "status": "skipped"}]
    text = "id;trial;passed;status\na;0;true;\na;1;;skipped\n"
    plain, packed = tmp_path / "t.csv", tmp_path / "t.csv.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + text.encode()))
    files = [plain, packed, written(tmp_path / "t.jsonl", rows), written(tmp_path / "t.json", rows)]
    for file in files:
        assert outcomes(file) == {("a", 1): PASS, ("a", 2): ("error", "skipped")}, file.name


def test_parquet_reads_like_csv(tmp_path):
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "t.parquet"
    parquet.write_table(arrow.table({"id": ["a", "b"], "passed": [True, None], "tags": [["x"], []]}), file)
    assert outcomes(file) == {("a", 1): PASS, ("b", 1): ("error", "no verdict")}
    assert loaded(file).header.tasks["a"].tags == ("x",)


def test_parquet_without_pyarrow_names_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    file = tmp_path / "t.parquet"
    file.write_bytes(b"PAR1....PAR1")
    with pytest.raises(ConfigError, match="pip install pyarrow"):
        outcomes(file)


def test_work_grows_with_the_rows_only(tmp_path):
    def calls(rows: int) -> int:
        """Count the functions that are called to read so many rows: a clock would say how busy the machine is."""
        file, counted = tmp_path / f"{rows}.csv", Counter()
        file.write_text("id,trial,passed,cost_usd\n" + "".join(f"t{n // 4},{n % 4},{n % 2},0.1\n" for n in range(rows)))
        sys.setprofile(lambda _, event, __: counted.update([event in ("call", "c_call")]))
        try:
            found = loaded(file)
        finally:
            sys.setprofile(None)
        assert len(found.records) == rows
        return counted[True]

    calls(400)  # what is imported or compiled once is no work of a row
    assert calls(8_000) < 11 * calls(800)


def test_zstandard_unpacks_like_gzip(tmp_path):
    rows = '{"id": "t", "passed": true}\n' * 3
    for name in ("t.jsonl.zst", "t.csv.zst"):
        content = rows if "jsonl" in name else "id,passed\nt,1\nt,1\nt,1\n"
        (tmp_path / name).write_bytes(zstandard.ZstdCompressor().compress(content.encode()))
        assert len(outcomes(tmp_path / name)) == 3


def test_a_single_line_of_json_is_a_table(tmp_path):
    assert outcomes(written(tmp_path / "t.jsonl", [{"id": "a", "passed": True}])) == {("a", 1): PASS}


@pytest.mark.parametrize("cell", ["0.3", "$0.30", "$0.3", "$.3", "$ 0.3"])
def test_what_a_row_cost_may_be_written_with_its_sign(tmp_path, cell):
    file = tmp_path / "t.csv"
    file.write_text(f"id,passed,cost\na,1,{cell}\nb,1,\n")
    assert [record.usage.cost_usd for record in loaded(file).records] == [0.3, None]


def test_an_amount_in_another_currency_is_refused(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,passed,cost\na,1,€0.30\n")
    with pytest.raises(ConfigError, match="no number"):
        loaded(file)
