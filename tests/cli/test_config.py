import pytest

from evalharness.cli.config import defaults
from evalharness.errors import ConfigError
from tests.running import evalh


def test_nothing_is_set_where_no_file_says_so(tmp_path):
    assert defaults(tmp_path) == {}


def test_options_may_be_written_with_a_dash_or_an_underscore(tmp_path):
    (tmp_path / "evalh.toml").write_text("[run]\nbudget-usd = 2.5\nworkers = 8\n")
    assert defaults(tmp_path) == {"run": {"budget_usd": 2.5, "workers": 8}}


def test_a_section_of_pyproject_serves_as_well(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.evalh.compare]\npolicy = 'release'\n")
    assert defaults(tmp_path) == {"compare": {"policy": "release"}}


def test_the_nearest_file_that_speaks_of_evalh_wins(tmp_path):
    (tmp_path / "evalh.toml").write_text("[run]\nworkers = 1\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert defaults(inner) == {"run": {"workers": 1}}


@pytest.mark.parametrize("content", ["[run\n", "run = 3\n"])
def test_a_file_that_cannot_be_meant_is_named(tmp_path, content):
    (tmp_path / "evalh.toml").write_text(content)
    with pytest.raises(ConfigError, match=r"evalh\.toml"):
        defaults(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[gate]\nbudgt_usd = 3\n", "unknown option of evalh gate 'budgt_usd' (did you mean 'budget_usd'?)"),
        ("[gat]\nbudget_usd = 3\n", "unknown command 'gat' (did you mean 'gate'?)"),
    ],
)
def test_a_misspelt_setting_is_refused_and_not_passed_over(tmp_path, content, said):
    """Used to: a budget that was misspelt in the file was no budget."""
    (tmp_path / "evalh.toml").write_text(content)
    done = evalh("gate", "suite.yaml", "-c", "a.yaml", "-b", "b.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
