"""`evalh import`, and foreign files in `compare` and `show`, as a user meets them."""

import json

import pytest
from click.testing import CliRunner

from evalharness.cli import cli, main
from evalharness.errors import ConfigError
from evalharness.foreign import full_name, split
from evalharness.store import RunStore, is_run
from tests.foreign_logs import eval_file, inspect_header, sample

ROWS = "agent,id,trial,passed\n" + "".join(
    f"{agent},t{task},{trial},{int((task + trial) % 4 > 0 or agent == 'new')}\n"
    for agent in ("old", "new")
    for task in range(20)
    for trial in range(4)
)


@pytest.fixture
def table(tmp_path):
    (tmp_path / "nightly.csv").write_text(ROWS)
    return tmp_path / "nightly.csv"


def run(*args):
    return CliRunner().invoke(cli, [str(each) for each in args], catch_exceptions=False, standalone_mode=True)


def test_an_import_is_an_ordinary_run(table, tmp_path):
    done = run("import", "auto", f"{table}::old", "--out", tmp_path / "run", "--json")
    assert json.loads(done.stdout)["outcomes"] == {"pass": 60, "fail": 20}
    store = RunStore(tmp_path / "run")
    assert is_run(store.path)
    assert len(list(store.records())) == 80
    assert [planned.last for planned in store.planned()] == [4]
    assert store.header.tasks["t0"].task == ""
    assert run("show", tmp_path / "run").exit_code == 0


def test_a_run_is_also_named_by_an_option(table, tmp_path):
    assert "new, 20 tasks, 80 pass" in run("import", "table", table, "--run", "new", "--out", tmp_path / "run").stdout


def test_foreign_files_compare_like_the_runs_they_become(table, tmp_path):
    for name in ("old", "new"):
        run("import", "auto", f"{table}::{name}", "--out", tmp_path / name)
    foreign = json.loads(run("compare", f"{table}::old", f"{table}::new", "--json").stdout)
    ours = json.loads(run("compare", tmp_path / "old", tmp_path / "new", "--json").stdout)
    for each in ("delta", "flips", "tasks"):
        assert foreign["comparison"][each] == ours["comparison"][each]


def test_two_logs_of_one_suite_compare_without_an_import(tmp_path):
    for name, value in (("old", "C"), ("new", "I")):
        lines = [sample(each, value, epoch=epoch) for each in range(12) for epoch in (1, 2)]
        header = inspect_header(eval={"dataset": {"sample_ids": list(range(12))}})
        eval_file(tmp_path / f"{name}.eval", {"header.json": header, "summaries.json": lines})
    done = run("compare", tmp_path / "old.eval", tmp_path / "new.eval")
    assert done.stdout.startswith("BLOCK")
    assert done.exit_code == 1


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["import", "auto", "{table}", "--out", "{out}"], "holds 2 runs: name one as"),
        (["import", "auto", "nowhere.csv", "--out", "{out}"], "nowhere.csv does not exist"),
        (["import", "tables", "{table}", "--out", "{out}"], "unknown format 'tables' (did you mean 'table'?)"),
        (["import", "junit", "{table}", "--out", "{out}"], "does not look like junit"),
        (["import", "junit", "{table}", "--pass-at", "1", "--out", "{out}"], "unknown option 'pass_at'"),
        (["show", "{table}::older"], "holds no run 'older' (did you mean 'old'?)"),
        (["show", "{folder}"], "is no run directory"),
    ],
)
def test_mistakes_are_one_line_and_exit_2(table, tmp_path, capsys, args, said):
    (tmp_path / "empty").mkdir()
    places = {"table": table, "out": tmp_path / "out", "folder": tmp_path / "empty"}
    with pytest.raises(SystemExit) as ended:
        main([each.format(**places) for each in args])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_file_may_have_two_colons_in_its_name(tmp_path):
    odd = tmp_path / "a::b.csv"
    odd.write_text(ROWS)
    assert split(str(odd)) == (odd, None)
    assert split("x.csv::tool/gpt::2") == (tmp_path.__class__("x.csv"), "tool/gpt::2")


def test_faults_are_warnings_of_an_import_and_stand_in_show(tmp_path):
    file = tmp_path / "t.csv"
    file.write_text("id,trial,passed\na,1,1\na,1,1\n")
    done = run("import", "auto", file, "--out", tmp_path / "run")
    assert "warning: 1 rows tell of a trial that is on record already" in done.stderr
    assert "fault of the data: 1 rows tell" in run("show", tmp_path / "run").stdout


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("inspect", "inspect_ai"),
        ("tau-bench", "tau_bench"),
        ("tau2", "tau2_bench"),
        ("SWEbench", "swe_bench"),
        ("csv", "table"),
        ("mini-swe-agent", "predictions"),
        ("my.module:Importer", "my.module:Importer"),
    ],
)
def test_names_of_formats_may_be_short(said, meant):
    assert full_name(said) == meant


def test_a_name_that_could_mean_two_formats_is_refused():
    with pytest.raises(ConfigError, match="unknown format 'ta'"):
        full_name("ta")
