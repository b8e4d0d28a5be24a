"""Static encoders: a table of word vectors under a small network; subclasses say how tokens become one vector."""

from __future__ import annotations

import zlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from yeonma.encoders.attend import TwoTexts
from yeonma.encoders.characters import LONGEST, CharacterCNN, alphabet, character_ids
from yeonma.encoders.encoder import Encoder, Rows, Settings, Start
from yeonma.encoders.spelling import Spelling, new_spelling, stacked, trimmed
from yeonma.errors import ConfigError, RunError
from yeonma.optim import RowTable
from yeonma.records import Batch, Encoded, Progress, Tokens, silent
from yeonma.text import Analysed, Tokenizer, analyse, load_tokenizer, make_tokenizer
from yeonma.text.windows import windows
from yeonma.vectors import Vectors, coverage

PAD, UNKNOWN, SPECIAL = 0, 1, ("<pad>", "<unk>")


class StaticSettings(Settings):
    """Settings that all static encoders share."""

    dim: int = Field(100, ge=1, le=10**15, description="width of the vectors where none are given")
    min_count: int = Field(2, ge=1, description="without vectors: words met less often are unknown")
    max_words: int = Field(50_000, ge=1, description="without vectors: at most so many words, the most frequent")
    padding: Literal["masked", "visible"] = Field("masked", description="visible: the network reads padding as a word")
    dropout: float = Field(0.1, ge=0, lt=1, description="on the word vectors")
    split_digits: bool = Field(False, description="mecab without vectors: digits one by one")
    rows: Literal["lazy", "dense"] = Field("lazy", description="lazy: a step costs what its words cost; same result")
    characters: int = Field(0, ge=0, description="width of character vectors beside the word vectors; 0 = none")
    character_filters: int = Field(50, ge=1, description="filters over the characters of a word")
    unknown: Literal["one", "buckets", "subwords"] = Field(
        "one", description="unknown words: one vector; hashed into unknown_buckets rows; made of their n-grams"
    )
    unknown_buckets: int = Field(
        10_000, ge=1, le=2**31 - 1, description="rows that unknown words, or their n-grams, are hashed into"
    )
    parts: int = Field(1, ge=1, le=2, description="texts in a row; set by the task")


class StaticEncoder(Encoder):
    """A word table and a network over it; with `characters` also a table of characters and a CNN over each word's.

    Row 0 of the table is padding and row 1 stands for every unknown word; both are trained only where the settings let
    the network see them. A row without a word is read as one unknown word. `entry` is the width of what the network
    reads: the word vector and, behind it, what the characters say.

    `unknown` says what an unknown word is: "one" is row 1 for all of them; "buckets" one of further rows, told by a
    hash of the word; "subwords" row 1 plus the mean of the rows of the word's n-grams (Bojanowski et al. 2017,
    Q17-1010), which are those of the vectors where they have subwords (row 1 is then zero at first), and else
    character 1- to 3-grams in `unknown_buckets` rows that are zero at first. All these rows are trained.
    """

    Settings: ClassVar[type[Settings]] = StaticSettings

    def __init__(
        self,
        settings: Any,
        tokenizer: Tokenizer,
        vocabulary: Sequence[str],
        dim: int,
        characters: Sequence[str] = (),
        ngrams: Spelling | None = None,
    ) -> None:
        super().__init__()
        if settings.parts == 2 and settings.padding == "visible":
            raise ConfigError('encoder.padding = "visible" is for rows of one text; this task reads two. Use "masked".')
        self.settings, self.tokenizer, self.vocabulary = settings, tokenizer, list(vocabulary)
        self.alphabet = list(characters)
        self.index = {word: row for row, word in enumerate(self.vocabulary, start=len(SPECIAL))}
        self.buckets = settings.unknown_buckets if settings.unknown == "buckets" else 0
        rows, masked = len(SPECIAL) + len(self.vocabulary) + self.buckets, settings.padding == "masked"
        table = RowTable if settings.rows == "lazy" else nn.Embedding
        self.table = table(rows, dim, padding_idx=PAD if masked else None)
        self.ngrams = ngrams
        self.spelling = (
            CharacterCNN(len(self.alphabet), settings.characters, settings.character_filters)
            if settings.characters
            else None
        )
        self.entry = dim + (settings.character_filters if settings.characters else 0)
        self.dropout = nn.Dropout(settings.dropout)
        self._coverage: dict[str, Any] = {}

    @abstractmethod
    def contextualize(self, x: Tensor, mask: Tensor) -> Encoded:
        """What the words of one text say, (B, T, entry), and mask (B, T) → the encoder's output."""

    @abstractmethod
    def compare(self, x: Tensor, texts: TwoTexts) -> Encoded:
        """The same for rows of two texts that read each other."""

    @abstractmethod
    def network(self) -> list[nn.Module]:
        """The layers above the words, from the bottom up."""

    def layers(self) -> list[nn.Module]:
        """The word table (with it the n-grams of unknown words), the characters, then the network."""
        words = self.table if self.ngrams is None else nn.ModuleList((self.table, self.ngrams))
        return [words, *(() if self.spelling is None else (self.spelling,)), *self.network()]

    @classmethod
    def prepare(
        cls, settings: Any, texts: Sequence[str], start: Start, parts: int = 1, progress: Progress = silent
    ) -> Self:
        """Take words and rows from the vectors, or the most frequent words of the texts with random rows.

        Raises: ConfigError for a path, which only a pretrained encoder has.
        """
        if start.path is not None:
            raise ConfigError(
                f"encoder.path is for a pretrained encoder; {cls.kind!r} has none, but {start.path!r} came. "
                "Name static vectors in encoder.vectors."
            )
        settings = settings.model_copy(update={"parts": parts})
        known = Vectors.load(Path(start.vectors)) if start.vectors else None
        reader = _tokenizer(settings, known, start.tokenizer)
        counts = word_counts(analyse(texts, reader, progress=progress))
        letters = alphabet(texts, settings.min_count) if settings.characters else ()
        if known is None:
            frequent = [w for w, n in sorted(counts.items(), key=lambda item: -item[1]) if n >= settings.min_count]
            spelled = new_spelling(settings, None, settings.dim)
            encoder = cls(settings, reader, frequent[: settings.max_words], settings.dim, letters, spelled)
            encoder.start_at_random()
        else:
            dim = known.dim
            own = settings.model_copy(update={"dim": dim})
            encoder = cls(own, reader, known.words, dim, letters, new_spelling(settings, known.subwords, dim))
            encoder.start_from(torch.from_numpy(known.matrix), composed=known.subwords is not None)
        subwords = known.subwords if known is not None and encoder.ngrams is not None else None
        facts = coverage(counts, encoder.index, subwords)._asdict()
        unknown = dict(facts["unknown"])
        encoder._coverage = {"vectors": start.vectors, "rows": len(encoder.index), **facts, "unknown": unknown}
        return encoder

    @torch.no_grad()
    def start_at_random(self) -> None:
        """Rows from a normal distribution of deviation 0.5, cut at ±1; masked padding is zero."""
        nn.init.trunc_normal_(self.table.weight, std=0.5, a=-1.0, b=1.0)
        if self.table.padding_idx is not None:
            self.table.weight[PAD].zero_()

    @torch.no_grad()
    def start_from(self, rows: Tensor, composed: bool = False) -> None:
        """Rows of the vectors; unknown words start at their mean (visible padding at random).

        composed  whether the vectors' own n-grams make unknown words: then nothing is added to these
        """
        self.start_at_random()
        self.table.weight[len(SPECIAL) : len(SPECIAL) + len(rows)] = rows
        self.table.weight[len(SPECIAL) + len(rows) :] = rows.mean(0)
        self.table.weight[UNKNOWN] = rows.mean(0) if self.ngrams is None or not composed else 0

    def tokenize(
        self, rows: Rows, max_length: int, stride: int | None = None, progress: Progress = silent, cache: bool = True
    ) -> list[Tokens]:
        """The texts of a row one after another; rows longer than `max_length` as `yeonma.text.windows` says."""
        texts = [text for row in rows for text in row]
        analysed = analyse(texts, self.tokenizer, progress, cache)
        letters, blank = None, Tokens(np.array([UNKNOWN]), np.zeros((1, 2), np.int32), np.array([-1], np.int8))
        if self.spelling is not None:
            letters = character_ids(self.alphabet, texts, analysed.spans, analysed.bounds)
            blank = replace(blank, characters=np.zeros((1, LONGEST), np.int32))
        part = np.repeat([part for row in rows for part in range(len(row))], np.diff(analysed.bounds)).astype(np.int8)
        counts, bounds = [len(row) for row in rows], analysed.bounds.tolist()
        known = self.rows_of(analysed.words)
        columns = Tokens(known[analysed.ids], analysed.spans, part, characters=letters)
        if self.ngrams is None:
            return _read_rows(counts, columns, bounds, blank, max_length, stride)
        unknown = np.flatnonzero(known == UNKNOWN)
        spelled = self.ngrams.rows([analysed.words[number] for number in unknown.tolist()])
        line = np.full(len(known), len(unknown))  # of a token that is known, or none: the last, which is empty
        line[unknown] = np.arange(len(unknown))
        columns, blank = replace(columns, ngrams=line[analysed.ids]), replace(blank, ngrams=np.array([len(unknown)]))
        return [
            replace(window, ngrams=trimmed(spelled[window.ngrams[window.ids == UNKNOWN]]))  # type: ignore[index]
            for window in _read_rows(counts, columns, bounds, blank, max_length, stride)
        ]

    def rows_of(self, words: Sequence[str]) -> np.ndarray:
        """Rows of the table for words; unknown ones have row 1, or the row of their bucket."""
        if not self.buckets:
            return np.fromiter((self.index.get(word, UNKNOWN) for word in words), np.int64, len(words))
        first = len(SPECIAL) + len(self.vocabulary)
        hashes = (zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.buckets for word in words)
        found = (self.index.get(word, first + bucket) for word, bucket in zip(words, hashes, strict=True))
        return np.fromiter(found, np.int64, len(words))

    def collate(self, windows: Sequence[Tokens], length: int) -> Mapping[str, Tensor]:
        """{"ids": (B, length) int64}, padded with row 0.

        With characters also those of each word, (B, length, ≤ 16); with n-grams those of each unknown word of the
        batch, one after the other, and an empty line behind them, (U + 1, n).
        """
        ids = np.zeros((len(windows), length), np.int64)
        for line, window in zip(ids, windows, strict=True):
            line[: len(window.ids)] = window.ids
        inputs = {"ids": torch.from_numpy(ids)}
        if self.ngrams is not None:
            inputs["ngrams"] = torch.from_numpy(stacked([w.ngrams for w in windows if w.ngrams is not None]))
        if self.spelling is None:
            return inputs
        letters = np.zeros((len(windows), length, LONGEST), np.int64)
        for page, window in zip(letters, windows, strict=True):
            if window.characters is not None:
                page[: len(window.ids)] = window.characters
        longest = max(1, int(letters.any((0, 1)).sum()))
        return {**inputs, "characters": torch.from_numpy(letters[:, :, :longest])}

    def forward(self, batch: Batch) -> Encoded:
        """Look the words up and hand them to the network."""
        return self._read(self._look_up(batch), batch)

    def depths(self, batch: Batch) -> dict[str, Tensor]:
        """The words as they are looked up, and what the network says of each, where it does."""
        x = self._look_up(batch)
        tokens = self._read(x, batch).tokens if self.network() else None
        return {"embeddings": x} if tokens is None else {"embeddings": x, "network": tokens}

    def _look_up(self, batch: Batch) -> Tensor:
        x: Tensor = self.table(batch.inputs["ids"])
        if self.ngrams is not None:
            unknown = (batch.inputs["ids"] == UNKNOWN).nonzero(as_tuple=True)
            x = x.index_put(unknown, self.ngrams(batch.inputs["ngrams"])[:-1], accumulate=True)
        if self.spelling is not None:
            x = torch.cat((x, self.spelling(batch.inputs["characters"], batch.mask)), dim=2)
        return x

    def _read(self, x: Tensor, batch: Batch) -> Encoded:
        if self.settings.parts == 2:
            return self.compare(self.dropout(x), TwoTexts(batch.part))
        mask = batch.mask if self.settings.padding == "masked" else torch.ones_like(batch.mask)
        return self.contextualize(self.dropout(x), mask)

    def embeddings(self) -> nn.Embedding:
        """The word table."""
        return self.table

    def words(self) -> list[str]:
        """`<pad>`, `<unk>`, the vocabulary, then the buckets of unknown words."""
        return [*SPECIAL, *self.vocabulary, *(f"<bucket {number}>" for number in range(self.buckets))]

    def save_assets(self, folder: Path) -> None:
        """Write the tokenizer's files, words.txt and, where characters are read, characters.txt."""
        self.tokenizer.save(folder)
        (folder / "words.txt").write_text("\n".join(self.vocabulary), encoding="utf-8")
        if self.spelling is not None:
            (folder / "characters.txt").write_text("\n".join(self.alphabet), encoding="utf-8")
        if self.ngrams is not None:
            self.ngrams.save(folder)

    @classmethod
    def load_assets(cls, settings: Any, folder: Path) -> Self:
        """Read what `save_assets` wrote; the width comes from the settings."""
        letters = _lines(folder / "characters.txt") if settings.characters else []
        lazy, words = settings.rows == "lazy", _lines(folder / "words.txt")
        spelled = Spelling.load(folder, settings.dim, lazy) if settings.unknown == "subwords" else None
        return cls(settings, load_tokenizer(folder), words, settings.dim, letters, spelled)

    def unknown(self, window: Tokens) -> int:
        """Tokens that share a row with other words, or are made of their n-grams."""
        words = len(SPECIAL) + len(self.vocabulary)
        return int(((window.ids == UNKNOWN) | (window.ids >= words)).sum())

    def coverage(self) -> dict[str, Any]:
        """Words of the training texts that the table knows, by type and by token."""
        return self._coverage


def _tokenizer(settings: Any, vectors: Vectors | None, name: str | None) -> Tokenizer:
    if name is None and vectors is not None and vectors.tokenizer is not None:
        return vectors.tokenizer
    split = {"split_digits": True} if name in (None, "mecab") and settings.split_digits else {}
    return make_tokenizer(name or "mecab", **split)


def word_counts(analysed: Analysed) -> dict[str, int]:
    """How often each distinct word occurs."""
    counts = np.bincount(analysed.ids, minlength=len(analysed.words))
    return dict(zip(analysed.words, counts.tolist(), strict=True))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8")  # a word may hold a "\r"
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path} cannot be read. The model folder is not whole; save it again.") from error
    return text.split("\n") if text else []


def _read_rows(
    counts: Sequence[int], columns: Tokens, bounds: Sequence[int], blank: Tokens, room: int, stride: int | None
) -> list[Tokens]:
    """The tokens of each row, at most `room`.

    counts   how many texts each row has        bounds  where each text's tokens begin in the columns, and the end
    columns  the tokens of all texts            blank   what a row without a token is read as
    stride   as in `windows`
    """
    result, text = [], 0
    for row, count in enumerate(counts):
        a, b = bounds[text], bounds[text + count]
        if a == b:
            result.append(replace(blank, row=row))
        elif b - a <= room:
            result.append(_taken(columns, slice(a, b), row, 0, 0))
        else:
            result += _cut(columns, bounds[text : text + count + 1], row, room, stride)
        text += count
    return result


def _cut(columns: Tokens, bounds: Sequence[int], row: int, room: int, stride: int | None) -> list[Tokens]:
    """The windows of one long row; what none of them holds counts as cut."""
    found = windows([b - a for a, b in pairwise(bounds)], room, stride)
    places = [
        np.concatenate([np.arange(a + own.start, a + own.stop) for a, own in zip(bounds, window, strict=False)])
        for window in found
    ]
    cut = bounds[-1] - bounds[0] - len(np.unique(np.concatenate(places)))
    return [_taken(columns, here, row, cut, window[-1].start) for here, window in zip(places, found, strict=True)]


def _taken(columns: Tokens, places: slice | np.ndarray, row: int, cut: int, start: int) -> Tokens:
    letters = None if columns.characters is None else columns.characters[places]
    spelled = None if columns.ngrams is None else columns.ngrams[places]
    own = columns.ids[places], columns.offsets[places], columns.part[places]
    return Tokens(*own, row, cut, start, letters, ngrams=spelled)
