import io
import tarfile

import pytest

from evalharness.workspaces import archive


def tar(*members):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as target:
        for name, kind, extra in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member.linkname = extra
            if kind == tarfile.REGTYPE:
                member.size = len(extra)
            target.addfile(member, io.BytesIO(extra) if kind == tarfile.REGTYPE else None)
    content.seek(0)
    return content


@pytest.mark.parametrize("name", ["top/../../evil.txt", "../evil.txt", "top/.."])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with pytest.raises(ValueError, match="must be relative and stay inside"):
        archive.extract(tar((name, tarfile.REGTYPE, b"x")), tmp_path / "in")
    assert list(tmp_path.rglob("*.txt")) == []


def test_an_absolute_name_ends_up_inside(tmp_path):
    archive.extract(tar(("/etc/evil.txt", tarfile.REGTYPE, b"x")), tmp_path / "in")
    assert [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*.txt")] == ["in/evil.txt"]


def test_links_devices_and_pipes_stay_behind(tmp_path):
    hostile = tar(
        ("top/link.txt", tarfile.SYMTYPE, "/etc/passwd"),
        ("top/folder", tarfile.SYMTYPE, str(tmp_path)),
        ("top/hard.txt", tarfile.LNKTYPE, "/etc/passwd"),
        ("top/disk", tarfile.BLKTYPE, None),
        ("top/null", tarfile.CHRTYPE, None),
        ("top/pipe", tarfile.FIFOTYPE, None),
        ("top/folder/written.txt", tarfile.REGTYPE, b"inside"),
    )
    archive.extract(hostile, tmp_path / "in")
    assert [str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file()] == [
        "in/folder/written.txt"
    ]


@pytest.mark.parametrize(
    "content", [b"", b"no archive" * 200, tar(("a", tarfile.REGTYPE, b"x" * 2000)).getvalue()[:700]]
)
def test_garbage_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="no archive"):
        archive.extract(io.BytesIO(content), tmp_path / "in")


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.txt", "a.txt", True),
        ("*.txt", ".hidden.txt", True),
        ("*.txt", "a/b.txt", False),
        ("**/*.txt", "a.txt", True),
        ("**/*.txt", "a/b/c.txt", True),
        ("a/**/c.txt", "a/c.txt", True),
        ("a/**/c.txt", "ab/c.txt", False),
        ("**", "a.txt", False),
        ("a?c.[ch]", "abc.h", True),
        ("a?c.[!ch]", "abc.h", False),
        ("(a|b)+.txt", "(a|b)+.txt", True),
        ("line*", "line\nbreak", True),
    ],
)
def test_patterns_match_as_those_of_a_folder_do(tmp_path, pattern, path, matches):
    assert archive.matcher(pattern)(path) is matches
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).touch()
    assert ((tmp_path / path) in {each for each in tmp_path.glob(pattern) if each.is_file()}) is matches
