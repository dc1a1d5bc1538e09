import subprocess
import sys

import pytest

import evalharness
from evalharness.api import Result
from evalharness.compare import compare
from evalharness.errors import ConfigError
from evalharness.gate import PRESETS, judge
from evalharness.model import Decision
from tests.tables import made

HOSTILE = "<script>alert(1)</script>"


def result(candidate):
    suite = {f"t{n}": (5, 0, 0) for n in range(39)} | {HOSTILE: (5, 0, 0)}
    comparison = compare(made(suite), made(suite | candidate, name=HOSTILE), PRESETS["release"])
    return Result(comparison=comparison, verdict=judge(comparison, PRESETS["release"]))


def test_a_notebook_shows_the_decision_and_escapes_whatever_came_from_outside():
    shown = result({HOSTILE: (0, 5, 0)})._repr_html_()
    assert "INCONCLUSIVE" in shown
    assert HOSTILE not in shown
    assert "&lt;script&gt;" in shown
    assert "5 of 5 to 0 of 5 passed" in shown


def test_a_result_has_the_objects_and_the_texts_of_the_command_line():
    found = result({})
    assert found.decision is Decision.PROMOTE
    assert len(found.tasks) == 40
    assert str(found).startswith("PROMOTE")
    assert "[!TIP]" in found.markdown()
    assert '"decision": "promote"' in found.json()


def test_the_public_name_stays_the_function_after_the_module_of_that_name_is_imported():
    assert evalharness.compare is evalharness.api.compare
    with pytest.raises(ConfigError, match="nowhere"):
        evalharness.compare("nowhere", "nowhere")


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, evalharness; print([m for m in ('msgspec', 'numpy', 'pandas', 'click') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
