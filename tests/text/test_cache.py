"""analyse: the columns hold what the tokenizer gives, and the cache never answers for another text or tokenizer."""

from __future__ import annotations

import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yeonma.records import Piece
from yeonma.text import Analysed, Tokenizer, Whitespace, WordPiece, analyse, make_tokenizer

TEXTS = ["영화 가 좋다", "", "영화\u3000는 영화 \ud800", " \n", "한\0글 😀 끝"]


class Counted(Whitespace):
    """Whitespace that counts the texts it was asked for."""

    asked = 0

    def _pieces(self, text: str) -> list[Piece]:
        self.asked += 1
        return super()._pieces(text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path))
    return tmp_path / "tokens"


def pieces_of(analysed: Analysed, i: int) -> list[Piece]:
    ids, spans = analysed[i]
    return [Piece(analysed.words[w], *span) for w, span in zip(ids.tolist(), spans.tolist(), strict=True)]


def same(a: Analysed, b: Analysed) -> bool:
    columns = all(np.array_equal(getattr(a, name), getattr(b, name)) for name in ("ids", "spans", "bounds"))
    return a.words == b.words and columns


def asked(texts: list[str], tokenizer: Tokenizer) -> int:
    """How many texts the tokenizer had to read for this analysis."""
    before = tokenizer.asked
    analyse(texts, tokenizer)
    return tokenizer.asked - before


@pytest.mark.parametrize("name", ["whitespace", "jamo", "mecab"])
def test_columns_hold_the_pieces(folder, name):
    tokenizer = make_tokenizer(name)
    for analysed in (analyse(TEXTS, tokenizer), analyse(TEXTS, tokenizer), analyse(TEXTS, tokenizer, cache=False)):
        assert len(analysed) == len(TEXTS)
        assert [pieces_of(analysed, i) for i in range(len(TEXTS))] == [tokenizer.pieces(text) for text in TEXTS]
        assert analysed.words == list(dict.fromkeys(p.form for text in TEXTS for p in tokenizer.pieces(text)))
        assert (analysed.ids.dtype, analysed.spans.dtype, analysed.bounds.dtype) == (np.int32, np.int32, np.int64)
        assert analysed.spans.shape == (len(analysed.ids), 2)


def test_an_index_outside_is_an_index_error():
    analysed = analyse(["가"], Whitespace(), cache=False)
    for i in (1, -1):
        with pytest.raises(IndexError, match="of 1"):
            analysed[i]


@pytest.mark.parametrize("texts", [[], [""], ["", " "]])
def test_nothing_is_kept_too(folder, texts):
    for _ in range(2):
        analysed = analyse(texts, Counted())
        assert (analysed.words, analysed.ids.shape, analysed.spans.shape) == ([], (0,), (0, 2))
        assert analysed.bounds.tolist() == [0] * (len(texts) + 1)


def test_the_second_time_comes_from_the_cache(folder):
    tokenizer = Counted()
    assert asked(TEXTS, tokenizer) == len(TEXTS)
    assert asked(list(TEXTS), Counted()) == 0
    assert len(list(folder.iterdir())) == 1


def test_what_changes_the_pieces_misses(folder, monkeypatch):
    asked(TEXTS, Counted())
    assert asked([*TEXTS, "새 글"], Counted()) > 0
    assert asked(TEXTS[::-1], Counted()) > 0
    assert asked(TEXTS, Counted(lowercase=True)) > 0
    monkeypatch.setattr(Counted, "_versions", lambda self: {"dictionary": "2"})
    assert asked(TEXTS, Counted()) > 0


def test_a_tokenizer_trained_on_something_else_misses(folder):
    for lines in (["영화 영화", "좋다 좋다"], ["영화 영화", "좋다 좋다", "한글 한글"]):
        tokenizer = WordPiece.train(lines, vocab_size=50)
        assert pieces_of(analyse(["한글 영화"], tokenizer), 0) == tokenizer.pieces("한글 영화")
    assert len(list(folder.iterdir())) == 2


texts = st.lists(st.text(alphabet="ab 가", max_size=4), max_size=4)


@given(texts, texts)
def test_only_equal_texts_share_a_key(a, b):
    from yeonma.text.cache import _key

    assert (_key(a, Whitespace()) == _key(b, Whitespace())) == (a == b)


def test_the_border_between_texts_counts(folder):
    assert asked(["ab", "c"], Counted()) == 2
    assert asked(["a", "bc"], Counted()) == 2


def test_cache_false_neither_reads_nor_writes(folder):
    analyse(TEXTS, Counted(), cache=False)
    assert not folder.exists()
    analyse(TEXTS, Counted())
    tokenizer = Counted()
    analyse(TEXTS, tokenizer, cache=False)
    assert tokenizer.asked == len(TEXTS)


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("breaking", [cut, flipped, lambda data: b"", lambda data: b"\xff" * 100, lambda data: b"{}"])
def test_a_broken_file_is_made_again(folder, breaking):
    whole = analyse(TEXTS, Counted())
    (path,) = folder.iterdir()
    path.write_bytes(breaking(path.read_bytes()))
    assert asked(TEXTS, Counted()) == len(TEXTS)
    assert asked(TEXTS, Counted()) == 0
    assert same(analyse(TEXTS, Counted()), whole)


def test_a_foreign_file_of_the_right_form_is_made_again(folder):
    from safetensors.numpy import save_file

    analyse(TEXTS, Counted())
    (path,) = folder.iterdir()
    save_file({"ids": np.zeros(3, np.int32)}, path)
    assert asked(TEXTS, Counted()) == len(TEXTS)


def test_killed_while_writing_leaves_nothing_that_could_be_read(folder):
    code = (
        "import os, signal\n"
        "from yeonma.text import Whitespace, analyse\n"
        "os.replace = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)\n"
        "analyse(['영화 가 좋다'] * 100, Whitespace())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert list(folder.glob("*.safetensors")) == []
    assert analyse(["영화 가 좋다"] * 100, Whitespace()).ids.tolist() == [0, 1, 2] * 100
    assert len(list(folder.glob("*.safetensors"))) == 1


def test_a_cache_that_cannot_be_written_costs_only_a_warning(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("YEONMA_CACHE", str(tmp_path / "file"))
    assert analyse(["영화 가"], Whitespace()).words == ["영화", "가"]
    assert "not kept" in caplog.text


def test_progress_ends_at_the_whole(folder):
    seen: list[tuple[str, int, int | None, str]] = []
    for _ in range(2):
        analyse(["영화 가"] * 10_000, Whitespace(), progress=lambda *report: seen.append(report))
        assert seen[-1] == ("tokenize", 10_000, 10_000, "texts")
    counts = [done for _, done, _, _ in seen]
    assert counts[: len(counts) - 1] == sorted(counts[: len(counts) - 1])
    assert len(seen) > 3
