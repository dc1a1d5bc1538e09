"""Write a pack with a model: ask, judge, keep, until it is full or the calls are spent."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from msgspec import Struct

from evalharness.errors import HarnessFault, Unmeasured
from evalharness.packs.answer import Malformed, candidates
from evalharness.packs.author import Author, Written
from evalharness.packs.draft import Call, Draft, Origin
from evalharness.packs.duplicates import Asked
from evalharness.packs.item import HASHED, new_id, provenance
from evalharness.packs.judging import Accepted, Refused, judged
from evalharness.packs.pack import Pack
from evalharness.packs.request import AVOIDED, Example, Request, Slot
from evalharness.redact import Redactor
from evalharness.running.attribution import retryable

SHOWN = 5
LONGEST_PAUSE = 30.0
UNANSWERED = 6  # calls in a row without an answer: nobody is there


class Generation(Struct, kw_only=True):
    """How a pack is written: how many items, from which examples, beside which packs, with how many calls."""

    num: int
    calls: int
    batch: int
    examples: tuple[Example, ...] = ()
    known: tuple[Pack, ...] = ()
    told: Callable[[str], None]


class Generator:
    """Writes one draft until it is full."""

    def __init__(self, draft: Draft, author: Author, how: Generation) -> None:
        self.draft, self.author, self.how = draft, author, how
        self.refused: Counter[str] = Counter()
        self._goal = draft.wanted.slots(how.num)
        self._asked = _asked(how.known, draft)
        self._ids = {item.id for pack in how.known for item in pack.items} | {item.id for item in draft.items}
        self._redactor = Redactor.from_environment()
        self._unanswered = 0

    @property
    def owed(self) -> Counter[Slot]:
        """Count what is still to be written."""
        return self._goal - self.draft.have

    def run(self) -> None:
        """Ask until the pack is full or the calls are spent."""
        for _ in range(self.how.calls):
            if not self.owed:
                return
            self._call(len(self.draft.calls) + 1)

    def _call(self, number: int) -> None:
        request = self._request(number)
        seed = _seed(self.draft.wanted.seed, number)
        try:
            written = self.author.write(request, seed=seed)
        except Unmeasured as exc:
            self._unheard(exc, number, seed)
            return
        self._unanswered = 0
        before = len(self.draft.items)
        refused = self._taken(written, seed)
        self.refused += refused
        used = written.usage
        call = Call(
            number=number,
            seed=seed,
            cost_usd=used.cost_usd,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            accepted=len(self.draft.items) - before,
            refused=dict(refused),
        )
        self.draft.called(call)
        self.how.told(_said(call, len(self.draft.items), self.how.num))

    def _request(self, number: int) -> Request:
        """Ask for what is owed, beginning elsewhere each time, so that a hard one does not hold up the others."""
        owed = list(self.owed.elements())
        start = number % len(owed)
        rng = np.random.default_rng([self.draft.wanted.seed, number])
        slots = tuple((owed[start:] + owed[:start])[: self.how.batch])
        near = [each for each in self.how.examples if each.slot.category == slots[0].category]
        shown = near if len(near) >= SHOWN else list(self.how.examples)
        picked = rng.permutation(len(shown))[:SHOWN]
        return Request(
            wanted=self.draft.wanted,
            slots=slots,
            asked=tuple(item.text for item in reversed(self.draft.items[-AVOIDED:])),
            examples=tuple(shown[int(index)] for index in picked),
        )

    def _taken(self, written: Written, seed: int) -> Counter[str]:
        """Keep the items of an answer that break no rule; count the others by the rule."""
        refused: Counter[str] = Counter()
        try:
            found = candidates(self._redactor.clean_text(written.text))
        except Malformed as exc:
            return Counter({f"malformed: {exc}": 1})
        for candidate in found:
            owed = self.owed
            if not owed:
                break
            if written.slot is not None:
                candidate |= {"category": written.slot.category, "difficulty": written.slot.difficulty}
            try:
                item = judged(candidate, language=self.draft.wanted.language, owed=owed, asked=self._asked)
            except Refused as exc:
                refused[exc.rule] += 1
            else:
                self._keep(item, written, seed)
        return refused

    def _keep(self, item: Accepted, written: Written, seed: int) -> None:
        tags = {"category": item.slot.category, "difficulty": item.slot.difficulty}
        content = {"text": item.text, "label": item.label, "context": item.context, "tags": tags}
        own = new_id("\n".join(str(content[name]) for name in HASHED), self._ids)
        fields = {**content, "lang": self.draft.wanted.language, "id": own, "sha256": provenance(content)}
        origin = Origin(
            id=own,
            model=written.model,
            prompt_sha256=written.prompt_digest,
            seed=seed,
            temperature=self.draft.wanted.temperature,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        self.draft.keep(fields, origin)
        self._ids.add(own)
        self._asked.add(item.text, item.label, "this pack")

    def _unheard(self, exc: Unmeasured, number: int, seed: int) -> None:
        """Keep that no answer came, and wait; a fault that stays, or nobody there, ends it."""
        self._unanswered += 1
        self.refused[f"no answer: {exc.cause}"] += 1
        self.draft.called(Call(number=number, seed=seed, fault=exc.cause))
        detail = self._redactor.clean_text(" ".join(str(exc).split())[:300])
        self.how.told(f"call {number}: no answer: {detail}")
        if not retryable(exc.cause) or self._unanswered >= UNANSWERED:
            kept = f"{len(self.draft.items)} of {self.how.num} items are kept; the same command goes on"
            raise HarnessFault(f"{self.draft.wanted.model}: {detail}; {kept}")
        pause = exc.retry_after if exc.retry_after is not None else 0.25 * 2**self._unanswered
        time.sleep(min(pause, LONGEST_PAUSE))


def examples_of(packs: Iterable[Pack]) -> tuple[Example, ...]:
    """Take the items of packs as examples."""
    items = [item for pack in packs for item in pack.items]
    return tuple(
        Example(
            Slot(str(item.tags.get("category")), str(item.tags.get("difficulty"))), item.text, item.label, item.context
        )
        for item in items
    )


def _asked(known: Iterable[Pack], draft: Draft) -> Asked:
    asked = Asked()
    for pack in known:
        for item in pack.items:
            asked.add(item.text, item.label, Path(pack.place).name)
    for item in draft.items:
        asked.add(item.text, item.label, "this pack")
    return asked


def _seed(seed: int, number: int) -> int:
    """Give every call a seed of its own, of the 31 bits that providers take."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) & 0x7FFFFFFF


def _said(call: Call, have: int, num: int) -> str:
    refused = ", ".join(f"{rule} {count}" for rule, count in call.refused.items())
    return (
        f"call {call.number}: {call.accepted} accepted"
        + (f", refused: {refused}" if refused else "")
        + (f" ({have} of {num})")
    )
