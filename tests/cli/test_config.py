import pytest

from evalharness.cli.config import defaults
from evalharness.errors import ConfigError


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
