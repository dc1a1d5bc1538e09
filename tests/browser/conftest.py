"""Real reports in a real browser: they are made once, and every page is watched while it is open."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from evalharness.evidence import gather
from evalharness.ledger import open_line
from evalharness.model import Decision
from evalharness.report import html
from tests.browser.projects import AGENTS, SUITE, big
from tests.ledgers import TABLES, promotion_of
from tests.report.hostile import hostile
from tests.running import evalh

SEED = 4  # of a gate that ends with broken tasks on fresh trials, after a look at both families
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium; tests that need one skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = os.environ.get("EVALH_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("no Chromium here: `apt-get install chromium`, or name one in EVALH_CHROMIUM")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def reports(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of reports: a gate, a comparison, a run, several candidates, a big suite, and a hostile one."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / "arms.py").write_text(AGENTS, encoding="utf-8")
    (folder / "suite.yaml").write_text(json.dumps(SUITE), encoding="utf-8")
    arms = ("--candidate", "python:arms:broken", "--baseline", "python:arms:steady")
    evalh("gate", "suite.yaml", *arms, "--seed", SEED, "--out", "gate", cwd=folder)
    for name in ("steady", "broken", "hostile"):
        done = evalh("run", "suite.yaml", "--agent", f"python:arms:{name}", "--out", f"runs/{name}", cwd=folder)
        assert done.returncode == 0, done.stderr
    steady, broken, liar = "runs/steady", "runs/broken", "runs/hostile"
    for name, places in {
        "gate": ["gate"],
        "comparison": [steady, broken],
        "run": [broken],
        "several": [steady, broken, liar],
        "liar": [steady, liar],
    }.items():
        done = evalh("report", *places, "--out", f"{name}.html", cwd=folder)
        assert done.returncode == 0, done.stderr
    line = open_line("main", folder)
    for version, decision in (("1.0", "promote"), ("1.1-with-a-name-that-goes-on-and-on", "block"), ("1.2", "promote")):
        line.append(lambda chain, v=version, d=decision: promotion_of(chain, v, decision=Decision(d)), TABLES)
    assert evalh("report", "line:main", "--out", "line.html", cwd=folder).returncode == 0
    (folder / "hostile.html").write_text(html.render(*hostile()), encoding="utf-8")
    comparison, verdict = big(5000)
    (folder / "big.html").write_text(html.render(comparison, verdict, gather(comparison)), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser: Any, reports: Path) -> Iterator[Callable[..., Any]]:
    """Open reports by name; afterwards no page may have complained, or asked for anything but itself."""
    noted: list[str] = []
    with contextlib.ExitStack() as stack:

        def open_page(name: str, **context: Any) -> Any:
            surroundings = browser.new_context(**context)
            stack.callback(surroundings.close)
            page, url = surroundings.new_page(), (reports / f"{name}.html").as_uri()
            page.on("console", lambda message: noted.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: noted.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (noted.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda sent: sent.url.split("#")[0] == url or noted.append(f"asked for {sent.url}"))
            page.goto(url)
            return page

        yield open_page
    assert noted == []
