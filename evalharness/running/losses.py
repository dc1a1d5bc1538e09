"""What was begun and came to nothing, until a record of its trial can say so."""

import msgspec

from evalharness.executors import Finished
from evalharness.model import Lost, TrialKey, Usage, total


class Losses:
    """Remembers what trials used that spent no attempt, for the next record of each."""

    def __init__(self) -> None:
        self._lost: dict[TrialKey, Lost] = {}

    def add(self, finished: Finished) -> None:
        """Take in a trial that is owed as before."""
        key, used = finished.trial.key, _used(finished)
        if (used is None and finished.began is None) or (used is not None and not any(_counts(used))):
            return
        before = self._lost.get(key, Lost())
        known = [each for each in (before.usage, used) if each]
        self._lost[key] = Lost(unknown=before.unknown + (used is None), usage=total(known) if known else None)

    def told(self, finished: Finished) -> Finished:
        """Write down in its record what was lost of a trial before, once."""
        lost = self._lost.pop(finished.trial.key, None)
        if lost is None or finished.record is None:
            return finished
        return msgspec.structs.replace(finished, record=msgspec.structs.replace(finished.record, lost=lost))


def _used(finished: Finished) -> Usage | None:
    """Return what is known of what it used; None where it left no record."""
    record = finished.record
    return None if record is None else total(each for each in (record.usage, record.judging) if each)


def _counts(usage: Usage) -> tuple[float | None, ...]:
    """Return what somebody is charged for."""
    return usage.cost_usd, usage.input_tokens, usage.output_tokens
