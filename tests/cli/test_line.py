"""`evalh line`: what stands, whether it is as it was written, and the way back."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from evalharness.cli import cli
from evalharness.errors import EvalHarnessError
from evalharness.ledger import open_line
from evalharness.model import Decision
from tests.ledgers import TABLES, clone, git, new_repository, new_run, promotion_of


def evalh(*words: str) -> Result:
    return CliRunner().invoke(cli, ["line", *words])


def refused(result: Result) -> str:
    assert isinstance(result.exception, EvalHarnessError)
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return str(result.exception)


def words(result: Result) -> str:
    assert result.exit_code == 0, result.exception
    return " ".join(result.stdout.split())


@pytest.fixture
def line(tmp_path, monkeypatch):
    """A line outside git: 1 and 2 promoted, 3 blocked, 4 inconclusive."""
    monkeypatch.chdir(tmp_path)
    line = open_line("main")
    for version, decision in [("1", "promote"), ("2", "promote"), ("3", "block"), ("4", "inconclusive")]:
        line.append(lambda chain, v=version, d=decision: promotion_of(chain, v, decision=Decision(d)), TABLES)
    return line


def test_show_says_what_stands_what_was_refused_and_what_it_spent(line):
    said = words(evalh("show"))
    assert said.startswith("line main: 2 stands (agent agent, print-2)")
    assert "2 candidates refused; spent error: 6.0%" in said
    assert "not measured again yet" in said
    assert [said.index(each) for each in ("INCONCLUSIVE 4", "BLOCK 3", "PROMOTE 2", "PROMOTE 1")] == sorted(
        said.index(each) for each in ("INCONCLUSIVE 4", "BLOCK 3", "PROMOTE 2", "PROMOTE 1")
    )


def test_show_as_json_is_one_document(line):
    shown = json.loads(evalh("show", "--json").stdout)
    assert (shown["standing"]["entry"]["version"], shown["refused_since"], len(shown["entries"])) == ("2", 2, 4)
    assert shown["spent_error"] == pytest.approx(0.06)


def test_a_line_without_entries_is_said_with_those_that_exist(line):
    assert refused(evalh("show", "other")).startswith(
        "line other has no entries yet; lines here: main: `evalh promote`"
    )
    assert "a name has up to" in refused(evalh("show", "../main"))


def test_hostile_text_is_inert_on_the_terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = open_line("main")
    line.append(lambda chain: promotion_of(chain, "\x1b[31m[bold]x\ny", override="\x07[link=http://x]"), TABLES)
    shown = evalh("show").stdout
    assert "[bold]x" in shown
    assert not {"\x1b", "\x07"} & set(shown)


def test_verify_names_the_head_to_remember_and_knows_it_later(line):
    head = line.read().head
    assert f"every entry is as it was written (4), head {head}; remember it" in words(evalh("verify"))
    line.append(lambda chain: promotion_of(chain, "5"), TABLES)
    assert "1 entries since" in words(evalh("verify", "--head", head))
    assert "1 entries since" in words(evalh("verify", "main", "--head", head[:12]))


def test_verify_sees_a_cut_end_by_the_head_it_is_given(line):
    head, file = line.read().head, Path(".evalh/lines/main.jsonl")
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:3]))
    assert evalh("verify").exit_code == 0
    assert f"no entry has the digest {head}: the line was cut or rewritten" in refused(evalh("verify", "--head", head))


def test_a_short_digest_is_no_head(line):
    assert "give at least 12 digits" in refused(evalh("verify", "--head", line.read().head[:8]))


def test_verify_names_an_edited_entry(line):
    file = Path(".evalh/lines/main.jsonl")
    file.write_text(file.read_text().replace('"block"', '"promote"'))
    assert refused(evalh("verify")).startswith("line main: entry 3 (promotion of '3') was edited")


def test_verify_looks_into_the_outcome_tables(line):
    for file in Path(".evalh/lines/main.outcomes").iterdir():
        file.unlink()
    assert "is missing" in refused(evalh("verify"))


def test_rollback_appends_with_its_reason(line):
    said = words(evalh("rollback", "--to", "1", "--reason", "2 loops", "--who", "ann"))
    assert said.startswith("ROLLBACK to 1 reason: 2 loops")
    chain = line.read()
    assert (chain.standing.entry.version, len(chain.links), chain.links[-1].entry.who) == ("1", 5, "ann")


def test_rollback_is_refused_for_what_was_never_promoted_or_stands_or_has_no_reason(line):
    assert "no promotion of version '3'" in refused(evalh("rollback", "--to", "3", "--reason", "x"))
    assert "2 stands already" in refused(evalh("rollback", "--to", "2", "--reason", "x"))
    assert "say why" in refused(evalh("rollback", "--to", "1", "--reason", " "))


@pytest.mark.parametrize(
    ("name", "outcomes", "options", "said"),
    [
        ("run-2", "PPPPPP", {}, "run run-2 earned 2 its promotion"),
        ("fresh", "PPPPP", {}, "has 5 measured trials on some task: at least 6 are needed"),
        ("fresh", "PPPPPP", {"planned": 7}, "is not the whole suite: 1 trials are owed"),
        ("fresh", "PPPPPP", {"fingerprint": "other"}, "is of agent other, but 2 (print-2) stands"),
    ],
)
def test_a_run_that_flatters_or_is_not_whole_is_no_baseline(line, name, outcomes, options, said):
    new_run(Path("runs") / name, {"t": outcomes}, **{"fingerprint": "print-2"} | options)
    assert said in refused(evalh("baseline", "--run", f"runs/{name}"))


def test_a_fresh_run_with_twice_the_trials_is_the_baseline_from_then_on(line):
    new_run(Path("runs/fresh"), {"t": "PPPPPP"}, fingerprint="print-2")
    assert words(evalh("baseline", "--run", "runs/fresh")).startswith(
        "BASELINE of 2 suite: run fresh, 1 tasks, 6 trials"
    )
    assert line.read().baseline().run.run_id == "fresh"
    assert "baseline: measured again" in words(evalh("show"))


def test_a_rollback_is_pushed_and_seen_by_others(tmp_path, monkeypatch):
    repository, origin = new_repository(tmp_path / "repository"), tmp_path / "origin"
    git(repository, "clone", "-q", "--bare", ".", str(origin))
    one, two = (clone(origin, tmp_path / name) for name in ("one", "two"))
    monkeypatch.chdir(one)
    line = open_line("main")
    for version in ("1", "2"):
        link = line.append(lambda chain, v=version: promotion_of(chain, v), TABLES)
    line.publish("origin", link)
    monkeypatch.chdir(two)
    assert words(evalh("show")).startswith("line main: 2 stands")
    monkeypatch.chdir(one)
    assert evalh("rollback", "--to", "1", "--reason", "x", "--push").exit_code == 0
    monkeypatch.chdir(two)
    assert words(evalh("show")).startswith("line main: 2 stands")
    assert words(evalh("show", "--remote", "origin")).startswith("line main: 1 stands")
