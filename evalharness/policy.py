"""Policies by name or file."""

from pathlib import Path

from evalharness.errors import ConfigError
from evalharness.gate import PRESETS, check_policy
from evalharness.model import Policy
from evalharness.shape import Place, shaped
from evalharness.yaml_source import read_yaml


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
    policy = shaped(content["gate"], Policy, Place(str(file)).at("gate"))
    try:
        check_policy(policy)
    except ConfigError as exc:
        raise ConfigError(f"{file}: {exc}") from exc
    return policy
