"""What a policy says about a comparison: checks with a reason each, and the verdict."""

from enum import StrEnum

from msgspec import Struct

from evalharness.model.suite import Policy


class Decision(StrEnum):
    """What a check or a verdict says about the candidate."""

    PROMOTE = "promote"
    BLOCK = "block"
    INCONCLUSIVE = "inconclusive"


class Stance(StrEnum):
    """What a policy is for, and so when it exits with an error."""

    GUARD = "guard"  # pull requests: only evidence of harm
    CERTIFY = "certify"  # releases: everything but a promotion
    REPORT = "report"  # never


class Check(Struct, frozen=True, kw_only=True):
    """What one rule says, and why, in a sentence that can be read aloud."""

    rule: str
    decision: Decision
    because: str


class Verdict(Struct, frozen=True, kw_only=True):
    """What a policy says about a comparison; the decision is computed from the checks, never stored."""

    policy: Policy
    checks: tuple[Check, ...]
    error_budget: dict[str, float]
    settled_by: str = ""

    @property
    def stance(self) -> Stance:
        """Return what the policy is for."""
        return Stance(self.policy.stance)

    @property
    def decision(self) -> Decision:
        """Block if any check blocks, promote if every check promotes; no checks promote nothing."""
        decisions = {check.decision for check in self.checks}
        if Decision.BLOCK in decisions:
            return Decision.BLOCK
        return Decision.PROMOTE if decisions == {Decision.PROMOTE} else Decision.INCONCLUSIVE

    @property
    def exit_code(self) -> int:
        """Return what the command line ends with under this stance."""
        if self.stance is Stance.REPORT:
            return 0
        if self.decision is Decision.BLOCK:
            return 1
        return 3 if self.stance is Stance.CERTIFY and self.decision is Decision.INCONCLUSIVE else 0
