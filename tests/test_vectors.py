"""Word vectors: every fault of a file is named with its line, and what is written comes back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from builders import ended
from yeonma.errors import VectorsError
from yeonma.processes import signature
from yeonma.subwords import Ngrams, Subwords
from yeonma.text.tokenizers import Whitespace
from yeonma.vectors import Coverage, Vectors, is_vectors_folder

WORDS = ["영화", "최고", "word", "<unk>"]
MATRIX = np.array([[1, 0], [0.9, 0.1], [-1, 0.5], [0, 0]], np.float32)

FAULTS = {
    # name: (bytes, line or None, what the message must say)
    "empty": (b"", None, "empty"),
    "nan": (b"2 2\na 1 2\nb nan 2\n", 3, "'b' must be finite"),
    "inf without header": (b"a 1 2\nb 1 inf\n", 2, "'b' must be finite"),
    "too large for float32": (b"a 1 2\nb 1 1e39\n", 2, "'b' must be finite"),
    "short row": (b"2 3\na 1 2 3\nb 1 2\n", 3, "3 numbers were expected, but 'b' has 2"),
    "row of one number": (b"2 3\na 1 2 3\nb 1\n", 3, "3 numbers were expected, but 'b' has 1"),
    "long row": (b"a 1 2\nb 1 2 3\n", 2, "2 numbers were expected, but 'b' has 3"),
    "blank first line": (b" \na 1 2\n", 1, "the line is blank"),
    "blank line": (b"a 1 2\n\nb 1 2\n", 2, "the line is blank"),
    "not a number": (b"a 1 2\nb 1 x2\n", 2, "'x2' is not a number"),
    "duplicate": (b"a 1 2\nb 3 4\na 5 6\n", 3, "'a' stands here for the second time; line 1 has it too"),
    "duplicate after a header": (b"3 2\na 1 2\nb 3 4\na 5 6\n", 4, "line 2 has it too"),
    "more rows than claimed": (b"2 2\na 1 2\nb 1 2\nc 1 2\n", 4, "claims 2 words, but 3 lines follow"),
    "fewer rows than claimed": (b"3 2\na 1 2\nb 12345 2\n", 3, "claims 3 words, but 2 lines follow"),
    "absurd words": (b"2000000000 300\na 1 2\n", 1, "cannot stand in a file of 21 bytes"),
    "absurd dimension": (b"1 2000000000\na 1 2\n", 1, "cannot stand in a file of 19 bytes"),
    "absurd digits": (b"9" * 5000 + b" 300\na 1 2\n", 1, "cannot stand in a file"),
    "header of nothing": (b"0 300\n", 1, "at least one word"),
    "header alone": (b"5 3", 1, "cannot stand in a file of 3 bytes"),
    "invalid UTF-8": (b"a 1 2\n\xb0\xa1 1 2\n", 2, "must be UTF-8"),
    "word with a blank": (b"a 1 2\nat name 1 2\n", 2, "must not hold a blank, but this line begins with 'at name'"),
    "words of dots": (b"2 2\na 1 2\n. . . 1 2\n", 3, "begins with '. . .'"),
    "prose": ("아무 글이나\n".encode(), 1, "'글이나' is not a number"),
    "one word a line": (b"a\nb\n", 1, "a word and its numbers were expected"),
    "cut binary": (b"2 2\na \x00\x00\x80\x3f\x00\x00\x00\x40\nb \x00\x00\n", None, "word"),
}


def vectors(**changes) -> Vectors:
    parts = {"words": WORDS, "matrix": MATRIX, "counts": np.array([9, 5, 2, 1]), "config": {"method": "word2vec"}}
    return Vectors(**(parts | {"tokenizer": Whitespace(lowercase=True)} | changes))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_its_line(tmp_path, fault):
    content, line, message = FAULTS[fault]
    path = tmp_path / "x.vec"
    path.write_bytes(content)
    with pytest.raises(VectorsError) as raised:
        Vectors.load(path)
    assert message in raised.value.message
    assert raised.value.file == path
    if line is not None:
        assert raised.value.line == line
        assert str(raised.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    "content", [b"2 2\na 1 2\nb 3 4\n", b"a 1 2\nb 3 4", b"\xef\xbb\xbf2 2\r\na 1 2 \r\nb\t3\t4 \r\n"]
)
def test_word2vec_glove_and_fasttext_text_are_told_apart(tmp_path, content):
    (tmp_path / "x.vec").write_bytes(content)
    read = Vectors.read_file(tmp_path / "x.vec")
    assert read.words == ["a", "b"]
    assert read.matrix.dtype == np.float32
    assert read.matrix.tolist() == [[1, 2], [3, 4]]


def test_unicode_blanks_and_line_ends_stay_inside_a_word(tmp_path):
    (tmp_path / "x.vec").write_text("2 1\na\u00a0b\u2028c 1\nd\x85 2\n", encoding="utf-8")
    assert Vectors.load(tmp_path / "x.vec").words == ["a\u00a0b\u2028c", "d\x85"]


def test_memory_is_bounded_by_the_file_not_by_its_header(tmp_path):
    """In 1 GB of address space beyond what the import took, absurd claims end in a message."""
    for name, content in {
        "a.vec": b"2000000000 300\na 1 2\n",
        "b.vec": b"a" + b" 1" * 10_000 + b"\n" * 100_000,
    }.items():
        (tmp_path / name).write_bytes(content)
        code = (
            "import resource, sys; from yeonma.vectors import Vectors; from yeonma.errors import VectorsError\n"
            "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
            "resource.setrlimit(resource.RLIMIT_AS, (held + 2**30,) * 2)\n"
            "try: Vectors.load(sys.argv[1])\n"
            "except VectorsError as error: print(error.line)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, tmp_path / name], capture_output=True, text=True, check=False
        )
        assert done.stdout == {"a.vec": "1\n", "b.vec": "2\n"}[name], done.stderr


@pytest.mark.parametrize(
    "name", ["x.bin", "x.npy", "x.npz", "x.pt", "x.pkl", "x.model", "x.kv", "x.gz", "x.safetensors"]
)
def test_other_formats_are_refused_with_the_safe_way(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04cos\nsystem\n(S'touch harm'\ntR.")
    with pytest.raises(VectorsError, match=r"write it as text|Unpack the file|Give the folder"):
        Vectors.load(tmp_path / name)
    assert not (tmp_path / "harm").exists()


def test_a_missing_path_is_an_error_in_words(tmp_path):
    with pytest.raises(VectorsError, match="no such folder or file"):
        Vectors.load(tmp_path / "none")


words = st.text(st.characters(codec="utf-8", exclude_characters=" \t\n\r\x0b\x0c\ufeff"), min_size=1, max_size=8)
numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw, least_dim):
    names = draw(st.lists(words, min_size=1, max_size=6, unique=True))
    dim = draw(st.integers(least_dim, 4))
    rows = draw(st.lists(st.lists(numbers, min_size=dim, max_size=dim), min_size=len(names), max_size=len(names)))
    return names, np.array(rows, np.float32)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.one_of(st.tuples(st.just("word2vec"), tables(1)), st.tuples(st.just("glove"), tables(2))))
def test_text_gives_back_every_word_and_bit(tmp_path, case):
    form, (names, rows) = case
    Vectors(names, rows).write_file(tmp_path / "x.txt", form)
    read = Vectors.read_file(tmp_path / "x.txt")
    assert read.words == names
    assert read.matrix.tobytes() == rows.tobytes()


@pytest.mark.parametrize("word", ["two words", "tab\t", "", "line\nbreak", "\ud800"])
def test_a_word_that_a_text_file_cannot_hold_is_refused_and_nothing_is_written(tmp_path, word):
    with pytest.raises(VectorsError, match="vectors folder"):
        Vectors([word], MATRIX[:1]).write_file(tmp_path / "x.txt")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_text_format_is_refused(tmp_path):
    with pytest.raises(VectorsError, match="no format .* called 'swivel'.*Known: glove, word2vec, word2vec-binary"):
        vectors().write_file(tmp_path / "x", "swivel")


def test_a_folder_gives_back_everything(tmp_path):
    vectors(words=["두 낱말", "a\rb", "c\u2028", "d"]).save(tmp_path / "v")
    read = Vectors.load(tmp_path / "v")
    assert list(read.words) == ["두 낱말", "a\rb", "c\u2028", "d"]
    assert read.matrix.tobytes() == MATRIX.tobytes()
    assert read.counts.tolist() == [9, 5, 2, 1]
    assert read.config == {"method": "word2vec"}
    assert read.tokenizer.fingerprint() == Whitespace(lowercase=True).fingerprint()
    assert is_vectors_folder(tmp_path / "v")
    assert [path.name for path in tmp_path.iterdir()] == ["v"]


def test_a_folder_without_counts_and_tokenizer(tmp_path):
    vectors(counts=None, tokenizer=None).save(tmp_path / "v")
    read = Vectors.load(tmp_path / "v")
    assert read.counts is None
    assert read.tokenizer is None
    assert set(load_file(tmp_path / "v" / "vectors.safetensors")) == {"embeddings"}


def test_saving_again_replaces_the_folder(tmp_path):
    vectors().save(tmp_path / "v")
    vectors(words=["a"], matrix=MATRIX[:1], counts=None).save(tmp_path / "v")
    assert list(Vectors.load(tmp_path / "v").words) == ["a"]


@pytest.mark.parametrize("word", ["", "line\nbreak", "\udc80"])
def test_a_word_that_a_folder_cannot_hold_is_refused_and_nothing_is_written(tmp_path, word):
    with pytest.raises(VectorsError):
        Vectors([word], MATRIX[:1]).save(tmp_path / "v")
    assert list(tmp_path.iterdir()) == []


BREAKS = {
    "vectors.safetensors is missing": lambda v: (v / "vectors.safetensors").unlink(),
    "words.txt is missing": lambda v: (v / "words.txt").unlink(),
    "vectors.safetensors has changed": lambda v: (v / "vectors.safetensors").write_bytes(b"\0" * 64),
    "words.txt has changed": lambda v: (v / "words.txt").write_text("a\nb\n"),
    "tokenizer.json has changed": lambda v: (v / "tokenizer.json").write_text("{}"),
    "config.json is missing": lambda v: (v / "config.json").unlink(),
}


@pytest.mark.parametrize("problem", BREAKS)
def test_a_folder_that_is_not_what_was_written_is_refused(tmp_path, problem):
    vectors().save(tmp_path / "v")
    BREAKS[problem](tmp_path / "v")
    expected = problem.split()[0] if "config" in problem or "changed" in problem else "must hold"
    with pytest.raises(VectorsError, match=expected):
        Vectors.load(tmp_path / "v")


def test_the_card_may_be_edited(tmp_path):
    vectors().save(tmp_path / "v")
    (tmp_path / "v" / "README.md").write_text("mine")
    assert list(Vectors.load(tmp_path / "v").words) == WORDS


def by_hand(folder: Path, tensors: dict[str, np.ndarray] | bytes, lines: bytes) -> Path:
    """A folder without a manifest: what somebody else wrote."""
    folder.mkdir()
    if isinstance(tensors, bytes):
        (folder / "vectors.safetensors").write_bytes(tensors)
    else:
        save_file(tensors, folder / "vectors.safetensors")
    (folder / "words.txt").write_bytes(lines)
    return folder


HUGE_HEADER = (2**62).to_bytes(8, "little") + b"{}"
FOREIGN = {
    "fewer words than rows": ({"embeddings": MATRIX}, b"a\nb\n", "2 words and shape"),
    "more words than rows": ({"embeddings": MATRIX[:1]}, b"a\nb\n", "2 words and shape"),
    "the same word twice": ({"embeddings": MATRIX[:3]}, b"a\nb\na\n", "'a' is word 1 and word 3"),
    "NaN": ({"embeddings": np.array([[1, 2], [np.nan, 1]], np.float32)}, b"a\nb\n", "'b'"),
    "another tensor name": ({"weight": MATRIX}, b"a\n", "'embeddings' was expected; found: weight"),
    "another type": ({"embeddings": MATRIX.astype(np.float64)}, b"a\nb\nc\nd\n", "float64"),
    "three dimensions": ({"embeddings": MATRIX[None]}, b"a\n", "float32 matrix"),
    "counts of another length": (
        {"embeddings": MATRIX[:1], "counts": np.array([1, 2])},
        b"a\n",
        "counts must be int64",
    ),
    "words not UTF-8": ({"embeddings": MATRIX[:2]}, b"a\n\xff\n", "words.txt:2: "),
    "no safetensors": (b"not safetensors at all", b"a\n", "not a whole safetensors file"),
    "empty safetensors": (b"", b"a\n", "not a whole safetensors file"),
    "a header of 2^62 bytes": (HUGE_HEADER, b"a\n", "not a whole safetensors file"),
}


@pytest.mark.parametrize("fault", FOREIGN)
def test_a_folder_somebody_else_wrote_is_checked(tmp_path, fault):
    tensors, lines, message = FOREIGN[fault]
    folder = by_hand(tmp_path / "v", tensors, lines)
    with pytest.raises(VectorsError) as raised:
        Vectors.load(folder)
    assert message in str(raised.value)
    assert str(folder) in str(raised.value)


def test_a_folder_somebody_else_wrote_is_read(tmp_path):
    read = Vectors.load(by_hand(tmp_path / "v", {"embeddings": MATRIX[:2]}, "가\n나\n".encode()))
    assert (list(read.words), read.config) == (["가", "나"], {})


def test_a_broken_config_is_named(tmp_path):
    folder = by_hand(tmp_path / "v", {"embeddings": MATRIX[:1]}, b"a\n")
    (folder / "config.json").write_text("{cut")
    with pytest.raises(VectorsError, match=r"config\.json is not whole JSON"):
        Vectors.load(folder)


def test_the_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "model.bin").touch()
    with pytest.raises(VectorsError, match=r"must hold vectors\.safetensors and words\.txt"):
        Vectors.load(tmp_path)


def test_nearest_words_by_cosine_without_the_word_itself():
    near = vectors().nearest("영화", 2)
    assert [word for word, _ in near] == ["최고", "<unk>"]
    assert near[0][1] == pytest.approx(0.9 / np.hypot(0.9, 0.1))
    assert near[1][1] == 0  # a zero row is near nothing
    assert len(vectors().nearest("word")) == 3


def test_an_unknown_word_names_words_written_like_it():
    with pytest.raises(VectorsError, match=r"'wort' must be one of the 4 words.*'word'"):
        vectors().nearest("wort")


def test_coverage_counts_types_and_tokens():
    assert vectors().coverage({"영화": 7, "최고": 1, "모름": 3, "드문": 5}) == Coverage(
        2, 4, 8, 16, [("드문", 5), ("모름", 3)]
    )
    assert vectors().coverage({}) == Coverage(0, 0, 0, 0, [])
    assert len(vectors().coverage({str(i): i for i in range(30)}).unknown) == 20


def test_coverage_tells_what_n_grams_compose():
    ngrams = Ngrams(minn=1, maxn=1, buckets=1000)
    ids = np.unique(ngrams.hashed(["모"])[0])
    covered = vectors(subwords=Subwords(ngrams, ids, np.ones((len(ids), 2), np.float32)))
    found = covered.coverage({"영화": 7, "모름": 3, "모자": 2, "드문": 5})
    assert (found.known_types, found.known_tokens) == (1, 7)
    assert (found.composed_types, found.composed_tokens) == (2, 5)


def test_a_word_is_found_in_both_of_its_writings():
    apart = unicodedata.normalize("NFD", "영화")
    assert vectors().vector(apart).tolist() == [1, 0]
    assert vectors().nearest(apart, 1)[0][0] == "최고"


def test_a_folder_that_a_killed_process_moved_aside_is_named(tmp_path):
    vectors().save(tmp_path / "v")
    aside = tmp_path / f".v.{signature(ended())}.old"
    (tmp_path / "v").rename(aside)
    with pytest.raises(VectorsError, match=f"killed while it wrote it. Rename {re.escape(aside.name)}"):
        Vectors.load(tmp_path / "v")
    vectors(config={"newer": 1}).save(tmp_path / "v")
    assert Vectors.load(tmp_path / "v").config == {"newer": 1}
    assert not aside.exists()


def test_all_files_may_be_read_by_others_as_the_mask_says(tmp_path):
    vectors().save(tmp_path / "v")
    (tmp_path / "file").touch()
    assert {file.stat().st_mode for file in (tmp_path / "v").iterdir()} == {(tmp_path / "file").stat().st_mode}


def test_config_and_card_are_for_people(tmp_path):
    vectors(config={"method": "word2vec", "corpus": {"texts": 3}}).save(tmp_path / "v")
    assert json.loads((tmp_path / "v" / "config.json").read_text(encoding="utf-8"))["corpus"] == {"texts": 3}
    card = (tmp_path / "v" / "README.md").read_text(encoding="utf-8")
    assert "4 words of 2 numbers" in card
    assert "whitespace" in card


def test_the_import_is_light():
    code = "import sys, yeonma.vectors; print(sorted({'torch', 'pyarrow', 'safetensors', 'numba'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
