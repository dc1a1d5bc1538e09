"""A Comparison and a policy to a Verdict: pure, and without statistics of its own."""

from collections import Counter
from collections.abc import Collection
from math import ceil
from typing import Any

from evalharness.errors import ConfigError
from evalharness.model import Check, Comparison, Decision, Extension, Policy, Stance, Verdict
from evalharness.registry import build, suggestion
from evalharness.rules import ErrorBudget, Need, Needing, Rule

NO_WORSE = Extension(use="no_worse")
NO_REGRESSIONS = Extension(use="no_confirmed_regressions")
PRESETS = {
    "pr": Policy(preset="pr", stance="guard", rules=(NO_WORSE, NO_REGRESSIONS)),
    "release": Policy(preset="release", stance="certify", rules=(NO_WORSE, NO_REGRESSIONS)),
    "upgrade": Policy(
        preset="upgrade",
        stance="certify",
        rules=(NO_WORSE, Extension(use="critical"), Extension(use="trade", options={"max_share": 0.02})),
    ),
    "strict": Policy(
        preset="strict",
        stance="certify",
        margin=0.02,
        rules=(
            NO_WORSE,
            NO_REGRESSIONS,
            Extension(use="slices"),
            Extension(use="new_flakes"),
            Extension(use="max_unmeasured", options={"max": 0.0}),
        ),
    ),
    "agentdevel": Policy(
        preset="agentdevel",
        stance="certify",
        rules=(
            Extension(use="trade", options={"max_share": 0.01, "evidence": "raw"}),
            Extension(use="net_fixes", options={"min": 1, "evidence": "raw"}),
        ),
    ),
}
DEFAULT_PRESET = "pr"
WEIGHTS = {"aggregate": 4, "flips": 2}  # every other family of rules weighs 1
ONE_EVIDENCE = ("aggregate", "flips")  # all their rules look at the same thing, so none divides the family's share


def error_budget(policy: Policy) -> dict[str, float]:
    """Split `false_block` over the families of rules that can block by chance.

    The aggregate weighs twice as much as the flips, these twice as much as every other family: fresh trials of a few
    suspects show a break at almost any error, while the suite as a whole needs what it can get.
    """
    families = dict.fromkeys(build("rule", rule).family for rule in policy.rules)
    weights = {family: WEIGHTS.get(family, 1) for family in families if family}
    return {family: policy.false_block * weight / sum(weights.values()) for family, weight in weights.items()}


def budgeted(policy: Policy) -> list[tuple[Rule, float]]:
    """Return every rule with the error that it may use: rules of one family divide its share."""
    rules, budget = [build("rule", rule) for rule in policy.rules], error_budget(policy)
    sharing = Counter(rule.family for rule in rules)
    return [
        (rule, budget.get(rule.family, 0.0) / (1 if rule.family in ONE_EVIDENCE else sharing[rule.family]))
        for rule in rules
    ]


def held_out_tags(policy: Policy) -> frozenset[str]:
    """Return the tags of tasks that only one rule may look at."""
    return frozenset(name for need, _ in needs(policy) if need.quantity == "held_out" for name in need.names)


def needs(policy: Policy) -> list[tuple[Need, float]]:
    """Return what the rules want measured, each with the error that its harm bound may use."""
    return [(need, error) for rule, error in budgeted(policy) if isinstance(rule, Needing) for need in rule.needs()]


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
    seen: dict[str, int] = {}
    for place, extension in enumerate(policy.rules):
        subject = _subject(extension, build("rule", extension))
        if subject in seen:
            raise ConfigError(
                f"gate.rules[{place}]: '{extension.use}' is given twice for the same thing (rules[{seen[subject]}]): "
                "keep one of them"
            )
        seen[subject] = place


def _subject(extension: Extension, rule: Rule) -> str:
    """Name what a rule looks at, whatever its limits: two rules about one thing contradict each other."""
    keys = [need.key for need in rule.needs()] if isinstance(rule, Needing) else []
    options: dict[str, Any] = extension.options
    return repr((extension.use, keys, options.get("tags"), options.get("tasks"), options.get("targets")))


def check_names(policy: Policy, *, tags: Collection[str], task_ids: Collection[str]) -> None:
    """Refuse a rule that names a tag or a task that no task of the suite has."""
    for extension in policy.rules:
        options: dict[str, Any] = extension.options
        named = (
            *(("tag", each, tags) for each in (*options.get("tags", ()), *options.get("margins", ()))),
            *(("task", each, task_ids) for key in ("tasks", "targets", "at_risk") for each in options.get(key, ())),
        )
        for what, name, known in named:
            if name not in known:
                lacking = f"no task has tag '{name}'" if what == "tag" else f"the suite has no task '{name}'"
                near = suggestion(name, list(known))
                raise ConfigError(f"gate.rules: {extension.use}: {lacking}{near}")


def absolute(policy: Policy) -> Policy:
    """Keep the rules that need no baseline; ConfigError where there are none."""
    kept = tuple(each for each in policy.rules if getattr(build("rule", each), "absolute", False))
    if not kept:
        raise ConfigError("gate.rules: without a baseline only absolute rules decide: add `- use: floor`")
    return Policy(
        stance=policy.stance,
        margin=policy.margin,
        false_block=policy.false_block,
        estimand=policy.estimand,
        confirm=policy.confirm,
        rules=kept,
    )


def judge(comparison: Comparison, policy: Policy) -> Verdict:
    """Ask every rule of the policy; faults of the data keep a promotion back."""
    check_policy(policy)
    checks = [
        rule.check(comparison, ErrorBudget(share=error, margin=policy.margin)) for rule, error in budgeted(policy)
    ]
    if comparison.faults:
        checks.append(Check(rule="data", decision=Decision.INCONCLUSIVE, because="; ".join(comparison.faults)))
    verdict = Verdict(policy=policy, checks=tuple(checks), error_budget=error_budget(policy))
    if verdict.decision is not Decision.INCONCLUSIVE:
        return verdict
    return Verdict(
        policy=policy,
        checks=verdict.checks,
        error_budget=verdict.error_budget,
        settled_by=settled_by(comparison, policy),
    )


def settled_by(comparison: Comparison, policy: Policy) -> str:
    """Say how many trials would settle the aggregate if its delta stayed as it is."""
    delta, harm = comparison.delta[policy.estimand], comparison.harm
    if comparison.faults:
        return "run the arm again, or accept what is wrong with `--allow KIND --reason TEXT`"
    if delta.value is None or delta.low is None or harm.high is None:
        return "measure at least one task in both arms"
    if comparison.missing.decides:
        return "measure what is missing: resume both runs with `evalh run`"
    present = max((task.candidate.measured for task in comparison.tasks), default=1)
    if delta.low > -policy.margin:
        return (
            "re-run the suspected tasks on fresh trials, both arms: `evalh gate` does" if comparison.suspected else ""
        )
    if policy.estimand == "population":
        return "add tasks: more trials of these say little about tasks like these"
    good = (delta.value - delta.low) / (delta.value + policy.margin) if delta.value > -policy.margin else float("inf")
    bad = (harm.high - delta.value) / -delta.value if delta.value < 0 else float("inf")
    needed = ceil(present * min(good, bad) ** 2)
    return f"take about {needed} trials per task and arm, if the change stays as it looks"
