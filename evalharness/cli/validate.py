"""`evalh validate`: is this suite, and this agent, what was meant?"""

from collections import Counter
from collections.abc import Iterable

import click
import msgspec
from msgspec import Struct

from evalharness.calibrate import forecast
from evalharness.cli.listing import listing
from evalharness.cli.options import JSON
from evalharness.errors import ConfigError
from evalharness.gate import DEFAULT_PRESET, PRESETS
from evalharness.gating.tasks import held_out
from evalharness.loading.definition import fingerprint, load_agent
from evalharness.loading.digests import suite_digest
from evalharness.model import AgentDefinition, Limits, Policy, Suite
from evalharness.model.calibration import Forecast
from evalharness.suite import load_suite

SHOWN = 12
LEAST_POWER = 0.9


class AgentSeen(Struct, frozen=True, kw_only=True):
    """What there is to know of an agent before it runs."""

    name: str
    version: str
    use: str
    place: str
    fingerprint: str

    @classmethod
    def of(cls, definition: AgentDefinition) -> "AgentSeen":
        """Look at an agent's definition."""
        return cls(
            name=definition.name,
            version=definition.version,
            use=definition.use,
            place=definition.place,
            fingerprint=fingerprint(definition),
        )


class SuiteSeen(Struct, frozen=True, kw_only=True):
    """What there is to know of a suite before it runs; graders and tags with the number of their tasks."""

    name: str
    version: str
    place: str
    digest: str
    tasks: int
    trials: int
    trials_in_all: int
    graders: dict[str, int]
    tags: dict[str, int]
    limits: tuple[Limits, ...]
    workspace: str
    artifacts: tuple[str, ...]
    policy: Policy | None
    forecast: Forecast
    agent: AgentSeen | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, suite: Suite, agent: AgentDefinition | None) -> "SuiteSeen":
        """Look at a suite, and at the agent that is to run it."""
        return cls(
            name=suite.name,
            version=suite.version,
            place=suite.place,
            digest=suite_digest(suite),
            tasks=len(suite.tasks),
            trials=suite.trials,
            trials_in_all=len(suite.tasks) * suite.trials,
            graders=_counted(name for task in suite.tasks for name in {use.name or use.use for use in task.graders}),
            tags=_counted(tag for task in suite.tasks for tag in task.tags),
            limits=tuple(dict.fromkeys(task.limits for task in suite.tasks)),
            workspace=suite.workspace.use,
            artifacts=suite.artifacts,
            policy=suite.policy,
            forecast=forecast(len(suite.tasks), (suite.trials, suite.trials), suite.policy or PRESETS[DEFAULT_PRESET]),
            agent=AgentSeen.of(agent) if agent else None,
            warnings=_warnings(suite),
        )


def _warnings(suite: Suite) -> tuple[str, ...]:
    """Say what is allowed and hardly meant."""
    aside = held_out(suite.policy, suite) if suite.policy else ()
    if len(aside) != 1:
        return ()
    return (f"only '{aside[0]}' is held out, and one task can decide nothing: hold out several, or drop the rule",)


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _some(counts: dict[str, int]) -> str:
    shown = ", ".join(f"{name} {count}" for name, count in list(counts.items())[:SHOWN])
    return f"{shown} and {len(counts) - SHOWN} more" if len(counts) > SHOWN else shown


def _limited(limits: Limits) -> str:
    parts = {
        f"{limits.seconds:g} s": True,
        f"${limits.cost_usd or 0:g}": limits.cost_usd is not None,
        f"{limits.tokens or 0} tokens": limits.tokens is not None,
    }
    return ", ".join(part for part, said in parts.items() if said)


def _gated(policy: Policy | None) -> str:
    if policy is None:
        return "none; a comparison says its own policy"
    rules = ", ".join(rule.use for rule in policy.rules)
    return (
        f"{policy.stance}: margin {policy.margin:.1%}, false block at most {policy.false_block:.1%}, "
        f"confirmed on {policy.confirm.trials} fresh trials; {rules}"
    )


def _foreseen(seen: Forecast) -> str:
    drop = ""
    if seen.visible_drop is not None:
        drop = f"; smallest visible drop {100 * seen.visible_drop:.1f} points"
        drop = drop if seen.visible_drop < 1 else "; too small to see any drop of the suite as a whole"
    return (
        f"unchanged: not blocked {seen.green:.1%}, promoted {seen.promoted:.1%}, "
        f"{seen.base_trials:.0f} trials and {seen.extra_trials:.0f} more; "
        f"one always-passing task that breaks: blocked {seen.one_break:.1%}{drop}"
    )


def _check_power(seen: SuiteSeen) -> None:
    """Refuse a guard that would let a complete break of one task through."""
    guard = seen.policy is not None and seen.policy.stance == "guard"
    if guard and seen.forecast.one_break < LEAST_POWER:
        raise ConfigError(
            f"{seen.place}: gate: this guard sees one always-passing task break in only {seen.forecast.one_break:.0%} "
            f"of gates (at least {LEAST_POWER:.0%} are needed): give it "
            "`rules: [{use: no_worse}, {use: no_confirmed_regressions}]`, or more trials"
        )


def _rows(seen: SuiteSeen) -> list[tuple[str, str]]:
    agent = seen.agent
    rows = {
        "suite": f"{seen.name} {seen.version}".strip(),
        "file": seen.place,
        "tasks": f"{seen.tasks} x {seen.trials} trials = {seen.trials_in_all} trials",
        "graders": _some(seen.graders),
        "tags": _some(seen.tags),
        "limits": " / ".join(_limited(each) for each in seen.limits[:3]) + (" / ..." if len(seen.limits) > 3 else ""),
        "workspace": seen.workspace,
        "artifacts": ", ".join(seen.artifacts),
        "gate": _gated(seen.policy),
        "forecast": _foreseen(seen.forecast),
        "warning": "; ".join(seen.warnings),
        "digest": seen.digest,
        "agent": f"{agent.name} {agent.version}".strip() + f" ({agent.use}, {agent.place})" if agent else "",
        "fingerprint": agent.fingerprint if agent else "",
    }
    return [(name, said) for name, said in rows.items() if said]


@click.command("validate", short_help="Check a suite, and say what it costs and sees.")
@click.argument("suite")
@click.option("--agent", metavar="AGENT", help="Check this agent too: a file, a shorthand or git:REF.")
@JSON
def command(suite: str, agent: str | None, as_json: bool) -> None:
    """Check SUITE, a file or the name of a bundled suite, and print what a run of it comes to.

    Whatever is wrong is named with its file and place, and the command exits 2.
    """
    seen = SuiteSeen.of(load_suite(suite), load_agent(agent) if agent else None)
    _check_power(seen)
    click.echo(msgspec.json.encode(seen).decode() if as_json else listing(_rows(seen)))
