"""Lines: encodings are recognised, lines are numbered, memory stays bounded."""

from __future__ import annotations

import codecs
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yeonma.data.lines import LONGEST_LINE, BadRow, Encoding, Lines, recognise
from yeonma.errors import DataError

KOREAN = "연마는 날을 갈아 세우는 일이다.\n이 영화 정말 재미있다\n"

ENCODINGS = [
    ("utf-8", KOREAN.encode(), Encoding.UTF8),
    ("ascii", b"plain\n", Encoding.UTF8),
    ("empty", b"", Encoding.UTF8),
    ("bom", codecs.BOM_UTF8 + KOREAN.encode(), Encoding.UTF8_BOM),
    ("cp949", KOREAN.encode("cp949"), Encoding.CP949),
    ("euc-kr", KOREAN.encode("euc_kr"), Encoding.CP949),
    ("rare syllables", (KOREAN + "똠방각하 펲시콜라\n").encode("cp949"), Encoding.CP949),
    ("cp949 after a block of ascii", b"a" * (1 << 20) + KOREAN.encode("cp949"), Encoding.CP949),
    ("utf-8 across the border of a block", b"a" * ((1 << 20) - 1) + KOREAN.encode(), Encoding.UTF8),
    ("utf-8 with a broken byte", KOREAN.encode() + b"\xff\n", Encoding.UTF8),
    ("utf-8 with a cut end", KOREAN.encode()[:-2] + b"\xea\xb0", Encoding.UTF8),
    ("latin-1", "déjà vu, né à Orléans\n".encode("latin-1"), Encoding.UTF8),
    ("windows-1252 quotes", b"It\x92s fine, isn\x92t it\n", Encoding.UTF8),
]


@pytest.mark.parametrize(("content", "encoding"), [row[1:] for row in ENCODINGS], ids=[row[0] for row in ENCODINGS])
def test_encoding_is_found_by_reading(write, content, encoding):
    assert recognise(write("a.txt", content)) is encoding


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-32"])
def test_utf16_is_named(write, codec):
    bom = codecs.BOM_UTF16_LE if codec == "utf-16-le" else b""
    with pytest.raises(DataError, match=r"a\.txt:1: must be UTF-8 or CP949; this is UTF-16 or UTF-32"):
        recognise(write("a.txt", bom + KOREAN.encode(codec)))


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_come_back_without_their_ends(write, codec, end):
    with Lines(write("a.txt", KOREAN.replace("\n", end).encode(codec))) as lines:
        assert list(lines) == KOREAN.splitlines()
        assert lines.number == 2


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.text(st.characters(exclude_characters="\0\n\r\ufeff", codec="utf-8")), min_size=1))
def test_only_a_line_feed_ends_a_line(write, texts):
    """U+0085, U+2028, vertical tabs and the like stay inside a text."""
    with Lines(write("a.txt", "".join(text + "\n" for text in texts))) as lines:
        assert list(lines) == texts


def test_a_bad_line_does_not_end_the_lines(write):
    with Lines(write("a.txt", "하나\n둘".encode() + b"\xff\n\0\n" + "넷".encode())) as lines:
        assert next(lines) == "하나"
        with pytest.raises(BadRow, match=r"a\.txt:2: byte 0xFF \(byte 4 of the line\) is not UTF-8"):
            next(lines)
        with pytest.raises(BadRow, match=r"a\.txt:3: holds a NUL byte"):
            next(lines)
        assert (next(lines), lines.number) == ("넷", 4)


def test_the_longest_line_may_be_just_so_long(write):
    text = "가" * LONGEST_LINE
    with Lines(write("a.txt", text + "\r\n")) as lines:
        assert next(lines) == text
    with Lines(write("a.txt", "a\n" + text + "a")) as lines:
        next(lines)
        with pytest.raises(DataError, match=r"a\.txt:2: a line must have at most 1,000,000 characters"):
            next(lines)


def test_a_file_without_line_ends_is_not_read_into_memory(write):
    path = write("a.txt", b"a" * 40_000_000)
    tracemalloc.start()
    with pytest.raises(DataError, match="at most 1,000,000 characters"), Lines(path) as lines:
        next(lines)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000
