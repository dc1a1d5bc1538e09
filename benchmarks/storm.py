"""A run through a provider's storm: limits, random rejections, faults and an outage.

    python benchmarks/storm.py [--rate 40] [--trials 4000] [--workers 64] [--outage 60] [--quick]

The server, a process of its own, lets `--rate` calls a second through (it saves up one second's worth), turns 30 % of
all calls away with 429 and `Retry-After: 1` whatever the load, answers 5 % with 500, and is down once (503).

What is to be reached: no trial lost, no attempt spent in the outage, and at least 80 % of the allowed rate while the
server is up. `--quick` takes half a minute, with an outage of five seconds.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from local_server import serve, served

from evalharness.executors.threads import ThreadExecutor
from evalharness.loading.definition import load_agent
from evalharness.model import Outcome
from evalharness.runner import Pace, run
from evalharness.runs import begin
from evalharness.suite import load_suite

REJECTED, FAULTY = 0.30, 0.05
LATENCY = 0.1
DOWN_AFTER = 10.0  # seconds
BODY = b'{"final": "yes", "usage": {"input_tokens": 10, "output_tokens": 1}}'


class Provider:
    """Answers as the storm of the moment says, and counts."""

    def __init__(self, rate: float, outage: float) -> None:
        self.rate, self.outage = rate, outage
        self.rng = random.Random(7)
        self.tokens, self.at = 1.0, 0.0
        self.began: float | None = None
        self.up_again = 0.0
        self.counted: Counter[str] = Counter()

    def status(self, now: float) -> int:
        """Decide about a call that comes in now."""
        self.began = self.began or now
        since = now - self.began
        if DOWN_AFTER <= since < DOWN_AFTER + self.outage:
            return 503
        self.tokens = min(self.rate, self.tokens + (now - self.at) * self.rate)
        self.at = now
        drawn = self.rng.random()
        if drawn < FAULTY:
            return 500
        if drawn < FAULTY + REJECTED or self.tokens < 1:
            return 429
        self.tokens -= 1
        if since >= DOWN_AFTER + self.outage:
            self.up_again = self.up_again or since - DOWN_AFTER - self.outage
        return 200

    async def answer(self, head: bytes) -> bytes:
        """Answer a call, or tell the figures to whoever just looks."""
        if head.startswith(b"get"):
            figures = {**self.counted, "seconds_until_used_again": round(self.up_again, 2)}
            return reply(200, json.dumps(figures).encode())
        status = self.status(time.monotonic())
        self.counted[str(status)] += 1
        await asyncio.sleep(LATENCY if status == 200 else LATENCY / 10)
        return reply(status, BODY if status == 200 else b"")


def reply(status: int, body: bytes) -> bytes:
    """Write a response."""
    later = b"Retry-After: 1\r\n" if status == 429 else b""
    return b"HTTP/1.1 %d Storm\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), later) + body


def weathered(url: str, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run the trials through the storm, and say how it went."""
    tasks = given.trials // 5
    rows = [{"id": f"t{index}", "text": f"question {index}", "label": "yes"} for index in range(tasks)]
    (folder / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "suite.yaml").write_text(
        "tasks: {file: tasks.jsonl}\nprompt: '{{ text }}'\nexpected: label\ngraders: [{use: exact_match}]\n"
        "limits: {seconds: 5}\n"
    )
    (folder / "agent.yaml").write_text(json.dumps({"use": "http", "options": {"url": url}}))
    arm = begin(load_suite(folder / "suite.yaml"), load_agent(str(folder / "agent.yaml")), out=folder / "run", trials=5)
    pace = Pace(workers=given.workers, attempts=given.attempts)
    started = time.monotonic()
    with arm.store.writer() as writer:
        result = run(arm.owed(), job=arm.job(), executor=ThreadExecutor(), writer=writer, pace=pace)
    seconds = time.monotonic() - started
    records = list(arm.store.records())
    measured = [each for each in records if each.outcome is not Outcome.ERROR]
    return {
        "trials": tasks * 5,
        "lost": tasks * 5 - result.tally.passed,
        "attempts_spent_by_cause": dict(Counter(each.cause for each in records if each.outcome is Outcome.ERROR)),
        "attempts_spent_in_the_outage": sum(each.cause == "status:503" for each in records),
        "held_back": sum(each.usage.held_back or 0 for each in measured),
        "most_working_seconds": max(each.usage.working_seconds or 0.0 for each in measured),
        "seconds": round(seconds, 1),
        "of_the_allowed_rate": round(result.tally.passed / (seconds - given.outage) / given.rate, 3),
    }


def main() -> None:
    """Measure, and print one JSON document; exit 1 where a figure is not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--attempts", type=int, default=5, help="with 5 %% faults, three would lose one trial in 8,000")
    parser.add_argument("--rate", type=float, default=40.0)
    parser.add_argument("--outage", type=float, default=60.0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.quick:
        given.trials, given.outage = 1200, 5.0
    if given.serve:
        asyncio.run(serve(Provider(given.rate, given.outage).answer))
        return
    server = served(__file__, "--serve", f"--rate={given.rate}", f"--outage={given.outage}")
    with server as url, tempfile.TemporaryDirectory() as name:
        found = weathered(url, given, Path(name))
        heard = httpx.get(url, timeout=10.0).json()
    print(json.dumps({**found, "server": heard}, indent=1))
    if found["lost"] or found["attempts_spent_in_the_outage"] or found["of_the_allowed_rate"] < 0.8:
        sys.exit(1)


if __name__ == "__main__":
    main()
