"""Policies by name or file, presets with parts replaced, and what makes one weaker than another."""

from pathlib import Path
from typing import Any

import msgspec

from evalharness.errors import ConfigError
from evalharness.gate import PRESETS, check_policy
from evalharness.loading.shape import Place, shaped, unknown
from evalharness.loading.yaml_source import read_yaml
from evalharness.model import Policy

STRICTNESS = {"report": 0, "guard": 1, "certify": 2}


def load_policy(name: str) -> Policy:
    """Return a preset, or the `gate:` section of a file, checked."""
    if name in PRESETS:
        return PRESETS[name]
    file = Path(name)
    if not file.is_file():
        raise ConfigError(f"policy '{name}' is neither a file nor a preset ({', '.join(PRESETS)})")
    content = read_yaml(file)
    if not isinstance(content, dict) or "gate" not in content:
        raise ConfigError(f"{file}: has no `gate:` section")
    place = Place(str(file)).at("gate")
    return checked(shaped(with_preset(content["gate"], place), Policy, place), file)


def checked(policy: Policy, file: Path) -> Policy:
    """Return a policy whose numbers and words can be meant; a ConfigError names the file it stands in."""
    try:
        check_policy(policy)
    except ConfigError as exc:
        raise ConfigError(f"{file}: {exc}") from exc
    return policy


def with_preset(section: Any, place: Place) -> Any:
    """Fill a `gate:` section that names a preset with what the preset says; what the section says itself stands."""
    if isinstance(section, str) and section in PRESETS:
        raise place.fault(f"a preset is named as `gate: {{preset: {section}}}`")
    if not isinstance(section, dict):
        return section
    for key in ("margin", "false_block"):
        value = section.get(key)
        if isinstance(value, int | float) and 1 <= value < 100:
            raise place.at(key).fault(f"must be a fraction: {value:g} points are {value / 100:g}")
    if section.get("preset") is None:
        return section
    name = section["preset"]
    if name not in PRESETS:
        raise place.at("preset").fault(unknown("preset", str(name), list(PRESETS)))
    return {**msgspec.to_builtins(PRESETS[name]), **section}


def weaknesses(policy: Policy, than: Policy) -> list[str]:
    """Say in what a policy asks less than another."""
    found = []
    if STRICTNESS[policy.stance] < STRICTNESS[than.stance]:
        found.append(f"stance {policy.stance} instead of {than.stance}")
    if policy.margin > than.margin:
        found.append(f"margin {100 * policy.margin:g} instead of {100 * than.margin:g} points")
    if policy.false_block > than.false_block:
        found.append(f"false_block {policy.false_block:g} instead of {than.false_block:g}")
    if policy.baseline_max_age > than.baseline_max_age:
        found.append(f"baseline_max_age {policy.baseline_max_age:g} instead of {than.baseline_max_age:g} days")
    kept = {rule.use for rule in policy.rules}
    found += [f"without the rule {use}" for use in dict.fromkeys(rule.use for rule in than.rules) if use not in kept]
    found += [
        f"{rule.use} with {_said(rule.options)} instead of {_said(other.options)}"
        for other in than.rules
        for rule in policy.rules
        if rule.use == other.use and rule.options != other.options and _same(than, rule.use)
    ]
    return found


def _same(policy: Policy, use: str) -> bool:
    return sum(rule.use == use for rule in policy.rules) == 1


def _said(options: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in options.items()) or "its defaults"
