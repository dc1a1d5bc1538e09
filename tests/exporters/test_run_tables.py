"""Runs as CSV and Parquet: read back by our own importer of tables, and inert in a spreadsheet."""

import csv

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalharness.cells import as_written, inert
from evalharness.errors import ConfigError
from evalharness.exporters.runs_rows import COLUMNS
from evalharness.exporting import export_run
from evalharness.model import Outcome, Record
from tests.exported import STANDING, run_on_disk
from tests.foreign_logs import faults, loaded, outcomes

LOGS = "data/peer_logs"
REAL = (
    f"{LOGS}/tau_bench/gpt-4o-airline.json.gz",
    f"{LOGS}/promptfoo/run_here/out.json.gz::release-a",
    f"{LOGS}/terminal-bench/run_dir",
    f"{LOGS}/junit_xml/python-xunit-unittest.xml",
    f"{LOGS}/inspect_ai/scorer__logs__2025-02-11T15-18-04-05-00_popularity_mj7khqpMM4GBCfVQozKgzB.eval",
    "data/outcomes/misguided_attention.csv.gz::gpt-4o",
)


def short(cause):
    return None if cause is None else " ".join(cause.split())[:80]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_tables_come_back_with_equal_outcomes(tmp_path, kind):
    export_run(kind, str(run_on_disk(tmp_path / "run")), tmp_path / f"out.{kind}")
    back = outcomes(tmp_path / f"out.{kind}")
    expected = {
        key: (outcome, short(cause) if outcome == "error" else None) for key, (outcome, cause) in STANDING.items()
    }
    assert back == expected
    found = loaded(tmp_path / f"out.{kind}")
    assert (found.header.agent.name, found.header.agent.version, found.header.suite.name) == ("agent", "1", "suite")
    assert {entry.tags for entry in found.header.tasks.values()} == {("all",)}
    first = found.records[0]
    assert (first.usage.cost_usd, first.usage.input_tokens, first.usage.seconds) == (0.25, 10, 1.5)


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_real_logs_come_back_with_equal_outcomes(shared, tmp_path, name, kind):
    if "misguided" in name:
        pytest.skip("its scores need --pass-at")
    export_run(kind, str(shared / name), tmp_path / f"out.{kind}")
    assert outcomes(tmp_path / f"out.{kind}") == {
        key: (outcome, cause if outcome == "error" else None)
        for key, (outcome, cause) in outcomes(shared / name).items()
    }
    assert [each for each in faults(tmp_path / f"out.{kind}") if "fewer trials" not in each] == []


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    ["=1", "'=1", "''+", "'\t", "\tx", "-", "@", " =x", "\u00a0=x", "'a", "\uff1dx", "a\r\nb", '"', ",", "\x00="]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(WORDS, min_size=1, max_size=6, unique=True))
def test_any_name_comes_back_from_csv(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("names")
    found = [(Record(task_id=name, trial=1, outcome=Outcome.PASS, score=1.0), None) for name in names]
    export_run("csv", str(run_on_disk(folder / "run", found)), folder / "out.csv")
    assert {task_id for task_id, _ in outcomes(folder / "out.csv")} == set(names)


@given(text=WORDS)
def test_a_cell_is_inert_and_comes_back(text):
    cell = inert(text)
    assert as_written(cell) == text
    assert cell.lstrip(" \u00a0")[:1] not in ("=", "+", "-", "@", "\t", "\r")


def test_no_cell_is_a_formula(tmp_path):
    export_run("csv", str(run_on_disk(tmp_path / "run")), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert "'=HYPERLINK" in "".join(cells)
    assert [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n")] == []


def test_parquet_has_typed_columns(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    export_run("parquet", str(run_on_disk(tmp_path / "run")), tmp_path / "out.parquet")
    read = parquet.read_table(tmp_path / "out.parquet")
    assert read.column_names == list(COLUMNS)
    assert str(read.schema.field("passed").type) == "bool"
    assert read.column("passed").to_pylist() == [True, False, None]


def test_parquet_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("evalharness.exporters.runs_parquet.find_spec", lambda name: None)
    run = run_on_disk(tmp_path / "run")
    with pytest.raises(ConfigError, match=r'pip install "evalharness\[parquet\]"'):
        export_run("parquet", str(run), tmp_path / "out")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["run"]
