"""A Comparison and a policy to a Verdict: pure, and without statistics of its own."""

from math import ceil

from evalharness.errors import ConfigError
from evalharness.model import Comparison, Decision, Extension, Policy, Stance, Verdict
from evalharness.registry import build, find
from evalharness.rules import ErrorBudget

PRESETS = {
    "pr": Policy(stance="guard", rules=(Extension(use="no_worse"), Extension(use="no_confirmed_regressions"))),
    "release": Policy(stance="certify", rules=(Extension(use="no_worse"), Extension(use="no_confirmed_regressions"))),
}
DEFAULT_PRESET = "pr"
PARTS = {"aggregate": 2}


def error_budget(policy: Policy) -> dict[str, float]:
    """Split `false_block` over the families of rules that can block by chance; the aggregate counts twice.

    Fresh trials of a few suspects show a break at almost any error; the suite as a whole needs what it can get.
    """
    families = dict.fromkeys(find("rule", rule.use).family for rule in policy.rules)
    parts = {family: PARTS.get(family, 1) for family in families if family}
    return {family: policy.false_block * part / sum(parts.values()) for family, part in parts.items()}


def check_policy(policy: Policy) -> None:
    """Refuse a policy whose numbers or words cannot be meant."""
    if policy.stance not in list(Stance):
        raise ConfigError(f"gate.stance: '{policy.stance}' must be one of {', '.join(Stance)}")
    if policy.estimand not in ("suite", "population"):
        raise ConfigError(f"gate.estimand: '{policy.estimand}' must be suite or population")
    for name in ("margin", "false_block"):
        value = getattr(policy, name)
        if not 0 < value < 0.5:
            raise ConfigError(f"gate.{name}: {value} must be a fraction above 0 and below 0.5")
    if not policy.rules:
        raise ConfigError("gate.rules: is empty, and an empty policy promotes nothing: add `- use: no_worse`")
    for rule in policy.rules:
        build("rule", rule)


def judge(comparison: Comparison, policy: Policy) -> Verdict:
    """Ask every rule of the policy."""
    check_policy(policy)
    budget = error_budget(policy)
    rules = [build("rule", rule) for rule in policy.rules]
    checks = tuple(
        rule.check(comparison, ErrorBudget(share=budget.get(rule.family, 0.0), margin=policy.margin)) for rule in rules
    )
    verdict = Verdict(policy=policy, checks=checks, error_budget=budget)
    if verdict.decision is not Decision.INCONCLUSIVE:
        return verdict
    return Verdict(policy=policy, checks=checks, error_budget=budget, settled_by=settled_by(comparison, policy))


def settled_by(comparison: Comparison, policy: Policy) -> str:
    """Say how many trials would settle the aggregate if its delta stayed as it is."""
    delta, harm = comparison.delta[policy.estimand], comparison.harm
    if delta.value is None or delta.low is None or harm.high is None:
        return "measure at least one task in both arms"
    if comparison.missing.decides:
        return "measure what is missing: resume both runs with `evalh run`"
    present = max((task.candidate.measured for task in comparison.tasks), default=1)
    if delta.low > -policy.margin:
        return "re-run the suspected tasks on fresh trials, both arms: `evalh gate` does"
    if policy.estimand == "population":
        return "add tasks: more trials of these say little about tasks like these"
    good = (delta.value - delta.low) / (delta.value + policy.margin) if delta.value > -policy.margin else float("inf")
    bad = (harm.high - delta.value) / -delta.value if delta.value < 0 else float("inf")
    needed = ceil(present * min(good, bad) ** 2)
    return f"about {needed} trials per task and arm would settle it, if the change stays as it looks"
