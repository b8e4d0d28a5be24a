"""Malformed inputs: every one is a clear DataError with file and line, and `scan` goes on behind it where it can."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yeonma.data.datasets import load_split
from yeonma.data.readers import SUFFIXES, rows, scan
from yeonma.errors import DataError
from yeonma.records import Rejected

HEAD = "text\tlabel\n"
JSON = '{"text": "좋다", "label": 1}\n'

# What it is, file name, content, the place after the file's name, a piece of the message.
MALFORMED = [
    ("empty csv", "a.csv", "", ":1:", "it is empty"),
    ("empty jsonl", "a.jsonl", "", ":1:", "it is empty"),
    ("byte order mark alone", "a.tsv", b"\xef\xbb\xbf", ":1:", "the first line must name the columns; it is blank"),
    ("blank header", "a.csv", "\na,b\n", ":1:", "the first line must name the columns; it is blank"),
    ("header alone, tsv", "a.tsv", HEAD, ":1:", "it holds a header alone"),
    ("header alone, csv", "a.csv", "text,label\n\n\n", ":1:", "it holds a header alone"),
    ("blank lines alone", "a.jsonl", "\n\n", ":1:", "must hold rows"),
    ("column twice", "a.csv", "text,label,text\na,b,c\n", ":1:", "'text' comes 2 times"),
    (
        "too many columns",
        "a.tsv",
        "\t".join(map(str, range(1001))) + "\n",
        ":1:",
        "at most 1,000 columns; there are 1,001",
    ),
    ("a million columns", "a.csv", "," * 999_999 + "\n", ":1:", "the first line must name the columns"),
    ("too many keys", "a.jsonl", str({str(i): 0 for i in range(1001)}).replace("'", '"'), ":1:", "there are 1,001"),
    ("short row", "a.tsv", HEAD + "a\tb\nc\n", ":3:", "must have 2 cells, as the header has; there are 1"),
    ("long row", "a.tsv", HEAD + "a\tb\tc\n", ":2:", "there are 3"),
    ("comma in an unquoted text", "a.csv", "text,label\n좋다, 정말,1\n", ":2:", "there are 3"),
    ("quote left open", "a.csv", 'text,label\na,b\n"c,d\ne,f\n', ":3:", "a quote that opens here does not close"),
    (
        "quote left open in the last line",
        "a.csv",
        'text,label\na,b\nc,"d',
        ":3:",
        "a quote that opens here does not close",
    ),
    ("quote left open in the header", "a.csv", '"text,label\na,b\n', ":1:", "a quote that opens here does not close"),
    ("quote bomb", "a.csv", 'text\n"' + "a\n" * 100_000, ":2:", "field limit (131072)"),
    ("quote inside quotes", "a.csv", 'text,label\n"좋"다",1\n', ":2:", "Double every quote that stands inside quotes"),
    ("cell too long for csv", "a.csv", f"text\n{'a' * 131_073}\n", ":2:", "Write long texts as .jsonl"),
    ("line too long", "a.tsv", HEAD + "a" * 1_000_001, ":2:", "at most 1,000,000 characters"),
    ("NUL in a row", "a.tsv", HEAD + "a\0\tb\n", ":2:", "holds a NUL byte"),
    ("NUL in the header", "a.csv", "te\0xt\na\n", ":1:", "holds a NUL byte"),
    ("zip named csv", "a.csv", b"PK\x03\x04\x14\0\x06\0", ":1:", "holds a NUL byte"),
    ("UTF-16", "a.csv", "text,label\n".encode("utf-16"), ":1:", "this is UTF-16"),
    ("broken UTF-8", "a.tsv", HEAD.encode() + "좋다\t1\n".encode() + b"\xec\xa2\t1\n", ":3:", "byte 0xEC"),
    ("Latin-1", "a.csv", "text\ncafé\n".encode("latin-1"), ":2:", "is not UTF-8. Save the file as UTF-8"),
    ("carriage returns alone", "a.tsv", "text\tlabel\ra\tb\r", ":1:", "these end in a carriage return"),
    ("cut JSON", "a.jsonl", JSON + '{"text": "좋', ":2:", "must be a JSON object: Unterminated string"),
    ("JSON list", "a.jsonl", '["좋다", 1]\n', ":1:", "must be a JSON object; came a list"),
    ("JSON number", "a.jsonl", JSON + JSON + "3\n", ":3:", "must be a JSON object; came a int"),
    ("one document over many lines", "a.jsonl", '[\n{"text": "a"}\n]\n', ":1:", "must be a JSON object"),
    ("NaN in JSON", "a.jsonl", '{"text": "a", "label": NaN}\n', ":1:", "NaN is not JSON"),
    ("deep JSON", "a.jsonl", "[" * 100_000, ":1:", "must be a JSON object: maximum recursion depth"),
    (
        "huge number in JSON",
        "a.jsonl",
        '{"text": ' + "9" * 5_000 + "}",
        ":1:",
        "must be a JSON object: Exceeds the limit",
    ),
    ("half a surrogate pair", "a.jsonl", '{"text": "\\ud800"}\n', ":1:", "surrogates not allowed"),
    ("plain text", "a.txt", "그냥 글이다.\n", ":1:", "must begin with __label__ (fastText) or be a table"),
    ("fastText without a label", "a.txt", "__label__1 좋다\n싫다\n", ":2:", "must begin with __label__; came '싫다'"),
    (
        "fastText with two labels",
        "a.txt",
        "__label__1 __label__2 좋다\n",
        ":1:",
        "must have one label; a second follows",
    ),
    ("no Parquet", "a.parquet", "text,label\n", ":1:", "is not a whole Parquet file"),
    ("empty Parquet", "a.parquet", "", ":1:", "is not a whole Parquet file"),
    ("pickle", "a.pkl", b"\x80\x04.", ":", "A pickle can run code when it is read; write the rows as .parquet"),
    ("pickle by its long name", "a.pickle", b"\x80\x04.", ":", "A pickle can run code"),
    ("array", "a.npy", b"", ":", "An array has no columns"),
    ("sheet", "a.xlsx", b"PK", ":", "Save the sheet as CSV UTF-8"),
    ("empty list", "a.json", "[]", ":1:", "the list is empty"),
    ("empty document", "a.json", " \n", ":1:", "it is empty"),
    ("document of another shape", "a.json", '{"rows": []}', ":1:", "must be a list of objects, or SQuAD's"),
    ("number for a document", "a.json", "3", ":1:", "came a int"),
    ("cut document", "a.json", '[\n{"text": "a"},\n{"text"', ":3:", "must be JSON: Expecting ':' delimiter"),
    ("lines of JSON in a document", "a.json", JSON + JSON, ":2:", "One object a line is .jsonl"),
    ("NaN in a document", "a.json", '[{"label": NaN}]', ":1:", "NaN is not JSON"),
    ("deep document", "a.json", "[" * 100_000, ":1:", "must be JSON: maximum recursion depth"),
    ("broken UTF-8 in a document", "a.json", b'[\n"\xff"]', ":2:", "byte 0xFF is not UTF-8"),
    ("UTF-16 document", "a.json", "[]".encode("utf-16"), ":1:", "this is UTF-16"),
    ("text in a list", "a.json", '[{"text": "a"}, 3]', ":2:", "must be a JSON object; came a int"),
    ("surrogate in a document", "a.json", '[{"text": "\\ud800"}]', ":1:", "surrogates not allowed"),
    ("article without paragraphs", "a.json", '{"data": [{"paragraphs": []}, {}]}', ":1:", "article 2 must have a list"),
    (
        "paragraph without a context",
        "a.json",
        '{"data": [{"paragraphs": [{"qas": []}]}]}',
        ":1:",
        "paragraph 1 of article 1 must have a context (a text) and qas (a list)",
    ),
    (
        "question that is none",
        "a.json",
        '{"data": [{"paragraphs": [{"context": "", "qas": [3]}]}]}',
        ":1:",
        "a question of paragraph 1 of article 1 must be an object; came a int",
    ),
    (
        "token without a tag",
        "a.conll",
        "EU B-ORG\nrejects\n",
        ":2:",
        "must hold a token and, in its last column, a tag",
    ),
    ("columns without a sentence", "a.bio", "-DOCSTART- O\n\n", ":1:", "must hold rows"),
    (
        "unknown suffix",
        "a.doc",
        "",
        ":",
        "must end in one of .csv .tsv .jsonl .txt .conll .bio .json .parquet; it ends in '.doc'",
    ),
    ("no suffix", "a", "", ":", "it ends in 'nothing'"),
]

# Rows that read, but are no examples of the task "single".
NO_EXAMPLES = [
    ("label missing", "a.tsv", HEAD + "좋다\t1\n싫다\t\n", ":3:", "the label is missing"),
    ("label null", "a.jsonl", '{"text": "a", "label": null}\n', ":1:", "the label is missing"),
    ("label left out", "a.jsonl", JSON + '{"text": "a"}\n', ":2:", "the label is missing"),
    (
        "label list",
        "a.jsonl",
        '{"text": "a", "label": [1, 2]}\n',
        ":1:",
        "a label must be a word or a whole number; came list",
    ),
    ("label fraction", "a.jsonl", '{"text": "a", "label": 0.5}\n', ":1:", "came float '0.5'"),
    ("text null", "a.jsonl", JSON + '{"text": null, "label": 1}\n', ":2:", "the text is missing"),
    ("text left out", "a.jsonl", JSON + '{"label": 1}\n', ":2:", "the text is missing"),
    ("text number", "a.jsonl", '{"text": 3, "label": 1}\n', ":1:", "the text must be text; came int '3'"),
    ("no text column", "a.tsv", "documnet\tlabel\na\tb\n", ":1:", 'columns = {text = "documnet"}'),
    (
        "no label column",
        "a.tsv",
        "text\tscore\na\tb\n",
        ":1:",
        "no column has a usual name of label; came: 'text', 'score'",
    ),
]


@pytest.mark.parametrize(
    ("name", "content", "place", "piece"), [m[1:] for m in MALFORMED], ids=[m[0] for m in MALFORMED]
)
def test_malformed_files_are_refused_with_their_place(write, name, content, place, piece):
    path = write(name, content)
    with pytest.raises(DataError) as caught:
        list(rows(path))
    assert str(caught.value).startswith(f"{path}{place} ")
    assert piece in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "place", "piece"), [m[1:] for m in NO_EXAMPLES], ids=[m[0] for m in NO_EXAMPLES]
)
def test_rows_that_are_no_examples_are_refused_with_their_place(write, name, content, place, piece):
    path = write(name, content)
    with pytest.raises(DataError) as caught:
        load_split(path)
    assert str(caught.value).startswith(f"{path}{place} ")
    assert piece in str(caught.value)


def test_missing_files_and_folders(write, tmp_path):
    path = write("data/train.tsv", HEAD)
    with pytest.raises(DataError, match=r"there is no such file\. Did you mean 'train\.tsv'\?"):
        list(rows(path.with_name("trian.tsv")))
    with pytest.raises(DataError, match="there is no such file"):
        list(rows(tmp_path / "nowhere" / "train.tsv"))
    with pytest.raises(DataError, match=r"data: must be a file; it is a folder\. Name a file in it: train\.tsv"):
        list(rows(path.parent))


def test_a_file_that_opens_but_does_not_read(tmp_path):
    """As on a broken disk: reading the first page of a process's memory gives an input/output error."""
    path = tmp_path / "a.tsv"
    path.symlink_to("/proc/self/mem")
    with pytest.raises(DataError, match=r"a\.tsv: could not be read: Input/output error"):
        list(rows(path))


PIECES = [
    "text",
    "label",
    "\t",
    ",",
    '"',
    "\n",
    "\r\n",
    "{",
    "}",
    ":",
    "[",
    "]",
    "1",
    "가",
    "__label__",
    "## ",
    "B-PS",
    " ",
    "\0",
    "\\ud8",
]
CONTENTS = st.one_of(st.binary(), st.lists(st.sampled_from(PIECES)).map(lambda pieces: "".join(pieces).encode()))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(CONTENTS, st.sampled_from(SUFFIXES))
def test_whatever_comes_there_is_no_other_error(write, content, suffix):
    path = write("a" + suffix, content)
    lines, error = [0], f"{path}:"
    try:
        lines += [item.line for item in scan(path)]
    except DataError as caught:
        error = str(caught)
    assert error.startswith(f"{path}:")
    assert lines == sorted(lines)


# What goes wrong in the second row of three, by format.
ONE_BAD_ROW = [
    ("a.tsv", HEAD.encode() + b"a\t1\nb\nc\t3\n"),
    ("a.tsv", HEAD.encode() + b"a\t1\n\xff\t2\nc\t3\n"),
    ("a.csv", b"text,label\na,1\nb,2,2\nc,3\n"),
    ("a.csv", b'text,label\na,1\n"b"b,2\nc,3\n'),
    ("a.csv", b"text,label\na,1\n\0,2\nc,3\n"),
    ("a.jsonl", b'{"text": "a"}\n{"text"\n{"text": "c"}\n'),
    ("a.txt", b"__label__1 a\nb\n__label__3 c\n"),
    ("a.txt", b"text\tlabel\na\t1\nb\nc\t3\n"),
    ("a.json", b'[{"text": "a"}, 2, {"text": "c"}]'),
]


@pytest.mark.parametrize(("name", "content"), ONE_BAD_ROW)
def test_one_bad_row_does_not_hide_the_others(write, name, content):
    first, bad, last = scan(write(name, content))
    assert (first.values["text"], last.values["text"]) == ("a", "c")
    assert isinstance(bad, Rejected)
    assert bad.line == first.line + 1 == last.line - 1
