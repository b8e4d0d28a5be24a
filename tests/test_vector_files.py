"""Binary files of word vectors: told by their content, checked to the byte, given back to the bit."""

from __future__ import annotations

import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yeonma.errors import VectorsError
from yeonma.vector_files import WRITERS, kind_of
from yeonma.vectors import Vectors

ONE = struct.pack("<f", 1.5)
RECORDS = b"2 2\na " + ONE * 2 + b"\nb " + ONE * 2 + b"\n"
words = st.text(st.characters(codec="utf-8", exclude_characters=" \t\n\r\x0b\x0c\ufeff"), min_size=1, max_size=8)
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw):
    names = draw(st.lists(words, min_size=1, max_size=6, unique=True))
    dim = draw(st.integers(2, 4))
    rows = draw(st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=len(names), max_size=len(names)))
    return names, np.array(rows, np.float32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.sampled_from(sorted(WRITERS)), tables())
def test_every_format_gives_back_every_word_and_bit(tmp_path, format, table):
    names, rows = table
    Vectors(names, rows).write_file(tmp_path / "x", format)
    read = Vectors.load(tmp_path / "x")
    assert kind_of(tmp_path / "x") == ("word2vec-binary" if format == "word2vec-binary" else "text")
    assert read.words == names
    assert read.matrix.tobytes() == rows.tobytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(tables(), st.data())
def test_a_cut_binary_file_is_an_error_and_never_a_part(tmp_path, table, data):
    names, rows = table
    Vectors(names, rows).write_file(tmp_path / "x", "word2vec-binary")
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[: data.draw(st.integers(0, len(whole) - 2))])
    with pytest.raises(VectorsError):
        Vectors.load(tmp_path / "x")


FAULTS = {
    "huge rows": (b"2000000000 2\n" + RECORDS[4:], ":1: the header claims 2,000,000,000 words"),
    "huge dimension": (b"2 2000000000\n" + RECORDS[4:], "cannot stand in a file of 35 bytes"),
    "more rows than there are": (b"3 1\na " + ONE + b"\nb " + ONE + b"\n" + b"x" * 9, "byte 18: word 3 and a blank"),
    "fewer rows": (b"1 2\n" + RECORDS[4:], "byte 14: 12 bytes follow the 1 words"),
    "another dimension": (b"2 3\n" + RECORDS[4:] + b"\0" * 9, "byte"),
    "not finite": (RECORDS.replace(ONE, struct.pack("<f", np.nan)), "'a' (word 1) must be finite"),
    "the same word": (RECORDS.replace(b"b ", b"a "), "'a' is word 1 and word 2"),
    "not UTF-8": (RECORDS.replace(b"b ", b"\xb0\xa1 "), "word 2 must be UTF-8"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_binary_file_is_named_with_its_byte(tmp_path, fault):
    content, message = FAULTS[fault]
    (tmp_path / "x.bin").write_bytes(content)
    assert kind_of(tmp_path / "x.bin") == "word2vec-binary"
    with pytest.raises(VectorsError) as raised:
        Vectors.load(tmp_path / "x.bin")
    assert message in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "x.bin"))


@pytest.mark.parametrize("content", [RECORDS, RECORDS[:-1], RECORDS.replace(b"\nb", b"b")])
def test_line_ends_between_records_are_optional(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    assert Vectors.load(tmp_path / "x").words == ["a", "b"]


def test_a_byte_order_mark_and_a_wide_header_are_passed_over(tmp_path):
    for before in (b"\xef\xbb\xbf", b" " * 20_000):
        (tmp_path / "x").write_bytes(before + RECORDS)
        assert kind_of(tmp_path / "x") == "word2vec-binary"
        assert Vectors.load(tmp_path / "x").words == ["a", "b"]


@pytest.mark.parametrize("name", ["x.vec", "x.txt", "x.bin", "x"])
def test_the_name_says_nothing(tmp_path, name):
    (tmp_path / name).write_bytes(b"2 2\na 1 2\nb 3 4\n")
    assert kind_of(tmp_path / name) == "text"
    (tmp_path / name).write_bytes(RECORDS)
    assert kind_of(tmp_path / name) == "word2vec-binary"


@pytest.mark.parametrize("word", ["two words", "", "line\nbreak", "\ud800"])
def test_a_word_that_a_binary_file_cannot_hold_is_refused_and_nothing_is_written(tmp_path, word):
    with pytest.raises(VectorsError, match="vectors folder"):
        Vectors([word], np.ones((1, 2), np.float32)).write_file(tmp_path / "x", "word2vec-binary")
    assert list(tmp_path.iterdir()) == []


def fasttext(**changes) -> bytes:
    """A .bin file of two words, two numbers and three buckets, with something else in some place."""
    parts = {
        "magic": 793712314, "version": 12, "dim": 2, "bucket": 3, "minn": 3, "maxn": 6, "size": 2, "labels": 0,
        "pruned": -1, "words": [b"\xea\xb0\x80", b"</s>"], "quantised": False, "rows": 5, "columns": 2,
        "numbers": np.arange(10, dtype="<f4").tobytes(),
    }  # fmt: skip
    p = parts | changes
    arguments = (p["dim"], 5, 5, 1, 5, 1, 2, 2, p["bucket"], p["minn"], p["maxn"], 100, 1e-4)
    head = struct.pack("<2i12id", p["magic"], p["version"], *arguments)
    dictionary = struct.pack("<3iqq", p["size"], p["size"], p["labels"], 9, p["pruned"])
    entries = b"".join(word + b"\0" + struct.pack("<qb", 7, 0) for word in p["words"])
    return head + dictionary + entries + struct.pack("<?qq", p["quantised"], p["rows"], p["columns"]) + p["numbers"]


def test_a_fasttext_file_gives_words_counts_and_buckets(tmp_path):
    (tmp_path / "x").write_bytes(fasttext())
    read = Vectors.load(tmp_path / "x")
    assert (read.words, read.counts.tolist()) == (["가", "</s>"], [7, 7])
    bucket = int(read.subwords.ngrams.hashed(["가"])[0][0])  # <가> alone has three units
    assert read.matrix.tolist() == [[(0 + 4 + 2 * bucket) / 2, (1 + 5 + 2 * bucket) / 2], [2, 3]]
    assert read.vector("나").tolist() == read.subwords.matrix[int(read.subwords.ngrams.hashed(["나"])[0][0])].tolist()


@pytest.mark.parametrize(
    "without", [{"bucket": 0, "maxn": 0, "rows": 2, "numbers": bytes(16)}, {"maxn": 0}, {"minn": 7}]
)  # in the second the buckets are of n-grams of words (-wordNgrams 2)
def test_a_fasttext_file_without_n_grams(tmp_path, without):
    (tmp_path / "x").write_bytes(fasttext(**without))
    read = Vectors.load(tmp_path / "x")
    assert read.subwords is None
    assert read.matrix.tolist() == ([[0, 0], [0, 0]] if "numbers" in without else [[0, 1], [2, 3]])


def test_n_grams_end_with_the_longest_word(tmp_path):
    """Rounds for lengths that no word has would take minutes: no n-gram is longer than `<가>`."""
    (tmp_path / "x").write_bytes(fasttext(maxn=2**31 - 1))
    (tmp_path / "y").write_bytes(fasttext())
    read, usual = Vectors.load(tmp_path / "x"), Vectors.load(tmp_path / "y")
    assert read.matrix.tobytes() == usual.matrix.tobytes()
    assert read.vector("나다").tolist() == usual.vector("나다").tolist()


FASTTEXT_FAULTS = {
    "another version": ({"version": 11}, "the version must be 12, but is 11"),
    "two billion words": ({"size": 2_000_000_000}, "claims 2,000,000,000 words"),
    "no words": ({"size": 0}, "claims 0 words"),
    "supervised": ({"labels": 2}, "supervised"),
    "quantised": ({"quantised": True}, "quantised"),
    "pruned": ({"pruned": 4}, "pruned"),
    "a word without an end": ({"words": [b"a", b"b" * 50], "pruned": -1, "size": 3}, "byte"),
    "a huge matrix": ({"rows": 2**40, "bucket": 2**31 - 1}, "was expected"),
    "a huge dimension": ({"dim": 2**31 - 1, "columns": 2**31 - 1}, "more than the file holds; it is cut"),
    "negative rows": ({"rows": -5}, "was expected"),
    "cut": ({"numbers": b"\0" * 39}, "more than the file holds; it is cut"),
    "not finite": ({"numbers": np.full(10, np.inf, "<f4").tobytes()}, "row 1 of the matrix must be finite"),
    "not UTF-8": ({"words": [b"\xff", b"b"]}, "word 1 must be UTF-8"),
    "the same word": ({"words": [b"b", b"b"]}, "'b' is word 1 and word 2"),
    "an empty word": ({"words": [b"b", b""]}, "byte 103: word 2 must not be empty"),
    "a word with a blank": ({"words": [b"a b", b"c"]}, "byte 92: word 1 must not be empty or hold a blank"),
    "a word with a line end": ({"words": [b"a\n", b"c"]}, "byte 92: word 1 must not be empty or hold a blank"),
    "buckets below 0": ({"bucket": -1, "rows": 1}, "byte 40: the number of buckets must be at least 0, but is -1"),
    "no dimension": ({"dim": 0, "columns": 0}, "byte 8: the dimension must be at least 1, but is 0"),
}


@pytest.mark.parametrize("fault", FASTTEXT_FAULTS)
def test_a_fault_of_a_fasttext_file_is_named(tmp_path, fault):
    changes, message = FASTTEXT_FAULTS[fault]
    (tmp_path / "x.bin").write_bytes(fasttext(**changes))
    with pytest.raises(VectorsError) as raised:
        Vectors.load(tmp_path / "x.bin")
    assert message in str(raised.value)
    assert str(raised.value).startswith(str(tmp_path / "x.bin"))


@pytest.mark.parametrize("length", range(0, len(fasttext()) - 1, 3))
def test_a_cut_fasttext_file_is_an_error(tmp_path, length):
    (tmp_path / "x").write_bytes(fasttext()[:length])
    with pytest.raises(VectorsError):
        Vectors.load(tmp_path / "x")


def test_memory_is_bounded_by_the_file_not_by_its_header(tmp_path):
    """In 1 GB of address space beyond what the import took, absurd claims end in a message."""
    contents = {
        "binary": b"2000000000 300\na " + b"\0" * 1000,
        "fasttext": fasttext(dim=2**31 - 1, columns=2**31 - 1),
        "buckets": fasttext(bucket=2**31 - 1, rows=2**31 + 1),
    }
    code = (
        "import resource, sys; from yeonma.vectors import Vectors; from yeonma.errors import VectorsError\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + 2**30,) * 2)\n"
        "for path in sys.argv[1:]:\n"
        "    try: Vectors.load(path)\n"
        "    except VectorsError: print('refused')"
    )
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in contents]
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=False)
    assert done.stdout == "refused\n" * 3, done.stderr


@pytest.fixture
def gensim():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("gensim")


def test_gensim_writes_what_we_read_and_reads_what_we_write(gensim, tmp_path):
    from gensim.models import KeyedVectors

    names, rows = ["가", "b", "나다"], np.arange(6, dtype=np.float32).reshape(3, 2) / 7
    for binary in (True, False):
        made = KeyedVectors(2)
        made.add_vectors(names, rows)
        made.save_word2vec_format(str(tmp_path / "theirs"), binary=binary)
        assert Vectors.load(tmp_path / "theirs").words == names
        Vectors(names, rows).write_file(tmp_path / "ours", "word2vec-binary" if binary else "word2vec")
        read = KeyedVectors.load_word2vec_format(str(tmp_path / "ours"), binary=binary)
        assert (read.index_to_key, read.vectors.tobytes()) == (names, rows.tobytes())


def test_a_fasttext_file_of_gensim_gives_gensims_vectors(gensim, tmp_path: Path):
    from gensim.models import FastText
    from gensim.models.fasttext import save_facebook_model

    sentences = [["연기", "최고", "영화"], ["영화", "지루", "word"]] * 20
    model = FastText(sentences, vector_size=8, min_count=1, bucket=50, min_n=2, max_n=4, epochs=2, workers=1, seed=1)
    save_facebook_model(model, str(tmp_path / "x.bin"))
    read = Vectors.load(tmp_path / "x.bin")
    assert sorted(read.words) == sorted(model.wv.index_to_key)
    for word in [*read.words, "영화관", "words"]:
        assert np.allclose(read.vector(word), model.wv[word], atol=1e-6), word
