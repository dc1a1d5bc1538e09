"""A comparison as one HTML file: the decision and why, the numbers as pictures, every task, and how it was made."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from evalharness.model import Comparison, Side, Slice, Verdict
from evalharness.procedure import Look
from evalharness.report.charts import Axis, Point, around_changes, curve, curve_axes
from evalharness.report.evidence import NOTHING, ArmEvidence, Evidence
from evalharness.report.html_page import embedded, page
from evalharness.report.html_rows import packed, sides, task_table

SLICES_SHOWN = 40


class Curves(Struct, frozen=True, kw_only=True):
    """pass@k or pass^k of some arms in one picture."""

    name: str
    method: str
    x: Axis
    y: Axis
    arms: list[list[Point]]


class Family(Struct, frozen=True, kw_only=True):
    """The looks of one family of rules, with an axis for the evidence."""

    name: str
    looks: list[Look]
    axis: Axis


def render(comparison: Comparison, verdict: Verdict, evidence: Evidence = NOTHING) -> str:
    """Write the page."""
    slices = comparison.slices or evidence.slices
    margin, arms = verdict.policy.margin, (evidence.baseline, evidence.candidate)
    return page(
        "comparison.html",
        comparison=comparison,
        verdict=verdict,
        evidence=evidence,
        sides=sides(comparison),
        change_axis=around_changes([*comparison.delta.values(), comparison.harm], margin),
        flip_axis=_flip_axis(comparison),
        slices=shown_slices(slices),
        slices_left=max(len(slices) - SLICES_SHOWN, 0),
        slice_axis=around_changes([each.delta for each in shown_slices(slices)], margin),
        curves=curves([comparison.baseline, comparison.candidate]),
        families=_families(evidence.looks),
        origins=[(name, origin(side, arm)) for (name, side), arm in zip(sides(comparison), arms, strict=True)],
        policy_text=msgspec.json.format(msgspec.json.encode(verdict.policy), indent=1).decode(),
        table=embedded(task_table(comparison, evidence)),
        transcripts=embedded(packed(evidence)),
    )


def shown_slices(slices: Sequence[Slice]) -> list[Slice]:
    """Return the slices to draw, the worst first."""
    known = [each for each in slices if each.delta.value is not None]
    return sorted(known, key=lambda each: (each.adjusted, each.delta.value))[:SLICES_SHOWN]


def origin(side: Side, evidence: ArmEvidence) -> dict[str, str]:
    """Say where one arm came from."""
    return {
        "run": side.place,
        "run id": side.run_id,
        "agent": f"{side.agent} {side.version}".strip(),
        "agent fingerprint": side.fingerprint,
        "models that answered": ", ".join(side.models) or "unknown",
        **evidence.facts,
    }


def curves(sides: Sequence[Side]) -> list[Curves]:
    """Draw both curves of some arms with the same axes; nothing where every task was tried once."""
    at_k, hat_k = [side.pass_at_k for side in sides], [side.pass_hat_k for side in sides]
    if max(map(len, at_k), default=0) < 2:
        return []
    x, y = curve_axes([*at_k, *hat_k])
    return [
        Curves(name=name, method=method, x=x, y=y, arms=[curve(each, x, y) for each in arms])
        for name, method, arms in (("pass@k", "pass_at_k", at_k), ("pass^k", "pass_hat_k", hat_k))
    ]


def _flip_axis(comparison: Comparison) -> Axis:
    flips = comparison.flips
    return Axis(0, 1.1 * max(flips.broken, flips.fixed, flips.expected_broken, flips.expected_fixed, 1))


def _families(looks: Sequence[Look]) -> list[Family]:
    names = dict.fromkeys(look.family for look in looks)
    return [_family(name, [look for look in looks if look.family == name]) for name in names]


def _family(name: str, looks: list[Look]) -> Family:
    reached = [value for look in looks for value in (look.z, look.boundary) if value is not None and abs(value) < 50]
    low, high = min([-0.5, *reached]), max([3.0, *reached])
    return Family(name=name, looks=looks, axis=Axis(low - 0.3, high + 0.3))
