"""`evalh promote`: what the verdict says is what goes on record."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from evalharness.cli import cli
from evalharness.compare import compare
from evalharness.errors import EvalHarnessError
from evalharness.gate import PRESETS, judge
from evalharness.ledger import open_line
from evalharness.ledger.outcome_table import baseline_of
from evalharness.outcomes import read
from evalharness.report.document import render
from evalharness.stats.results import Estimate
from tests.ledgers import clone, git, new_repository, new_run

GOOD = {f"t{number}": "PPPPP" for number in range(40)}
BAD = {f"t{number}": "FFFFP" for number in range(40)}
RELEASE = PRESETS["release"]


def evalh(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def promote(report: str | Path, version: str, *more: str) -> Result:
    return evalh("promote", report, "--version", version, "--intent", "answer better", *more)


def refused(result: Result) -> str:
    """The one line of a refusal that is the user's to put right."""
    assert isinstance(result.exception, EvalHarnessError)
    assert result.exception.exit_code == 2
    assert "\n" not in str(result.exception)
    return str(result.exception)


def judged(baseline: str, candidate: str, report: str, policy=RELEASE) -> Path:
    comparison = compare(read(baseline), read(candidate), policy)
    Path(report).parent.mkdir(exist_ok=True, parents=True)
    Path(report).write_text(render(comparison, judge(comparison, policy)))
    return Path(report)


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A folder without git, with a steady baseline, a steady candidate and a broken one, all judged for release."""
    monkeypatch.chdir(tmp_path)
    new_run(Path("runs/base"), GOOD, fingerprint="a", seed=1)
    new_run(Path("runs/good"), GOOD, fingerprint="b", seed=2)
    new_run(Path("runs/bad"), BAD, fingerprint="c", seed=3)
    judged("runs/base", "runs/good", "good.json")
    judged("runs/base", "runs/bad", "bad.json")
    return tmp_path


def entries() -> list:
    return [link.entry for link in open_line("main").read().links]


def test_a_version_whose_verdict_promotes_stands_and_says_what_is_next(work):
    result = promote("good.json", "1.0", "--who", "ann")
    assert result.exit_code == 0, result.output
    head = open_line("main").read().head
    assert result.stdout.startswith("PROMOTE 1.0\n")
    assert f"as entry {head}" in " ".join(result.stdout.split())
    assert "--trials 10" in result.stdout
    (entry,) = entries()
    assert (entry.version, entry.fingerprint, entry.who, entry.intent) == ("1.0", "b", "ann", "answer better")
    assert (entry.evidence[0].run.run_id, entry.evidence[0].run.tasks, entry.evidence[0].run.trials) == ("good", 40, 5)


def test_a_blocked_candidate_goes_on_record_as_refused_and_exits_1(work):
    result = promote("bad.json", "1.0")
    assert result.exit_code == 1
    assert result.stdout.startswith("BLOCK 1.0\n")
    assert "no_worse" in result.stdout
    assert (entries()[0].promoted, open_line("main").read().standing) == (False, None)


def test_an_inconclusive_candidate_exits_3(work):
    new_run(Path("runs/few"), dict.fromkeys(["t0", "t1"], "P"), fingerprint="d", seed=4)
    new_run(Path("runs/few0"), dict.fromkeys(["t0", "t1"], "P"), fingerprint="e", seed=5)
    result = promote(judged("runs/few0", "runs/few", "few.json"), "1.0")
    assert (result.exit_code, result.stdout.split()[0]) == (3, "INCONCLUSIVE")


def test_an_incomplete_run_exits_3_whatever_its_verdict(work):
    new_run(Path("runs/half"), GOOD | {"t39": "PPPP"}, fingerprint="d", seed=4)
    result = promote(judged("runs/base", "runs/half", "half.json"), "1.0")
    assert result.exit_code == 3
    assert "incomplete: 1 trials are owed" in " ".join(result.stdout.split())


def test_the_same_refusal_is_recorded_once(work):
    assert [promote("bad.json", "1.0").exit_code for _ in range(3)] == [1, 1, 1]
    assert len(entries()) == 1
    assert open_line("main").read().spent == pytest.approx(0.03)


def test_an_override_needs_its_reason_and_shows_it_forever(work):
    assert "go together" in refused(promote("bad.json", "1.0", "--override"))
    assert "go together" in refused(promote("bad.json", "1.0", "--reason", "because"))
    assert "go together" in refused(promote("bad.json", "1.0", "--override", "--reason", "  "))
    result = promote("bad.json", "1.0", "--override", "--reason", "the old model is gone")
    assert (result.exit_code, result.stdout.split("\n")[0]) == (0, "BLOCK (overridden: promoted) 1.0")
    assert entries()[0].override == "the old model is gone"
    assert "the old model is gone" in evalh("line", "show").stdout


def test_only_a_certifying_policy_promotes(work):
    report = judged("runs/base", "runs/good", "guard.json", PRESETS["pr"])
    said = refused(promote(report, "1.0", "--override", "--reason", "x"))
    assert "stance is guard, and only certify promotes" in said


def test_a_candidate_judged_against_another_version_than_the_standing_one_is_a_fork(work):
    promote("good.json", "1.0")
    new_run(Path("runs/next"), GOOD, fingerprint="n", seed=6)
    report = judged("runs/base", "runs/next", "next.json")
    said = refused(promote(report, "1.1"))
    assert said.startswith("line main: forks: suite was judged against agent a, but 1.0 (b) stands")
    assert promote(report, "1.1", "--override", "--reason", "hotfix").exit_code == 0


def test_the_run_that_earned_a_promotion_is_refused_as_the_next_baseline(work):
    promote("good.json", "1.0")
    new_run(Path("runs/next"), GOOD, fingerprint="n", seed=6)
    assert "run good, which earned 1.0 its promotion" in refused(
        promote(judged("runs/good", "runs/next", "next.json"), "1.1")
    )
    new_run(Path("runs/again"), dict.fromkeys(GOOD, "P" * 10), fingerprint="b", seed=7)
    assert evalh("line", "baseline", "--run", "runs/again").exit_code == 0
    assert promote(judged("runs/again", "runs/next", "next.json"), "1.1").exit_code == 0


def test_a_gate_folder_is_a_verdict_too(work):
    judged("runs/base", "runs/good", "gates/g1/verdict.json")
    assert promote("gates/g1", "1.0").exit_code == 0
    Path("gates/g2").mkdir()
    assert "gates/g2 has no verdict: finish the gate first" in refused(promote("gates/g2", "2.0"))


def test_a_run_that_moved_is_named_with_run(work):
    Path("runs/good").rename("elsewhere")
    assert "run good is not in runs/good: name its folder with --run" in refused(promote("good.json", "1.0"))
    assert "--run runs/bad is the candidate of none" in refused(
        promote("good.json", "1.0", "--run", "elsewhere", "--run", "runs/bad")
    )
    assert promote("good.json", "1.0", "--run", "elsewhere").exit_code == 0


def test_a_run_that_went_on_after_its_report_is_refused(work):
    with Path("runs/good/trials.jsonl").open("a") as file:
        file.write('{"task_id": "t0", "trial": 6, "outcome": "fail"}\n')
    assert "run good has changed since: compare again" in refused(promote("good.json", "1.0"))


def test_an_edited_verdict_is_refused(work):
    content = json.loads(Path("bad.json").read_text())
    Path("bad.json").write_text(json.dumps(content | {"decision": "promote"}))
    assert "says promote, but its checks say block: it was edited" in refused(promote("bad.json", "1.0"))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"decision": "promote"}', "\x00"])
def test_what_is_no_verdict_is_refused(work, content):
    Path("x.json").write_text(content)
    assert refused(promote("x.json", "1.0")).startswith("x.json is no verdict")


@pytest.mark.parametrize("version", ["", " ", "1.0 ", "a\nb", "\x1b[31m", "x" * 101])
def test_a_version_must_be_told_apart_on_a_page(work, version):
    assert "printable characters" in refused(promote("good.json", version))


def test_a_version_can_be_promoted_only_once(work):
    promote("good.json", "1.0")
    new_run(Path("runs/again"), dict.fromkeys(GOOD, "P" * 10), fingerprint="b", seed=7)
    evalh("line", "baseline", "--run", "runs/again")
    new_run(Path("runs/next"), GOOD, fingerprint="n", seed=6)
    assert "promotes a version that" in refused(promote(judged("runs/again", "runs/next", "next.json"), "1.0"))


def test_several_suites_must_all_promote_and_be_about_one_agent(work):
    assert "of different agents" in refused(
        evalh("promote", "good.json", "bad.json", "--version", "1", "--intent", "x")
    )
    assert "two verdicts are about the suite 'suite'" in refused(
        evalh("promote", "good.json", "good.json", "--version", "1", "--intent", "x")
    )


def test_the_outcome_table_compares_like_the_run_it_came_from(work):
    hostile = {"a/b": "PPF", "../../etc": "PFE", "line\nbreak": "EEE", "\x1b[31m": "PPP", "</script>": "FFF"}
    new_run(Path("runs/odd"), hostile, fingerprint="b", seed=8)
    report = judged("runs/odd", "runs/odd", "odd.json")
    promote(report, "1.0", "--override", "--reason", "a test")
    there, here = baseline_of(open_line("main")), read("runs/odd")
    assert not there.run.measured_again
    assert there.outcomes.tasks.to_dict() == here.tasks.to_dict()
    assert there.outcomes.header.tasks == here.header.tasks
    stored, direct = (compare(each, read("runs/odd"), RELEASE) for each in (there.outcomes, here))
    assert stored.delta == direct.delta
    assert stored.tasks == direct.tasks
    assert stored.baseline.models == direct.baseline.models == ("m-1",)
    assert stored.baseline.unmeasured == 4
    assert isinstance(stored.baseline.pass_rate, Estimate)


def test_a_fresh_clone_has_its_baseline_without_any_run_directory(tmp_path, monkeypatch, work):
    repository = new_repository(tmp_path / "repository")
    origin = tmp_path / "origin"
    git(repository, "clone", "-q", "--bare", ".", str(origin))
    monkeypatch.chdir(clone(origin, tmp_path / "one"))
    (work / "runs").rename("runs")
    (work / "good.json").rename("good.json")
    result = promote("good.json", "1.0", "--push")
    assert result.exit_code == 0, result.exception
    monkeypatch.chdir(clone(origin, tmp_path / "two", "--depth=1"))
    found = baseline_of(open_line("main"))
    assert (found.outcomes.place, found.run.version, len(found.outcomes.tasks)) == ("line:main", "1.0", 40)


def test_nothing_of_this_machine_is_in_what_is_pushed(work):
    promote("good.json", "1.0", "--who", "ann")
    line = open_line("main")
    (entry,) = entries()
    said = line.table(entry.evidence[0].run.outcomes) + msgspec.json.encode(entry)
    assert str(work).encode() not in said


def test_json_is_one_document(work):
    shown = json.loads(promote("bad.json", "1.0", "--json").stdout)
    assert (shown["decision"], shown["promoted"], shown["entry"]["version"]) == ("block", False, "1.0")


def test_outside_git_there_is_nothing_to_push_to(work):
    assert "outside git: there is no remote 'origin'" in refused(promote("good.json", "1.0", "--push"))
    assert entries() == []


def test_a_refusal_recorded_offline_is_pushed_later_and_only_once(tmp_path, monkeypatch, work):
    repository, origin = new_repository(tmp_path / "repository"), tmp_path / "origin"
    git(repository, "clone", "-q", "--bare", ".", str(origin))
    monkeypatch.chdir(clone(origin, tmp_path / "one"))
    (work / "runs").rename("runs")
    (work / "bad.json").rename("bad.json")
    assert [promote("bad.json", "1.0", *more).exit_code for more in ((), ("--push",), ("--push",))] == [1, 1, 1]
    assert len(entries()) == 1
    monkeypatch.chdir(clone(origin, tmp_path / "two"))
    assert len(entries()) == 1
