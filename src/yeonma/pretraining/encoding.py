"""From texts to a corpus on disk: read once, words counted, rare ones left out, ids by falling frequency."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from yeonma.errors import DataError
from yeonma.pretraining.corpus import Corpus, Counted, remove, written
from yeonma.pretraining.phrases import joined
from yeonma.records import Progress, silent
from yeonma.text.parallel import Cut, cuts
from yeonma.text.tokenizers import Tokenizer

_BLOCK = 1 << 17  # tokens handled at a time


def encode(
    texts: Iterable[str],
    tokenizer: Tokenizer,
    min_count: int = 5,
    progress: Progress = silent,
    *,
    vocab_size: int = 0,
    phrases: float = 0.0,
    threads: int = 1,
    folder: Path | None = None,
    share: Callable[[], float] = lambda: 0.0,
) -> Corpus:
    """Read texts once and number their words. Blank texts are skipped.

    min_count   words met less often are left out
    vocab_size  of the others only so many are kept, the most frequent ones; 0 keeps all
    phrases     two words that score more become one (`yeonma.pretraining.phrases`); 0 joins none
    threads     processes that cut the texts; the corpus is the same whatever their number
    folder      where tokens and bounds are written; left out: they are held in memory in the end
    share       tells how much of the texts was read, 0 … 1, so that `progress` can say of how many words

    Memory, with a folder: the distinct words (some 200 bytes each), the longest text, and buffers of less than 32 MB,
    with phrases 200 MB, whatever the corpus. The disk holds four bytes a token, meanwhile twice as many.
    Raises: DataError when nothing is left; DiskError.
    """
    if folder is None:
        with TemporaryDirectory(prefix="yeonma-") as place:
            kept = {"vocab_size": vocab_size, "phrases": phrases, "threads": threads, "share": share}
            made = encode(texts, tokenizer, min_count, progress, folder=Path(place), **kept)  # type: ignore[arg-type]
            return replace(made, tokens=made.tokens[:], bounds=made.bounds[:])
    raw = _read(cuts((text for text in texts if text.strip()), tokenizer, threads), folder, progress, share)
    if phrases:
        raw = joined(raw, phrases, min_count, folder, progress)
    return _by_frequency(raw, min_count, vocab_size, folder)


def _read(chunks: Iterator[Cut], folder: Path, progress: Progress, share: Callable[[], float]) -> Corpus:
    """All tokens, over all words in the order they were met."""
    counted = Counted()

    def numbered() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        done = 0
        for words, ids, lengths in chunks:
            rows = counted.rows(words)[ids] if words else ids
            counted.count(rows)
            done += len(rows)
            progress("read", done, round(done / share()) if share() else None, "words")
            yield rows, lengths
        progress("read", done, done, "words")

    tokens, bounds = written(folder, "read-", numbered())
    remove(folder, "read-")
    if not len(tokens):
        raise DataError("The corpus holds no word: all its texts are blank. Check the files and the column.")
    return Corpus(list(counted.index), counted.counts, tokens, bounds)


def _by_frequency(raw: Corpus, min_count: int, vocab_size: int, folder: Path) -> Corpus:
    """Choose the vocabulary and number its words anew."""
    kept = _chosen(raw, min_count, vocab_size)
    rank = np.full(len(raw.words), -1, np.int32)
    rank[kept] = np.arange(len(kept), dtype=np.int32)

    def renumbered() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for first, last in pairwise(raw.cuts(_BLOCK).tolist()):
            tokens, bounds = raw.texts(first, last)
            ranks = rank[tokens]
            before = np.concatenate([[0], np.cumsum(ranks >= 0)])
            yield ranks[ranks >= 0], np.diff(before[bounds])

    tokens, bounds = written(folder, "", renumbered())
    words = [raw.words[row] for row in kept.tolist()]
    return Corpus(words, raw.counts[kept], tokens, bounds, len(raw.tokens) - len(tokens), raw.pairs)


def _chosen(raw: Corpus, min_count: int, vocab_size: int) -> np.ndarray:
    """The old numbers of the words that are kept, the most frequent first."""
    order = np.argsort(-raw.counts, kind="stable")
    kept = order[: int((raw.counts >= min_count).sum())]
    if not len(kept):
        raise DataError(
            f"No word occurs {min_count} times (the most frequent, {raw.words[order[0]]!r}, {raw.counts[order[0]]} "
            "times). Lower min_count or give more text."
        )
    return kept[:vocab_size] if vocab_size else kept
