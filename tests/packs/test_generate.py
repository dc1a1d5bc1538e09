"""Generation against a real server that misbehaves, killed and begun again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from evalharness.cli import cli
from evalharness.errors import BudgetEnded, ConfigError, HarnessFault
from evalharness.packs.checking import check
from evalharness.packs.draft import drafting
from evalharness.packs.request import Slot, Wanted
from tests.packs.writing import item, write
from tests.running import PATIENCE, ROOT, environment
from tests.servers import NEVER, Reply, serving

NAMES = ("Ada", "Bodil", "Cyrus", "Dagny", "Emil", "Frida", "Gustav", "Hedda", "Ivar", "Johanna", "Knut", "Liv")


def said(content, status=200, **options):
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    document = {"id": "1", "object": "chat.completion", "created": 1, "model": "m-2026", "choices": [choice]}
    return Reply.json({**document, "usage": usage}, status=status, **options)


def fact(number, category="geography", difficulty="easy", **changes):
    name = f"{NAMES[number % len(NAMES)]} the {number}th"
    text = (
        f"Who was the ruler that the island of {'xyz'[number % 3] * (number + 3)} had in the year {900 + 7 * number}?"
    )
    context = f"The ruler of the island in that year was {name}."
    return {"text": text, "label": name, "context": context, "category": category, "difficulty": difficulty, **changes}


def items(*facts):
    return said(json.dumps({"items": facts}))


def arguments(server, out, *more, num=2):
    return [
        *("packs", "generate", "--model", "openai/m", "--api-base", f"{server.url}/v1", "--language", "en"),
        *("--category", "geography", "--difficulty", "easy", "--num", str(num), "--seed", "3", "--out", str(out)),
        *more,
    ]


def generated(server, out, *more, num=2):
    cli.main(arguments(server, out, *more, num=num), standalone_mode=False)


def lines(out):
    return [json.loads(line) for line in out.read_text("utf-8").splitlines()]


def origins(out, kind="item"):
    return [each for each in lines(out.with_suffix(".provenance.jsonl")) if each["kind"] == kind]


@pytest.fixture
def out(tmp_path):
    return tmp_path / "new.jsonl"


def test_a_pack_is_written_checked_and_its_origin_kept(out, capsys):
    with serving(items(fact(1), fact(2))) as server:
        generated(server, out, "--json", "--context", "islands of the north")
    done = json.loads(capsys.readouterr().out)
    assert (done["items"], done["calls"], done["refused"], done["seed"]) == (2, 1, {}, 3)
    assert check(out, strict=True).violations == []
    (asked,) = [each.json() for each in server.asked]
    assert asked["response_format"]["json_schema"]["strict"] is True
    assert "islands of the north" in asked["messages"][1]["content"]
    assert [each["id"] for each in origins(out)] == [each["id"] for each in lines(out)]
    (first, _) = origins(out)
    assert (first["model"], first["seed"], first["temperature"]) == ("m-2026", asked["seed"], 0.7)
    assert len(first["prompt_sha256"]) == 64
    assert first["created_at"].startswith("20")


def test_a_provider_without_schemas_is_asked_for_less(out):
    def answer(asked):
        form = asked.json().get("response_format", {}).get("type")
        if form:
            return Reply.json({"error": {"message": f"{form} is not supported"}}, status=400)
        return items(fact(1), fact(2))

    with serving(answer=answer) as server:
        generated(server, out)
    forms = [each.json().get("response_format", {}).get("type") for each in server.asked]
    assert forms == ["json_schema", "json_object", None]


BAD = {
    "malformed": said('{"items": [{"text": "What'),
    "prose": said("I would rather not."),
    "huge": said("x" * 10_000_000),
    "deep": said("[" * 100_000),
    "nothing": said(""),
    "no text": said(None),
    "no choices": Reply.json({"id": "1", "object": "chat.completion", "model": "m", "choices": []}),
    "not json": Reply(body=b"<html>busy</html>", headers={"Content-Type": "text/html"}),
    "429": Reply(status=429, body=b"{}", headers={"Retry-After": "0.01"}),
    "500": Reply(status=500, body=b"{}", headers={"Retry-After": "0.01"}),
    "503": Reply(status=503, body=b"", headers={"Retry-After": "0.01"}),
    "wrong language": items(
        fact(
            1,
            text="Welche Stadt ist die Hauptstadt der Insel, und wer war der König?",
            context="Bodil the 1th ist der König.",
        )
    ),
    "wrong script": items(
        fact(1, text="日本の首都はどこですか。", context="日本の首都はBodil the 1thです。東京都の都庁があります。")
    ),
    "label not in context": items(fact(1, context="Nobody knows who it was in that year.")),
    "answer in the question": items(fact(1, text="Was it Bodil the 1th who ruled?")),
    "wrong category": items(fact(1, category="history")),
    "wrong difficulty": items(fact(1, difficulty="very easy")),
    "missing": items({"text": "What is it?"}),
    "wrong types": items(fact(1, label=["Ada"]), fact(2, text={"en": "x"})),
    "control": items(fact(1, text="Who was\0 it?")),
    "endless item": items(fact(1, context="Bodil the 1th " * 1000)),
    "duplicates": items(
        fact(7), fact(7), fact(8, text=fact(7)["text"]), fact(7, text=fact(7)["text"].replace("Who was", "Who is"))
    ),
}


RULES = {
    **dict.fromkeys(["prose", "huge", "deep", "nothing", "no text"], "malformed"),
    **dict.fromkeys(["no choices"], "no answer: malformed_reply"),
    **dict.fromkeys(["not json", "500"], "no answer: status:500"),
    "503": "no answer: status:503",
    **dict.fromkeys(["wrong language", "wrong script"], "language"),
    **dict.fromkeys(["wrong category", "wrong difficulty"], "category or difficulty"),
    **dict.fromkeys(["missing", "wrong types", "control", "endless item"], "schema"),
    "duplicates": "duplicate",
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_answer_costs_a_call_and_nothing_of_it_is_kept(out, bad, capsys):
    good = [fact(3), fact(4), fact(5)]
    with serving(BAD[bad], items(*good)) as server:
        generated(server, out, "--json", num=3)
    kept = [each["text"] for each in lines(out)]
    assert kept == [each["text"] for each in ([fact(7), *good[:2]] if bad == "duplicates" else good)]
    assert len(server.asked) == 2
    assert check(out, strict=True).violations == []
    done = json.loads(capsys.readouterr().out)
    # A 429 is waited out below, by whoever calls the provider.
    assert bad == "429" or any(rule.startswith(RULES.get(bad, bad)) for rule in done["refused"]), done["refused"]


@pytest.mark.parametrize("wrap", ["```json\n{}\n```", "Sure! {} Anything else?", "<think>{{hm}}</think>{}"])
def test_fences_and_prose_do_not_matter(out, wrap):
    answer = wrap.replace("{}", json.dumps([fact(1), fact(2)]))
    with serving(said(answer)) as server:
        generated(server, out)
    assert len(lines(out)) == 2
    assert len(server.asked) == 1


def test_a_server_that_hangs_costs_its_time_and_a_call(out):
    with serving(NEVER, items(fact(1), fact(2))) as server:
        generated(server, out, "--timeout", "0.4")
    assert [call["fault"] for call in origins(out, "call")] == ["timeout", ""]


def test_what_other_packs_ask_is_not_asked_again(tmp_path, out):
    known = item(5, text=fact(1)["text"])
    other = write(tmp_path / "other.jsonl", [known])
    near = fact(2, text=fact(1)["text"].replace("Who was", "Who is"), label=known["label"], context=known["context"])
    with serving(items(fact(1), near, fact(3)), items(fact(4))) as server:
        generated(server, out, "--against", str(other))
    assert [each["label"] for each in lines(out)] == [fact(3)["label"], fact(4)["label"]]
    asked = server.asked[1].json()["messages"][1]["content"]
    assert f"- {fact(3)['text']}" in asked


def test_spent_calls_end_it_and_more_go_on(out, capsys):
    with serving(items(fact(1)), said("no")) as server, pytest.raises(BudgetEnded, match="1 of 2 items") as caught:
        generated(server, out, "--calls", "3")
    assert caught.value.exit_code == 3
    assert len(server.asked) == 3
    kept = out.read_bytes()
    with serving(items(fact(1), fact(2))) as server:
        generated(server, out)
    assert out.read_bytes().startswith(kept)
    assert [each["text"] for each in lines(out)] == [fact(1)["text"], fact(2)["text"]]
    with serving(said("not to be asked")) as server:
        generated(server, out)
    assert server.asked == []
    with serving(items(fact(3))) as server:
        generated(server, out, num=3)
    assert len(lines(out)) == 3
    assert "3 of 3 items, 5 calls" in capsys.readouterr().out


def test_a_key_that_is_refused_ends_it_at_once(out):
    refused = Reply.json({"error": {"message": "bad key"}}, status=401)
    with serving(refused) as server, pytest.raises(HarnessFault, match=r"status:401.*0 of 2 items are kept"):
        generated(server, out)
    assert len(server.asked) == 1


def test_nobody_there_is_not_asked_for_ever(out):
    down = Reply(status=503, body=b"{}", headers={"Retry-After": "0.01"})
    with serving(down) as server, pytest.raises(HarnessFault, match="503"):
        generated(server, out, "--calls", "100")
    assert len(server.asked) == 6


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--temperature", "0.1"], "begun with temperature 0.7, not 0.1"),
        (["--context", "rivers"], "begun with context '', not 'rivers'"),
        (["--category", "history"], "begun with categories"),
    ],
)
def test_another_pack_is_not_mixed_in(out, more, said):
    with serving(items(fact(1), fact(2))) as server:
        generated(server, out)
        with pytest.raises(ConfigError, match=said):
            generated(server, out, *more)


def test_a_file_that_is_there_is_not_touched(out):
    out.write_text("mine")
    with serving(items(fact(1))) as server, pytest.raises(ConfigError, match="exists already"):
        generated(server, out)
    assert out.read_text() == "mine"
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_a_list_is_refused_because_it_cannot_grow(tmp_path):
    with serving(items(fact(1))) as server, pytest.raises(ConfigError, match=r"must end in \.jsonl"):
        generated(server, tmp_path / "new.json")


def test_two_at_once_are_refused(out):
    wanted = Wanted(model="openai/m", language="en", categories=("geography",), difficulties=("easy",), seed=3)
    refused = pytest.raises(ConfigError, match="another process is writing this pack")
    with drafting(out, wanted), serving(items(fact(1))) as server, refused:
        generated(server, out)


@pytest.mark.parametrize("name", ["new.jsonl", "new.provenance.jsonl"])
def test_a_torn_last_line_is_owed_again(out, name):
    with serving(items(fact(1), fact(2))) as server:
        generated(server, out)
    torn = out.with_name(name)
    torn.write_bytes(torn.read_bytes()[:-9])
    with serving(items(fact(2), fact(3))) as server:
        generated(server, out)
    assert [each["text"] for each in lines(out)] == [fact(1)["text"], fact(2)["text"]]
    assert {each["id"] for each in lines(out)} >= {each["id"] for each in origins(out)} - {""}


def test_an_item_that_was_changed_by_hand_is_not_gone_on_with(out):
    with serving(items(fact(1))) as server, pytest.raises(BudgetEnded):
        generated(server, out, "--calls", "1")
    out.write_text(out.read_text().replace("900", "901").replace("Who was", "Who is"))
    with serving(items(fact(2))) as server, pytest.raises(ConfigError, match="hash of neither recipe"):
        generated(server, out)


ENDLESS = """
import json, sys, time
from pathlib import Path
from evalharness.model import Usage
from evalharness.packs.author import Written
from evalharness.packs.draft import drafting
from evalharness.packs.generate import Generation, Generator
from evalharness.packs.request import Wanted


class Author:
    patience = batch = 5

    def write(self, request, *, seed):
        time.sleep(0.002)
        names = [f"king {seed}{letter}" for letter in "abc"]
        kind = {"category": "geography", "difficulty": "easy"}
        facts = [{"text": f"Who was number {name[5:]}?", "label": name, "context": f"It was {name}."} for name in names]
        text = json.dumps([{**each, **kind} for each in facts])
        return Written(text=text, model="m", prompt_digest="0" * 64, usage=Usage())


wanted = Wanted(model="m", language="en", categories=("geography",), difficulties=("easy",), seed=1)
with drafting(Path(sys.argv[1]), wanted) as draft:
    Generator(draft, Author(), Generation(num=int(sys.argv[2]), calls=10_000, batch=5, told=print)).run()
"""


def test_killed_at_any_moment_it_goes_on_and_loses_nothing(out):
    """Kill -9 again and again while items come in; what stood stands, each item once and with its origin."""
    for kill in (1, 2, 3, 4, 5, 0):
        before = out.read_bytes() if out.exists() else b""
        command = [sys.executable, "-c", ENDLESS, str(out), "1000" if kill else str(before.count(b"\n") + 20)]
        running = subprocess.Popen(command, env=environment(), cwd=ROOT, stdout=subprocess.DEVNULL)
        while kill and running.poll() is None and (not out.exists() or out.stat().st_size < len(before) + 1000):
            time.sleep(0.001)
        if kill:
            time.sleep(0.003 * kill)
            os.kill(running.pid, signal.SIGKILL)
        assert running.wait() == (-signal.SIGKILL if kill else 0)
        whole = before[: before.rfind(b"\n") + 1]
        assert out.read_bytes().startswith(whole)
        assert len(out.read_bytes()) > len(whole)
    assert check(out, strict=True).violations == []
    assert {each["id"] for each in lines(out)} <= {each["id"] for each in origins(out)}
    numbers = [each["number"] for each in origins(out, "call")]
    assert numbers == sorted(set(numbers))


def test_cost_is_the_sum_of_all_calls_or_unknown(out, capsys):
    with serving(items(fact(1)), items(fact(2))) as server:
        generated(server, out)
    assert "2 of 2 items, 2 calls, cost unknown" in capsys.readouterr().out
    other = out.with_name("priced.jsonl")
    with serving(items(fact(1)), items(fact(2))) as server:
        generated(server, other, "--model", "openai/gpt-4o-mini", "--json")
    assert json.loads(capsys.readouterr().out)["cost_usd"] == pytest.approx(2 * (100 * 0.15 + 50 * 0.6) / 1e6)


def test_secrets_reach_no_file(out, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sk-verysecretvalue")
    with serving(
        items(fact(1, label="sk-verysecretvalue", context="It is sk-verysecretvalue now."), fact(2))
    ) as server:
        generated(server, out, "--context", "about sk-verysecretvalue")
    written = out.read_bytes() + out.with_suffix(".provenance.jsonl").read_bytes()
    assert b"verysecret" not in written


def test_items_are_spread_evenly_over_categories_and_difficulties():
    wanted = Wanted(model="m", language="en", categories=("a", "b", "c"), difficulties=("easy", "hard"), seed=1)
    assert wanted.slots(6) == Counter(Slot(name, level) for name in "abc" for level in ("easy", "hard"))
    assert max(wanted.slots(40).values()) - min(wanted.slots(40).values()) <= 1


@pytest.mark.parametrize(
    ("more", "said"), [(["--language", "English"], "no language tag"), (["--category", " "], "name a category")]
)
def test_options_are_checked_before_anything_is_written(out, more, said):
    with serving(items(fact(1))) as server, pytest.raises(ConfigError, match=said):
        generated(server, out, *more)
    assert list(out.parent.iterdir()) == []


def test_a_missing_key_is_said_at_once(out, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    arguments = ["--model", "openai/gpt-4o-mini", "--language", "en", "--num", "2", "--out", str(out)]
    with pytest.raises(ConfigError, match="openai/gpt-4o-mini needs a key: set OPENAI_API_KEY"):
        cli.main(["packs", "generate", *arguments], standalone_mode=False)
    with serving(items(fact(1), fact(2))) as server:  # nothing was asked yet, so it may still become another pack
        generated(server, out)
    assert len(lines(out)) == 2


def test_ctrl_c_ends_it_with_what_is_kept(out):
    with serving(items(fact(1)), NEVER) as server:
        command = [sys.executable, "-m", "evalharness", *arguments(server, out)]
        running = subprocess.Popen(command, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        while len(server.asked) < 2 and running.poll() is None:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=PATIENCE)
    assert running.returncode == 130
    assert b"interrupted" in told
    assert len(lines(out)) == 1
