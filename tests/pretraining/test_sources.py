"""The texts of a corpus: every kind of file gives its texts, and what cannot be read is named."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from yeonma.errors import DataError
from yeonma.pretraining.sources import corpus_files, texts

LINES = ["첫째 글", "", "둘째\u2028글", "  셋째  "]
PLAIN = "\n".join(LINES).encode()
REVIEWS = [f"영화 {number} 정말 재미있다" for number in range(200)]


def zstd(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


TEXT_FILES = {
    "plain": ("a.txt", PLAIN),
    "mark and carriage returns": ("a.txt", b"\xef\xbb\xbf" + PLAIN.replace(b"\n", b"\r\n") + b"\n"),
    "no ending": ("wiki_00", PLAIN),
    "another ending": ("a.log", PLAIN),
    "gzip": ("a.txt.gz", gzip.compress(PLAIN)),
    "gzip in two members": ("a.gz", gzip.compress(PLAIN[:20]) + gzip.compress(PLAIN[20:])),
    "zstd": ("a.zst", zstd(PLAIN)),
    "zstd in capitals": ("a.TXT.ZST", zstd(PLAIN)),
}


@pytest.mark.parametrize("kind", TEXT_FILES)  # not by content: gzip writes the time, and ids must not change
def test_every_line_of_a_text_file_is_a_text(tmp_path, kind):
    name, content = TEXT_FILES[kind]
    (tmp_path / name).write_bytes(content)
    assert list(texts([tmp_path / name])) == LINES


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", 'id\tdocument\n1\t좋은 "글\n2\t\n'),
        ("a.txt", 'id\tdocument\n1\t좋은 "글\n2\t\n'),
        ("a.csv", 'id,document\n1,"좋은 ""글"\n2,\n'),
        ("a.jsonl", '{"document": "좋은 \\"글"}\n{"document": null}\n{"document": ""}\n'),
    ],
)
def test_the_named_column_of_a_table(tmp_path, name, content):
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert list(texts([tmp_path / name], "document")) == ['좋은 "글', ""]


def test_a_named_column_beside_plain_text(tmp_path):
    (tmp_path / "a.txt").write_text("줄마다 글\n")
    (tmp_path / "b.zst").write_bytes(zstd("눌린 글\n".encode()))
    (tmp_path / "c").write_text("끝 없는 글\n")
    (tmp_path / "d.txt").write_text("id\ttext\n1\t표의 글\n")
    table(tmp_path / "e.parquet", id=["1"], text=["기둥의 글"])
    assert list(texts([tmp_path], "text")) == ["줄마다 글", "눌린 글", "끝 없는 글", "표의 글", "기둥의 글"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", b"__label__pos \xea\xb8\x80\n"),
        ("a.json", '[{"text": "글"}]'.encode()),
        ("a.txt", "text\t라벨\n글\t좋음\n".encode("cp949")),
    ],
)
def test_rows_are_no_plain_text_where_a_column_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "z.tsv").write_text("id\ttext\n1\t표\n")
    assert list(texts([tmp_path / name, tmp_path / "z.tsv"], "text")) == ["글", "표"]


def test_a_link_with_an_ending_to_a_file_without(tmp_path):
    (tmp_path / "blobs").mkdir()
    (tmp_path / "blobs" / "0a1b").write_text('{"text": "글"}\n', encoding="utf-8")
    (tmp_path / "x.jsonl").symlink_to(tmp_path / "blobs" / "0a1b")
    assert list(texts([tmp_path], "text")) == ["글"]


def test_a_file_is_read_once_by_whatever_path(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("글\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "link.txt").symlink_to(tmp_path / "a.txt")
    monkeypatch.chdir(tmp_path)
    assert corpus_files(["a.txt", tmp_path, tmp_path / "sub" / ".." / "a.txt"]) == [Path("a.txt")]


def table(file, **columns):
    parquet.write_table(pa.table(columns), file)
    return file


@pytest.mark.parametrize(
    "others",
    [
        {},
        {"id": [str(number) for number in range(200)], "label": [0, 1] * 100},
        {"date": [f"2020-01-{number:03d} 10:00:00" for number in range(200)]},
        {"genre": ["액션 영화", "공포 영화"] * 100},
        {"path": [f"a/b-{number}.txt" for number in range(200)]},
        {"tags": [["가 나"]] * 200, "none": pa.nulls(200, pa.string())},
    ],
)
def test_the_only_free_text_column_of_parquet_is_found(tmp_path, others):
    assert list(texts([table(tmp_path / "a.parquet", review=REVIEWS, **others)])) == REVIEWS


def test_long_paragraphs_that_repeat_are_free_text_too(tmp_path):
    path = table(tmp_path / "a.parquet", context=["긴 글 " * 40] * 100, question=[f"질문 {i} 은" for i in range(100)])
    with pytest.raises(DataError, match=r"2 columns look like free text; name one with --column\. Known: context, que"):
        list(texts([path]))


def test_a_column_of_ids_is_not_guessed(tmp_path):
    with pytest.raises(DataError, match=r"no column looks like free text.*Known: id"):
        list(texts([table(tmp_path / "a.parquet", id=[str(number) for number in range(20)])]))


def test_the_named_column_of_parquet_without_its_missing_values(tmp_path):
    path = table(tmp_path / "a.parquet", q=["하나", None, "둘 셋"], a=REVIEWS[:3], n=[1, 2, 3])
    assert list(texts([path], "q")) == ["하나", "둘 셋"]
    with pytest.raises(DataError, match="'n' must hold strings; it holds int64"):
        list(texts([path], "n"))
    with pytest.raises(DataError, match=r"no column 'qq'. Did you mean 'q'\?"):
        list(texts([path], "qq"))


def test_a_packed_table_in_a_folder_is_passed_over(tmp_path):
    (tmp_path / "a.txt").write_text("글\n", encoding="utf-8")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress("또\n".encode()))
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"text\nx\n"))
    assert list(texts([tmp_path])) == ["글", "또"]


def test_folders_and_globs_in_sorted_order_each_file_once(tmp_path):
    for name in ("b/2.txt", "b/1.txt", "a.txt", "b/.hidden", ".git/x.txt", "b/picture.png", "b/wiki_00"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(texts([tmp_path])) == ["a.txt", "b/1.txt", "b/2.txt", "b/wiki_00"]
    assert list(texts([tmp_path / "b" / "2.txt", str(tmp_path / "*"), tmp_path / "b"])) == [
        "b/2.txt", "a.txt", "b/1.txt", "b/wiki_00",
    ]  # fmt: skip
    assert [file.name for file in corpus_files([str(tmp_path / "**" / "[12].txt")])] == ["1.txt", "2.txt"]


def test_a_file_whose_name_looks_like_a_glob(tmp_path):
    (tmp_path / "a[1].txt").write_text("글")
    assert list(texts([tmp_path / "a[1].txt"])) == ["글"]


FAULTS = {
    # name: (file, bytes, column, line, message)
    "not UTF-8": (
        "a.txt",
        "가나\n다".encode() + "라\n".encode("cp949"),
        None,
        2,
        r"byte 4 of the line \(0xb6\) is not",
    ),
    "not UTF-8 in gzip": ("a.gz", gzip.compress(b"a\n\xff\n"), None, 2, "must be UTF-8"),
    "cut gzip": ("a.gz", gzip.compress(PLAIN)[:-9], None, None, "cannot be read: Truncated"),
    "no gzip": ("a.gz", PLAIN, None, None, "cannot be read"),
    "cut zstd": ("a.zst", zstd(PLAIN * 100)[:-5], None, None, "cannot be read: Truncated"),
    "no parquet": ("a.parquet", PLAIN, None, None, "not a whole Parquet file"),
    "column not named": ("a.csv", b"id,text\n1,a\n", None, None, r"name one with --column\. Known: id, text"),
    "no such column": ("a.tsv", b"id\ttext\n1\ta\n", "txt", 2, r"no column 'txt'\. Did you mean 'text'\?"),
    "cells missing": ("a.tsv", b"id\ttext\n1\ta\n2\n", "text", 3, "must have 2 cells"),
    "no JSON": ("a.jsonl", b'{"t": "a"}\n{cut\n', "t", 2, "JSON object"),
    "a number": ("a.jsonl", b'{"t": "a"}\n{"t": 5}\n', "t", 2, "must be a string, but 5"),
    "packed table": ("a.csv.gz", gzip.compress(b"id,text\n"), "text", None, "Unpack it first"),
    "packed table without column": ("a.tsv.gz", gzip.compress(b"id\ttext\n"), None, None, "Unpack it first"),
    "text without columns": ("a.txt", PLAIN, "text", None, "there is no table with a column 'text'"),
    "another column": ("a.txt", b"id\tdocument\n1\tx\n", "text", 2, "no column 'text'"),
    "a packed table by its first line": ("a.gz", gzip.compress(b"id\ttext\n1\tx\n"), "text", None, "Unpack it first"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_file_and_line(tmp_path, fault):
    name, content, column, line, message = FAULTS[fault]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        list(texts([tmp_path / name], column))
    assert raised.value.line == line
    assert str(raised.value).startswith(str(tmp_path / name))


def test_parquet_bytes_that_are_not_utf8_name_the_row(tmp_path):
    bad = pa.array([b"fine", b"\xff\xfe"], pa.binary()).view(pa.string())
    with pytest.raises(DataError, match=r"a\.parquet:2: the text must be UTF-8"):
        list(texts([table(tmp_path / "a.parquet", text=bad)], "text"))


@pytest.mark.parametrize(
    ("path", "message"),
    [("none.txt", "no such file"), ("*.none", "no file matches"), ("empty", "holds no file of a corpus")],
)
def test_what_is_not_there_is_said_before_anything_is_read(tmp_path, path, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "picture.png").touch()
    with pytest.raises(DataError, match=message):
        texts([tmp_path / path])


def test_no_path_at_all():
    with pytest.raises(DataError, match="at least one file"):
        texts([])


def test_texts_are_streamed(tmp_path):
    """The first text comes although a later line is broken."""
    (tmp_path / "a.txt").write_bytes(b"fine\n\xff\n")
    stream = texts([tmp_path / "a.txt"])
    assert isinstance(stream, Iterator)
    assert next(stream) == "fine"
    with pytest.raises(DataError):
        next(stream)
