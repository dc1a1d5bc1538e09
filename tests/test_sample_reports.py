import subprocess
import sys
from pathlib import Path

import pytest

REPORTS = Path(__file__).parent.parent / "reports"


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reports")
    subprocess.run([sys.executable, REPORTS / "build.py", folder], check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.mark.parametrize("name", ["promote", "block", "inconclusive"])
@pytest.mark.parametrize("ending", ["md", "html"])
def test_a_sample_report_is_rebuilt_with_equal_content(rebuilt, name, ending):
    assert (rebuilt / f"{name}.{ending}").read_text() == (REPORTS / f"{name}.{ending}").read_text()


@pytest.mark.parametrize("name", ["promote", "block", "inconclusive"])
def test_a_sample_report_says_what_its_name_says(name):
    assert f"**{name.upper()}" in (REPORTS / f"{name}.md").read_text()
