"""The pytest plugin, in pytest processes of its own."""

import subprocess
import sys
from collections import Counter
from textwrap import dedent

import msgspec
import pytest

import evalharness.pytest_plugin.session  # noqa: F401 - numpy cannot be loaded anew by every pytest in this process
from evalharness.store import RunStore
from tests.running import ROOT, environment, evalh

pytest_plugins = ["pytester"]

HEAD = "import itertools, pytest\nTURN = itertools.count(1)\n"


class Project:
    """A folder of tests; calling it runs pytest there, with the plugin and pytest-xdist."""

    def __init__(self, pytester):
        self.path = pytester.path
        self._pytester = pytester

    def __call__(self, source, *arguments, process=False):
        self._pytester.makepyfile(test_it=HEAD + dedent(source))
        how = self._pytester.runpytest_subprocess if process else self._pytester.runpytest_inprocess
        return how("-p", "evalharness.pytest_plugin", "-p", "xdist.plugin", *arguments)


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    return Project(pytester)


def outcomes(run):
    """Return the outcomes of each task, in the order of its trials."""
    found = {}
    for record in sorted(RunStore(run).records(), key=lambda each: each.trial):
        found.setdefault(record.task_id.removeprefix("test_it.py::"), []).append(record.outcome.value)
    return found


def test_without_options_or_marker_nothing_changes(project):
    result = project("def test_it():\n    pass")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*trials (evalh)*")


def test_a_pytest_that_does_not_use_it_loads_nothing_of_it():
    script = (
        "import sys, pytest, evalharness.pytest_plugin\n"
        "print(sorted(name for name in sys.modules if name.startswith('evalharness.') or name in ('msgspec', 'numpy')))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['evalharness.pytest_plugin']"


EXISTING = """
    def test_flaky():
        assert next(TURN) % 2

    @pytest.mark.parametrize("text", ["a", "b"])
    def test_steady(text):
        assert text

    @pytest.mark.skip(reason="not here")
    def test_skipped():
        assert False
"""


def test_existing_tests_are_repeated_unedited_and_kept_as_a_run(project):
    result = project(EXISTING, "--evalh-trials", "4", "--evalh-out", "runs/a", process=True)
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "pass rate 83.3% [[]*[]] (95 %, 3 tests, 12 trials)",
            "flaky tests 33.3% [[]*[]] (95 %, 3 tests)",
            "  test_it.py::test_flaky: 2 of 4 passed, 50.0% [[]15.0%, 85.0%[]]",
            "run: runs/a *",
            "FAILED test_it.py::test_flaky - 2 of 4 measured trials passed, below a rate*",
        ]
    )
    assert outcomes(project.path / "runs/a") == {
        "test_flaky": ["pass", "fail", "pass", "fail"],
        "test_steady[a]": ["pass"] * 4,
        "test_steady[b]": ["pass"] * 4,
    }


def test_workers_tell_one_controller_which_writes_the_same_run(project):
    for name, extra in (("a", ()), ("b", ("-n", "2"))):
        result = project(EXISTING, "--evalh-trials", "4", "--evalh-out", f"runs/{name}", *extra, process=True)
        result.assert_outcomes(passed=2, failed=1, skipped=1)
    assert outcomes(project.path / "runs/b") == outcomes(project.path / "runs/a")
    compared = evalh("compare", "runs/a", "runs/b", "--json", cwd=project.path)
    assert compared.returncode == 0, compared.stderr
    document = msgspec.json.decode(compared.stdout)
    assert len(document["comparison"]["tasks"]) == 3
    assert document["comparison"]["left_out"]["changed"] == []


def test_a_marker_alone_repeats_its_test_and_sets_its_threshold(project):
    source = """
        @pytest.mark.evalh(trials=5, min_pass_rate=0.8)
        def test_often_enough():
            assert next(TURN) != 2

        @pytest.mark.evalh(trials=5, min_pass_rate=0.9)
        def test_too_seldom():
            assert next(TURN) != 7

        def test_alone():
            pass
    """
    result = project(source, "-v", "--strict-markers")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*test_often_enough PASSED 4/5*", "*test_too_seldom FAILED*", "*test_alone PASSED*"])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param((), 1, id="by default one failing trial fails the test"),
        pytest.param(("--evalh-min-pass-rate", "0.75"), 0, id="three of four are enough where that is asked for"),
        pytest.param(("--evalh-min-pass-rate", "0.76"), 1, id="and not where more is"),
    ],
)
def test_the_threshold_of_unmarked_tests_is_an_option(project, arguments, code):
    source = "def test_it():\n    assert next(TURN) != 2"
    assert project(source, "--evalh-trials", "4", *arguments).ret == code


def test_a_rate_of_zero_only_measures(project):
    result = project("def test_it():\n    assert 0", "--evalh-trials", "2", "--evalh-min-pass-rate", "0")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["  test_it.py::test_it: 0 of 2 passed*"])


def test_each_trial_has_fresh_fixtures_and_instance_and_wider_ones_live_on(project):
    source = """
        import pytest

        events = []

        @pytest.fixture(scope="module")
        def wide():
            events.append("wide up")
            yield
            events.append("wide down")

        @pytest.fixture
        def narrow(wide, tmp_path):
            assert not list(tmp_path.iterdir())
            (tmp_path / "mine").touch()
            events.append("up")
            yield tmp_path
            events.append("down")

        class TestClass:
            def test_fresh(self, narrow, record_property, capsys):
                record_property("seen", 1)
                print("said")
                assert capsys.readouterr().out == "said\\n"
                assert not hasattr(self, "seen")
                self.seen = True

        def test_afterwards(wide):
            assert events[:7] == ["wide up", "up", "down", "up", "down", "up", "down"]
            assert "wide down" not in events
    """
    result = project(source, "--evalh-trials", "3", "--junitxml", "junit.xml", "-o", "junit_family=xunit1")
    result.assert_outcomes(passed=2)
    assert (project.path / "junit.xml").read_text().count('name="seen"') == 1


def test_unittest_cases_are_set_up_for_each_trial(project):
    source = """
        import unittest

        class TestCase(unittest.TestCase):
            ups = 0

            def setUp(self):
                type(self).ups += 1
                self.assertFalse(hasattr(self, "left"))

            def test_it(self):
                self.left = True

            def test_last(self):
                self.assertEqual(self.ups, 6)
    """
    result = project(source, "--evalh-trials", "3", "--evalh-min-pass-rate", "0.3")
    result.assert_outcomes(passed=2)


def test_infrastructure_measures_nothing_and_does_not_count_against_a_test(project):
    source = """
        def test_some():
            if next(TURN) == 2:
                raise ConnectionResetError("gone")

        def test_none():
            raise ConnectionResetError("gone")

        @pytest.fixture
        def broken():
            raise LookupError("no such fixture")

        def test_setup(broken):
            pass
    """
    result = project(source, "--evalh-trials", "3", "--evalh-out", "run")
    result.assert_outcomes(passed=1, errors=2)
    result.stdout.fnmatch_lines(["ERROR test_it.py::test_none - no trial was measured (connection)*"])
    records = list(RunStore(project.path / "run").records())
    assert Counter((each.task_id[12:], each.outcome.value, each.cause) for each in records) == {
        ("test_some", "pass", None): 2,
        ("test_some", "error", "connection"): 1,
        ("test_none", "error", "connection"): 3,
        ("test_setup", "fail", "setup:exception:LookupError"): 3,
    }


def test_skips_are_no_trials_and_expected_failures_stay_what_pytest_makes_of_them(project):
    source = """
        def test_sometimes_skipped():
            if next(TURN) == 2:
                pytest.skip("not now")

        @pytest.mark.xfail(strict=True)
        def test_still_failing():
            assert next(TURN) == 5

        @pytest.mark.xfail(strict=True)
        def test_never_failing():
            pass

        @pytest.mark.xfail(raises=ValueError)
        def test_otherwise_failing():
            raise TypeError("other")

        @pytest.mark.xfail(run=False)
        def test_not_run():
            pass
    """
    result = project(source, "--evalh-trials", "3", "--evalh-out", "run")
    result.assert_outcomes(passed=1, failed=2, xfailed=2)
    assert outcomes(project.path / "run") == {
        "test_sometimes_skipped": ["pass"] * 2,
        "test_still_failing": ["fail", "pass", "fail"],
        "test_never_failing": ["pass"] * 3,
        "test_otherwise_failing": ["fail"] * 3,
    }


def test_a_session_that_ends_early_owes_what_it_did_not_run(project):
    source = "def test_a():\n    assert 0\ndef test_b():\n    pass"
    project(source, "--evalh-trials", "2", "--evalh-out", "run", "-x")
    store = RunStore(project.path / "run")
    assert {each for line in store.planned() for each in line.task_ids} == {"test_it.py::test_a", "test_it.py::test_b"}
    assert outcomes(project.path / "run") == {"test_a": ["fail"] * 2}


def test_a_test_whose_code_changed_is_another_task_and_one_whose_threshold_changed_is_not(project):
    for name, source in {
        "a": "def test_it():\n    assert 1",
        "b": "@pytest.mark.evalh(min_pass_rate=0.5)\ndef test_it():\n\n    assert 1",
        "c": "def test_it():\n    assert 2",
    }.items():
        project(source, "--evalh-trials", "2", "--evalh-out", name, process=True)
    a, b, c = (RunStore(project.path / name).header.tasks["test_it.py::test_it"].task for name in "abc")
    assert a == b != c


def test_markers_become_tags_so_that_rules_can_name_them(project):
    source = "@pytest.mark.critical\ndef test_it():\n    pass"
    project(source, "--evalh-out", "run", "-W", "ignore")
    assert RunStore(project.path / "run").header.tasks["test_it.py::test_it"].tags == ("critical",)


def test_secrets_of_the_environment_stay_out_of_the_run(project, monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "tr-0123456789")
    project("def test_it():\n    print('tr-0123456789')\n    assert 'tr-0123456789' == ''", "--evalh-out", "run")
    record = next(RunStore(project.path / "run").records())
    transcript = RunStore(project.path / "run").transcript(record)
    assert "[redacted]" in record.detail
    assert "[redacted]" in transcript.final
    assert "tr-0123456789" not in f"{record} {transcript}"


@pytest.mark.parametrize(
    ("source", "arguments", "said"),
    [
        ("", ("--evalh-trials", "0"), "*'0' is no number of trials*"),
        ("", ("--evalh-min-pass-rate", "80"), "*'80' is no share*"),
        ("", ("--evalh-out", "."), "*--evalh-out . holds something already*"),
        ("@pytest.mark.evalh(trails=5)", (), "*marker evalh: unknown trails: use trials and min_pass_rate*"),
        ("@pytest.mark.evalh(5)", (), "*marker evalh: unknown 5*"),
        ("@pytest.mark.evalh(trials=0)", (), "*trials=0 must be a whole number from 1*"),
        ("@pytest.mark.evalh(min_pass_rate=80)", (), "*min_pass_rate=80 must be a share*"),
    ],
)
def test_a_wrong_option_or_marker_is_told_of_before_anything_runs(project, source, arguments, said):
    result = project(f"{source}\ndef test_it():\n    print('ran')\n    assert 0", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "1 failed" not in result.stdout.str()
    result.stderr.fnmatch_lines([said])
