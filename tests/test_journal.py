import os
import resource
import signal

import msgspec
import pytest

from evalharness import journal
from evalharness.errors import ConfigError, StorageFault
from evalharness.journal import Appender, Segments, locked, read_lines, segment_path, whole_lines, write_whole


class Number(msgspec.Struct):
    n: int


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", 0), (b"half", 0), (b"one\n", 4), (b"one\ntw", 4), (b"one\n" + b"x" * 200_000, 4), (b"\n\n", 2)],
)
def test_whole_lines_end_at_the_last_line_end(tmp_path, content, expected):
    file = tmp_path / "file"
    file.write_bytes(content)
    assert whole_lines(file) == expected


def test_a_torn_last_line_is_cut_before_appending(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b'{"n": 1}\n{"n":')
    appender = Appender(file, size=whole_lines(file))
    appender.append(b'{"n": 2}\n')
    appender.close()
    assert [line.n for line in read_lines(file, Number)] == [1, 2]


def test_a_torn_last_line_is_not_there_yet(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b'{"n": 1}\n{"n": 2}')
    assert [line.n for line in read_lines(file, Number)] == [1]


@pytest.mark.parametrize("damage", [b'{"n": "x"}', b'{"n": 1', b"\xff\xfe", b"\0\0\0", b'{"n": 1}\r{"n"', b"[]"])
@pytest.mark.parametrize("block", [16, 1 << 20])
def test_a_damaged_line_is_named_wherever_it_is(tmp_path, monkeypatch, damage, block):
    monkeypatch.setattr(journal, "BLOCK", block)
    file = tmp_path / "file"
    file.write_bytes(b'{"n": 1}\n' * 7 + damage + b"\n" + b'{"n": 2}\n' * 7)
    with pytest.raises(ConfigError, match=r"file: line 8 is damaged .* delete the line"):
        list(read_lines(file, Number))


def test_a_write_that_fails_half_way_is_taken_back(tmp_path):
    file = tmp_path / "file"
    appender = Appender(file)
    appender.append(b"kept\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))
        with pytest.raises(StorageFault, match="nothing finished is lost"):
            appender.append(b"x" * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    appender.append(b"more\n")
    appender.close()
    assert file.read_bytes() == b"kept\nmore\n"


def test_a_segment_that_is_full_is_followed_by_another(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 10)
    segments = Segments(tmp_path / "s")
    refs = segments.append([b"aaaa", b"bbbb"]) + segments.append([b"cccc"])
    segments.close()
    assert [(ref.segment, ref.offset, ref.length) for ref in refs] == [(0, 0, 4), (0, 4, 4), (1, 0, 4)]
    assert segment_path(tmp_path / "s", 1).read_bytes() == b"cccc"


def test_segments_are_taken_up_where_they_ended(tmp_path):
    for _ in range(2):
        segments = Segments(tmp_path / "s")
        [ref] = segments.append([b"abc"])
        segments.close()
    assert (ref.segment, ref.offset) == (0, 3)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    file = tmp_path / "file"
    write_whole(file, b"first")
    with pytest.raises(StorageFault):
        write_whole(tmp_path / "no" / "file", b"second")
    assert file.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [file]


def test_a_lock_names_who_holds_it(tmp_path):
    held = locked(tmp_path / "lock")
    with pytest.raises(ConfigError, match=f"process {os.getpid()}"):
        locked(tmp_path / "lock")
    os.close(held)
    os.close(locked(tmp_path / "lock"))


def test_a_lock_that_cannot_be_made_is_a_fault_of_storage(tmp_path):
    with pytest.raises(StorageFault):
        locked(tmp_path / "no" / "lock")
