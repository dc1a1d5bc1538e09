"""The chain of a line, and its file outside git: what is refused, and what it says."""

import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import zstandard

from evalharness.errors import ConfigError
from evalharness.ledger import line_names, open_line
from evalharness.ledger.chain import Chain, admitted, verified
from evalharness.ledger.decisions import Act, rollback
from evalharness.ledger.entry import Kind, canonical_json, sealed
from evalharness.ledger.file_line import FileLine
from evalharness.model import Decision
from tests.ledgers import TABLES, WHEN, environment, promotion_of, run_ref

ACT = Act(who="me", when=WHEN, reason="it broke")


def grown(chain: Chain, *entries) -> Chain:
    for make in entries:
        new = sealed(canonical_json(make(chain)))
        chain = Chain(chain.name, (*chain.links, admitted(chain, new)))
    return chain


def promoted(version: str, **options):
    return lambda chain: promotion_of(chain, version, **options)


def blocked(version: str):
    return promoted(version, decision=Decision.BLOCK)


def back_to(version: str):
    return lambda chain: rollback(chain, version, ACT)


def again(version: str, run_id: str):
    def make(chain):
        entry = promotion_of(chain, version)
        return msgspec.structs.replace(entry, kind=Kind.BASELINE, evidence=(), measured=(run_ref(run_id),))

    return make


def altered(line, **changes):
    """Stored entries whose second one says something else under the digest it had."""
    stored = [sealed(canonical_json(link.entry)) for link in line.links]
    entry = msgspec.structs.replace(line.links[1].entry, **changes)
    return [stored[0], type(stored[1])(stored[1].digest, canonical_json(entry)), *stored[2:]]


LINE = grown(Chain("main"), promoted("1"), promoted("2"), promoted("3"))


def test_the_digest_of_an_entry_covers_its_parent():
    one, other = (msgspec.structs.replace(LINE.links[1].entry, parent=parent) for parent in ("a", "b"))
    assert sealed(canonical_json(one)).digest != sealed(canonical_json(other)).digest


@pytest.mark.parametrize(
    ("parent", "said"),
    [
        (LINE.links[0].digest, "forks the line"),
        (None, "forks the line: it has no parent, but 3 entries come before it"),
        ("f" * 64, "names the parent ffffffffffff, which is missing"),
    ],
)
def test_an_entry_goes_on_top_of_the_head_and_nowhere_else(parent, said):
    entry = msgspec.structs.replace(promotion_of(LINE, "4"), parent=parent)
    with pytest.raises(ConfigError, match=re.escape(said)):
        admitted(LINE, sealed(canonical_json(entry)))


def test_an_edited_entry_is_named():
    with pytest.raises(
        ConfigError, match=r"line main: entry 2 \(promotion of '2'\) was edited: its content has digest"
    ):
        verified("main", altered(LINE, who="somebody else"))


def test_an_edited_entry_with_a_digest_to_match_is_found_by_the_entry_after_it():
    stored = altered(LINE, who="somebody else")
    stored[1] = sealed(stored[1].content)
    with pytest.raises(ConfigError, match=r"entry 3 .* is missing: entry 2 was edited or replaced"):
        verified("main", stored)


def test_a_line_without_its_beginning_is_refused():
    stored = [sealed(canonical_json(link.entry)) for link in LINE.links]
    with pytest.raises(ConfigError, match=r"entry 1 .* which is missing: the beginning of the line is gone"):
        verified("main", stored[1:])


def test_an_entry_of_another_line_is_refused():
    with pytest.raises(ConfigError, match=r"entry 1 .* belongs to line 'main'"):
        verified("other", [sealed(canonical_json(LINE.links[0].entry))])


def test_an_entry_of_a_newer_evalh_is_refused_and_an_unknown_field_is_not():
    said = msgspec.to_builtins(LINE.links[0].entry)
    assert verified("main", [sealed(msgspec.json.encode(said | {"more": 1}))]).links[0].entry.version == "1"
    with pytest.raises(ConfigError, match="written by a newer evalh"):
        verified("main", [sealed(msgspec.json.encode(said | {"schema": 99}))])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b'{"schema": 1}'])
def test_a_damaged_entry_is_one_line(content):
    with pytest.raises(ConfigError, match=r"^line main: entry 1 is damaged"):
        verified("main", [sealed(content)])


def test_refused_candidates_are_on_the_chain_and_do_not_stand():
    line = grown(LINE, blocked("4"), promoted("5", decision=Decision.INCONCLUSIVE), promoted("6", owed=1))
    assert line.standing == LINE.links[-1]
    assert len(line.links) == 6


def test_an_incomplete_run_is_inconclusive_whatever_its_verdict():
    assert promotion_of(LINE, "4", owed=1).decision is Decision.INCONCLUSIVE


def test_an_override_makes_a_version_stand_and_stays_visible():
    line = grown(LINE, promoted("4", decision=Decision.BLOCK, override="the customer waits"))
    assert line.standing.entry.version == "4"
    assert (line.standing.entry.decision, line.standing.entry.override) == (Decision.BLOCK, "the customer waits")


def test_a_version_is_promoted_once():
    with pytest.raises(ConfigError, match=r"promotes a version that [0-9a-f]{12} has promoted already"):
        grown(LINE, promoted("2"))


def test_what_was_refused_may_be_promoted_later_under_its_name():
    assert grown(LINE, blocked("4"), promoted("4")).standing.entry.version == "4"


def test_the_spent_error_adds_up_over_refused_candidates_and_starts_anew_with_a_promotion():
    line = grown(LINE, blocked("4"), blocked("5"))
    assert (len(line.refused), line.spent) == (2, pytest.approx(0.06))
    assert grown(line, promoted("6")).spent == 0
    assert grown(line, back_to("1")).spent == pytest.approx(0.06)


def test_the_spent_error_counts_a_verdict_once_and_ends_at_one():
    assert grown(LINE, blocked("4"), blocked("4")).spent == pytest.approx(0.03)
    assert grown(LINE, *(blocked(str(number)) for number in range(4, 50))).spent == 1


def test_a_rollback_deletes_nothing_and_can_be_rolled_back():
    line = grown(LINE, back_to("1"))
    assert (line.standing.entry.version, len(line.links)) == ("1", 4)
    assert grown(line, back_to("3")).standing.entry.version == "3"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("3", "3 stands already"),
        ("33", "no promotion of version '33' (did you mean '3'?)"),
        ("blocked", "no promotion of version 'blocked' (promoted were 1, 2, 3)"),
        ("../../etc", "no promotion of version '../../etc'"),
    ],
)
def test_a_rollback_goes_to_a_promoted_version_that_does_not_stand(version, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        rollback(grown(LINE, blocked("blocked")), version, ACT)


def test_a_forged_rollback_to_a_refused_candidate_is_named():
    line = grown(LINE, blocked("4"))
    forged = msgspec.structs.replace(rollback(line, "1", ACT), restores=line.head)
    with pytest.raises(ConfigError, match="which promoted no version"):
        admitted(line, sealed(canonical_json(forged)))


def test_the_run_that_earned_a_promotion_is_no_baseline():
    with pytest.raises(ConfigError, match="rests on run-3, the run that earned a promotion"):
        grown(LINE, again("3", "run-3"))


def test_the_baseline_is_the_run_that_measured_the_standing_version_again():
    assert not LINE.baseline().measured_again
    line = grown(LINE, again("3", "fresh"))
    assert (line.baseline().run.run_id, line.baseline("suite").measured_again) == ("fresh", True)
    assert line.baseline().version == "3"


def test_after_a_rollback_the_earlier_version_has_its_own_baseline_back():
    line = grown(Chain("main"), promoted("1"), again("1", "fresh-1"), promoted("2"), again("2", "fresh-2"))
    assert line.baseline().run.run_id == "fresh-2"
    assert grown(line, back_to("1")).baseline().run.run_id == "fresh-1"


def test_a_line_has_no_baseline_before_a_promotion_nor_for_another_suite():
    with pytest.raises(ConfigError, match="has no promoted version, so it has no baseline"):
        Chain("main").baseline()
    with pytest.raises(ConfigError, match="3 was measured on suite, not on 'other'"):
        LINE.baseline("other")


@pytest.mark.parametrize("name", ["main", "v1.x", "team-a_b", "9", "x" * 64])
def test_names_that_are_safe_as_ref_and_file(tmp_path, name):
    assert open_line(name, tmp_path).name == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "a..b",
        "a/b",
        "../x",
        "-x",
        ".x",
        "x.",
        "x.lock",
        "a b",
        "a\nb",
        "a~1",
        "a:b",
        "é",
        "x" * 65,
        "@{0}",
    ],
)
def test_names_that_are_not_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="a name has up to 64 letters"):
        open_line(name, tmp_path)


def test_outside_git_a_line_is_a_file_found_from_folders_below(tmp_path):
    line = open_line("main", tmp_path)
    assert isinstance(line, FileLine)
    link = line.append(lambda chain: promotion_of(chain, "1"), TABLES)
    (tmp_path / "deep" / "down").mkdir(parents=True)
    assert open_line("main", tmp_path / "deep" / "down").read().head == link.digest
    assert line_names(tmp_path / "deep") == ["main"]
    assert line.table(next(iter(TABLES))) == b"{}"


def filled(tmp_path: Path, count: int = 3) -> FileLine:
    line = FileLine("main", tmp_path)
    for number in range(count):
        line.append(lambda chain, version=str(number): promotion_of(chain, version), TABLES)
    return line


def test_a_torn_last_line_was_never_there_and_is_cut_before_the_next(tmp_path):
    line = filled(tmp_path)
    file = tmp_path / ".evalh/lines/main.jsonl"
    file.write_bytes(file.read_bytes() + b'{"digest": "half')
    assert len(line.read().links) == 3
    line.append(lambda chain: promotion_of(chain, "new"), TABLES)
    assert [link.entry.version for link in line.read().links] == ["0", "1", "2", "new"]


def test_one_changed_byte_of_the_file_is_noticed_wherever_it_is(tmp_path):
    line = filled(tmp_path, 2)
    file = tmp_path / ".evalh/lines/main.jsonl"
    content = file.read_bytes()
    for place in range(0, len(content) - 1, 7):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ConfigError, match=r"^line main: entry"):
            line.read()


def test_a_file_cut_at_a_line_end_reads_as_a_shorter_line_without_the_head_that_was(tmp_path):
    line = filled(tmp_path)
    head = line.read().head
    file = tmp_path / ".evalh/lines/main.jsonl"
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:2]))
    assert len(line.read().links) == 2
    assert line.read().find(head) is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda file: file.unlink(), "is missing"),
        (lambda file: file.write_bytes(b"not zstd"), "is damaged"),
        (lambda file: file.write_bytes(zstd(b'{"counts": {}}')), "was edited"),
    ],
)
def test_an_outcome_table_that_is_not_what_the_entry_named_is_refused(tmp_path, change, said):
    line = filled(tmp_path, 1)
    digest = next(iter(TABLES))
    change(tmp_path / ".evalh/lines/main.outcomes" / f"{digest}.json.zst")
    with pytest.raises(ConfigError, match=f"outcome table {digest[:12]} {said}"):
        line.table(digest)


def zstd(content: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(content)


WRITER = """
import sys
from pathlib import Path
from evalharness.ledger import open_line
from tests.ledgers import TABLES, promotion_of
line = open_line("main", Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    line.append(lambda chain: promotion_of(chain, f"{sys.argv[2]}-{number}"), TABLES)
"""


def write_at_once(folder: Path, *, writers: int, each: int) -> set[str]:
    """Let processes extend one line at the same time; returns the versions they wrote."""
    words = [sys.executable, "-c", WRITER, str(folder)]
    started = [subprocess.Popen([*words, f"w{number}", str(each)], env=environment()) for number in range(writers)]
    assert [process.wait(60) for process in started] == [0] * writers
    return {f"w{writer}-{number}" for writer in range(writers) for number in range(each)}


def test_processes_that_write_a_file_at_once_lose_nothing(tmp_path):
    expected = write_at_once(tmp_path, writers=4, each=5)
    assert {link.entry.version for link in open_line("main", tmp_path).read().links} == expected


def test_hostile_text_stays_text(tmp_path):
    hostile = "\x1b[31mevil\n</script>[bold]\u202e" + "\x00"
    line = open_line("main", tmp_path)
    line.append(lambda chain: msgspec.structs.replace(promotion_of(chain, hostile), who=hostile), TABLES)
    entry = line.read().links[0].entry
    assert (entry.who, entry.version) == (hostile, hostile)
    assert len((tmp_path / ".evalh/lines/main.jsonl").read_bytes().splitlines()) == 1


def test_secrets_of_the_environment_never_reach_a_line(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "sk-very-secret-indeed")
    line = open_line("main", tmp_path)
    line.append(
        lambda chain: msgspec.structs.replace(promotion_of(chain, "1"), intent="use sk-very-secret-indeed"), TABLES
    )
    assert line.read().links[0].entry.intent == "use [redacted]"
