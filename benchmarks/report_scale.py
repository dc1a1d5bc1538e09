"""How large is an HTML report, and how long does it take: two arms, with transcripts of 12 kB.

    python benchmarks/report_scale.py [--tasks 500] [--trials 10]

Where playwright and a Chromium are (or one is named in EVALH_CHROMIUM), it also says after how long the page first
paints, and how long one key in its search field takes.
"""

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import msgspec
import numpy as np
import zstandard
from made_runs import header

from evalharness.comparing import compare_runs
from evalharness.evidence import gather
from evalharness.executors import Finished
from evalharness.model import (
    Grade,
    Message,
    Outcome,
    Planned,
    Record,
    Task,
    Transcript,
    Trial,
    Usage,
)
from evalharness.report import html
from evalharness.store import RunStore

WORDS = np.array(["the", "agent", "looked", "up", "an", "order", "and", "asked", "whether", "it", "paid", "by", "card"])
NOBODY = Trial(task=Task(id="", prompt=""), number=1, seed=0)
PAINTED = """() => new Promise((resolve) => new PerformanceObserver((list) => resolve(list.getEntries()[0].startTime))
    .observe({type: 'paint', buffered: true}))"""
FILTERED = """() => Math.min(...['task-01', 'task-00499', '9', ''].map((text) => {
    const field = document.getElementById('q'), began = performance.now();
    field.value = text;
    field.dispatchEvent(new Event('input', {bubbles: true}));
    document.body.offsetHeight;
    return performance.now() - began;
}))"""
COMPRESS = zstandard.ZstdCompressor().compress


def write(folder: Path, rates: np.ndarray, trials: int, seed: int) -> None:
    """Write a run whose tasks pass at these rates."""
    tags = {f"orders/task-{n:05}": (f"topic:{n % 12}", "orders") for n in range(len(rates))}
    rng, made = np.random.default_rng(seed), header(folder.name, tags, suite="orders", trials=trials, seed=seed)
    store = RunStore.create(folder, made, Planned(task_ids=tuple(made.tasks), first=1, last=trials))
    with store.writer() as writer:
        for task_id, rate in zip(made.tasks, rates, strict=True):
            passed = rng.random(trials) < rate
            writer.append([_finished(task_id, number, bool(each), rng) for number, each in enumerate(passed, start=1)])


def _finished(task_id: str, number: int, passed: bool, rng: np.random.Generator) -> Finished:
    record = Record(
        task_id=task_id,
        trial=number,
        outcome=Outcome.PASS if passed else Outcome.FAIL,
        grades=(
            Grade(grader="exact_match", score=float(passed), passed=passed, reason="" if passed else "not 'paid'"),
        ),
        usage=Usage(cost_usd=0.01, seconds=float(rng.exponential(3))),
    )
    messages = tuple(Message(role="assistant", content=" ".join(rng.choice(WORDS, 600))) for _ in range(4))
    transcript = Transcript(final=" ".join(rng.choice(WORDS, 60)), messages=messages)
    return Finished(trial=NOBODY, record=record, frame=COMPRESS(msgspec.json.encode(transcript)))


def browsed(page: Path) -> str:
    """Say how long a browser takes to paint a page, and to filter its tasks."""
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is one
    except ImportError:
        return "no browser: playwright is not installed"
    chromium = os.environ.get("EVALH_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        return "no browser: no Chromium here"
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        opened = browser.new_page()
        opened.goto(page.as_uri())
        painted, filtered = opened.evaluate(PAINTED), opened.evaluate(FILTERED)
        browser.close()
    return f"painted after {painted / 1000:.2f} s, filtered in {filtered / 1000:.3f} s"


def measured(tasks: int, trials: int) -> None:
    """Measure, and print one line a step."""
    rng = np.random.default_rng(1)
    rates = rng.choice([1.0, 1.0, 0.9, 0.6, 0.0], size=tasks)
    with tempfile.TemporaryDirectory() as name:
        before, after = Path(name, "before"), Path(name, "after")
        write(before, rates, trials, 1)
        write(after, np.where(rng.random(tasks) < 0.05, 0.0, rates), trials, 2)
        began = time.perf_counter()
        found = compare_runs(before, after)
        compared = time.perf_counter()
        evidence = gather(found.comparison)
        gathered = time.perf_counter()
        text = html.render(found.comparison, found.verdict, evidence)
        done = time.perf_counter()
        page = Path(name, "report.html")
        page.write_text(text, encoding="utf-8")
        seen = browsed(page)
    print(f"{tasks} tasks x {trials} trials x 2 arms: compared in {compared - began:.2f} s")
    print(f"evidence in {gathered - compared:.2f} s, {len(evidence.transcripts)} tasks with transcripts")
    print(f"HTML in {done - gathered:.2f} s, {len(text.encode()) / 1e6:.2f} MB")
    print(seen)


def main() -> None:
    """Read the options, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=500)
    parser.add_argument("--trials", type=int, default=10)
    given = parser.parse_args()
    measured(given.tasks, given.trials)


if __name__ == "__main__":
    main()
