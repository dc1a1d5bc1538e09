"""Real files of other tools: counts and rates as the tools themselves give them."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from evalharness.compare import side
from evalharness.errors import ConfigError
from evalharness.foreign import keep, source
from evalharness.importers.table import TableImporter
from evalharness.outcomes import read
from evalharness.store import RunStore
from tests.foreign_logs import faults, loaded

LOGS = "data/peer_logs"
INSPECT = f"{LOGS}/inspect_ai"
SWE = f"{LOGS}/swebench"


@pytest.mark.parametrize(
    ("name", "passed", "failed", "errors"),
    [
        (f"{LOGS}/tau_bench/gpt-4o-airline.json.gz", 84, 116, 0),
        (f"{LOGS}/tau2-bench", 0, 0, 1),  # its simulation has no reward
        (f"{LOGS}/terminal-bench/run_dir", 39, 38, 3),
        (f"{LOGS}/terminal-bench/trial_dir", 2, 0, 0),
        (f"{LOGS}/mini-swe-agent/test_data__results.json", 0, 0, 1),
        (f"{LOGS}/promptfoo/krystianbergmann/promptfoo-results.json", 2, 1, 0),
        (f"{LOGS}/promptfoo/run_here/out.json.gz::release-a", 80, 10, 0),
        (f"{LOGS}/promptfoo/run_here/out.json.gz::release-b", 67, 23, 0),
        (f"{LOGS}/promptfoo/run_here/out.jsonl.gz::release-a", 80, 10, 0),
        (f"{LOGS}/openai_evals/230417220821DPM75QNS_auto_gpt_completion_fn_test-match.jsonl", 1, 2, 0),
        (f"{LOGS}/lm_eval/release-a", 16, 9, 0),
        (f"{LOGS}/junit_xml/external__java__junit4-basic.xml", 5, 1, 0),
        (f"{LOGS}/junit_xml/jest-junit.xml", 1, 4, 1),
        (f"{LOGS}/junit_xml/python-xunit-pytest.xml", 6, 2, 2),
        (f"{LOGS}/junit_xml/python-xunit-unittest.xml", 4, 1, 3),
        (f"{INSPECT}/analysis__test_logs_choices__mmlu-summary-choices.eval", 0, 1, 0),
        (f"{INSPECT}/log__test_eval_log__log_formats.eval", 0, 1, 0),
        (f"{INSPECT}/log__test_eval_log__log_formats.json", 0, 1, 0),
        (f"{INSPECT}/log__test_eval_log__log_read_sample.eval", 1, 0, 0),
        (f"{INSPECT}/log__test_eval_log__log_read_sample.json", 1, 0, 0),
        (f"{INSPECT}/log__test_eval_log__log_streaming.eval", 3, 1, 0),
        (f"{INSPECT}/log__test_eval_log__log_tool_call_error.json", 0, 0, 1),
        (f"{INSPECT}/analysis__test_logs__2025-05-12T20-28-13-04-00_no-samples.json", 2, 1, 0),
        (f"{INSPECT}/analysis__test_logs__2025-05-12T20-28-13-04-00_popularity.json", 2, 1, 0),
        (f"{INSPECT}/analysis__test_logs__2025-05-12T20-28-26-04-00_security-guide.json", 3, 0, 0),
        (f"{INSPECT}/scorer__logs__2025-02-11T15-17-00-05-00_popularity_dPiJifoWeEQBrfWsAopzWr.eval", 0, 0, 10),
        (f"{INSPECT}/scorer__logs__2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval", 8, 2, 0),
        (f"{SWE}/multi-swe-bench-java/20240825_SWE-agent_deepseek-chat-v2__results__results.json", 9, 81, 1),
        (f"{SWE}/multi-swe-bench-java/20240825_SWE-agent_deepseek-coder-v2__results__results.json", 7, 84, 0),
        (f"{SWE}/multi-swe-bench-java/20240825_SWE-agent_doubao-pro-128k__results__results.json", 1, 90, 0),
        (f"{SWE}/multi-swe-bench-java/20240825_SWE-agent_gpt-4o-2024-05-13__results__results.json", 6, 79, 0),
        (f"{SWE}/multi-swe-bench-java/20240825_SWE-agent_gpt-4o-mini-2024-07-18__results__results.json", 1, 0, 0),
        (f"{SWE}/sb-cli-reports/Subset.swe_bench_verified__test__polydev_v3_mcp.json", 6, 1, 0),
        (f"{SWE}/sb-cli-reports/swe-bench_verified__test__polydev_v2_task10914.json", 1, 0, 0),
        (f"{SWE}/sb-cli-reports/swe-bench_verified__test__polydev_v3_30tasks.json", 26, 4, 0),
        ("data/outcomes/on_randomness_verdicts.csv.gz::deepswe", 1569, 3431, 0),
        ("data/outcomes/gsm8k_solutions.csv.gz::gpt3-6b@finetuning", None, None, 0),
        ("data/outcomes/terminal_bench.csv.gz::swe-agent-mini/claude-4-sonnet@20250825", None, None, 150),
        ("data/outcomes/autogpt_nightly.csv.gz::beebot@unknown", 100, 510, 0),
    ],
)
def test_outcomes_are_counted_as_the_tool_counts_them(shared, name, passed, failed, errors):
    counted = Counter(str(each.outcome) for each in loaded(shared / name).records)
    assert counted["error"] == errors
    if passed is not None:
        assert (counted["pass"], counted["fail"]) == (passed, failed)


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        (f"{LOGS}/tau_bench/gpt-4o-airline.json.gz", (0.42, 0.2733, 0.22, 0.2)),
        ("data/outcomes/tau_bench_airline.csv.gz", (0.42, 0.2733, 0.22, 0.2)),
        ("data/outcomes/tau2_retail.csv.gz::gpt-5-nano@base-agent_reasoning-high", (0.568, 0.4737, 0.4276, 0.4035)),
        ("data/outcomes/tau2_retail.csv.gz::gpt-5-nano@mermaid-agent_reasoning-high", (0.7325, 0.6447, 0.5987, 0.5702)),
    ],
)
def test_pass_hat_k_is_the_published_one(shared, name, curve):
    found = [each.value for each in side(read(shared / name)).pass_hat_k]
    assert found == pytest.approx(curve, abs=5e-5)


def test_tqb_results_give_the_accuracies_they_state(shared):
    for file in sorted((shared / "data/items/tqb/results").glob("*.json")):
        stated = msgspec.json.decode(file.read_bytes())
        for name, key in (("exact_match", "accuracy_em"), ("levenshtein", "accuracy_lev>=0.75")):
            records = loaded(f"{file}::{name}").records
            rate = sum(each.outcome == "pass" for each in records) / len(records)
            assert rate == pytest.approx(stated[key], abs=1e-12), file.name
        assert faults(file) == []


def test_nothing_that_was_not_attempted_is_a_failure(shared):
    file = shared / "data/outcomes/autogpt_nightly.csv.gz"
    names = source_names(file)
    causes = Counter(each.cause for name in names for each in loaded(f"{file}::{name}").records)
    assert causes["not_attempted"] == 8899


def test_all_rows_of_two_snapshots_are_read(shared):
    file = shared / "data/outcomes/bfcl_two_snapshots.csv.gz"
    counted = Counter(str(each.outcome) for name in source_names(file) for each in loaded(f"{file}::{name}").records)
    assert counted == {"pass": 18652, "fail": 8548}


@pytest.mark.parametrize(
    ("name", "runs", "doubled"),
    [
        ("autogpt_nightly", 18, 5),
        ("bfcl_two_snapshots", 16, 0),
        ("gsm8k_solutions", 4, 0),
        ("misguided_attention", 59, 0),
        ("swebench_pro", 9, 0),
        ("tau2_retail", 2, 0),
        ("tau_bench_airline", 1, 0),
        ("terminal_bench", 10, 0),
    ],
)
def test_every_row_of_a_table_is_in_one_of_its_runs(shared, name, runs, doubled):
    file = shared / f"data/outcomes/{name}.csv.gz"
    with gzip.open(file, "rt", encoding="utf-8", newline="") as rows:
        passed = Counter(row["passed"] for row in csv.DictReader(rows))
    names = source_names(file)
    counted = Counter(str(each.outcome) for run in names for each in loaded(f"{file}::{run}").records)
    assert len(names) == runs
    assert sum(counted.values()) == sum(passed.values()) - doubled
    if not doubled:
        assert counted["pass"] == passed["1"]
        assert counted["fail"] + counted["error"] == passed["0"] + passed[""]


def source_names(file: Path) -> list[str]:
    return TableImporter().runs(file)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{LOGS}/terminal-bench/run_dir", "its accuracy 0.4875 counts 3 trials without a verdict as failures"),
        (f"{INSPECT}/log__test_eval_log__log_tool_call_error.json", "counts 4 samples over all epochs, and holds 1"),
        (f"{INSPECT}/analysis__test_logs__2025-05-12T20-28-13-04-00_no-samples.json", "taken from its reductions"),
        (f"{LOGS}/junit_xml/python-xunit-pytest.xml", "it counts 15 tests, and holds 10"),
        (f"{SWE}/sb-cli-reports/swe-bench_verified__test__polydev_v3_30tasks.json", "470 of 500 were never submitted"),
        ("data/outcomes/autogpt_nightly.csv.gz::beebot@unknown", "5 rows tell of a trial that is on record already"),
    ],
)
def test_files_that_contradict_themselves_are_reported(shared, name, said):
    assert any(said in each for each in faults(shared / name))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"{LOGS}/inspect_ai/log__test_eval_log__log_streaming.eval", "No"),
        (f"{LOGS}/promptfoo/run_here/out.json.gz::release-a", "51.0"),
        (f"{LOGS}/lm_eval/release-a", "51.0"),
    ],
)
def test_an_imported_run_keeps_what_was_said(shared, tmp_path, name, said):
    store = keep(source(str(shared / name)), tmp_path / "run")
    first = next(iter(RunStore(tmp_path / "run").records()))
    transcript = store.transcript(first)
    assert transcript is not None
    assert transcript.final.strip().startswith(said)
    assert all(each.transcript for each in store.records())


def test_a_promptfoo_table_that_repeats_its_columns_is_refused(shared):
    with pytest.raises(ConfigError, match="stands there twice"):
        loaded(shared / LOGS / "promptfoo/run_here/out.csv")


def test_promptfoo_runs_pair_by_their_tests(shared):
    json_run, line_run = (shared / f"{LOGS}/promptfoo/run_here/out.{form}.gz" for form in ("json", "jsonl"))
    one, other = loaded(f"{json_run}::release-a"), loaded(f"{line_run}::release-a")
    assert [each.key for each in one.records] == [each.key for each in other.records]
    assert set(one.header.tasks) == set(loaded(f"{json_run}::release-b").header.tasks)
    assert one.header.trials == 3
