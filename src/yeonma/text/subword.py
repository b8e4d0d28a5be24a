"""Subword tokenizers trained on the user's own text with the `tokenizers` library: WordPiece, BPE, Unigram."""

from __future__ import annotations

import hashlib
import json
import re
import string
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

from yeonma.errors import ConfigError, DataError, RunError
from yeonma.files import read_json
from yeonma.records import Piece
from yeonma.text.tokenizers import TOKENIZER_FILE, Setting, Tokenizer, prepared

UNKNOWN = "[UNK]"
ROLES = {
    "pad_token": "[PAD]",
    "unk_token": UNKNOWN,
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SPECIALS = list(ROLES.values())

_MIN_FREQUENCY = 2  # a pair that was seen once teaches nothing
_INSIDE_A_WORD = re.compile(r"(?<=\S)\S")


class Subword(Tokenizer):
    """Pieces of a vocabulary learned from text; a form is an entry of it, `[UNK]` for what it cannot spell.

    `vocab_size`: entries, special tokens and the alphabet among them (never fewer than those). `lowercase`: lower-case
    the text first. Marks are never stripped: that would take Hangul apart.
    `AutoTokenizer.from_pretrained` reads the saved folder too; [PAD] [UNK] [CLS] [SEP] [MASK] are the entries 0 to 4.
    """

    _for_others: ClassVar[Mapping[str, object]] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_input_names": ["input_ids", "token_type_ids", "attention_mask"],
        **ROLES,
    }

    def __init__(self, vocab_size: int = 16000, lowercase: bool = False) -> None:
        if vocab_size <= len(SPECIALS):
            raise ConfigError(
                f"vocab_size must be greater than {len(SPECIALS)}, the number of special tokens; {vocab_size} came. "
                "Some thousands is usual."
            )
        self.vocab_size = vocab_size
        self.lowercase = lowercase
        self._learned: dict[str, object] | None = None

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 16000, lowercase: bool = False) -> Self:
        """A tokenizer whose vocabulary is learned from texts, which are held in memory meanwhile.

        The same texts give the same WordPiece and BPE. Unigram's probabilities differ a little each time: the library
        sums them in no fixed order.
        Raises: ConfigError for a vocab_size too small; DataError when there is nothing but blanks to learn from.
        """
        tokenizer = cls(vocab_size=vocab_size, lowercase=lowercase)
        lines = [prepared(text).text for text in texts]
        model = _framed(*tokenizer._untrained(), lowercase)
        model.train_from_iterator(lines, tokenizer._trainer(lines))
        if model.get_vocab_size() <= len(SPECIALS):
            raise DataError(f"The tokenizer {cls.name!r} needs text to be trained on, but all that came was blank.")
        description = json.loads(model.to_str())
        description["added_tokens"] = [token for token in description["added_tokens"] if token["content"] in SPECIALS]
        tokenizer._learned = description
        return tokenizer

    @abstractmethod
    def _untrained(self) -> tuple[Any, Any]:
        """An empty model of the library, and what splits a text into words before it."""

    @abstractmethod
    def _trainer(self, lines: Sequence[str]) -> Any:
        """The library's trainer for the model."""

    @property
    def trained(self) -> bool:
        """Whether it has a vocabulary."""
        return self._learned is not None

    @cached_property
    def model(self) -> Any:
        """The `tokenizers.Tokenizer` behind this one.

        Raises: ConfigError when it was never trained.
        """
        from tokenizers import Tokenizer as Model

        model = Model.from_str(json.dumps(self._description()))
        model.encode_special_tokens = True  # a literal "[MASK]" in a text is text
        return model

    def _description(self) -> dict[str, object]:
        if self._learned is None:
            raise ConfigError(
                f"The tokenizer {self.name!r} must be trained before it is used. "
                f"Make one with {type(self).__name__}.train(texts), or load a trained one with load_tokenizer(folder)."
            )
        return self._learned

    def _pieces(self, text: str) -> list[Piece]:
        return _as_pieces(self.model.encode(text, add_special_tokens=False))

    def _batch(self, texts: Sequence[str]) -> Iterable[list[Piece]]:
        return map(_as_pieces, self.model.encode_batch(texts, add_special_tokens=False))

    def _versions(self) -> dict[str, str]:
        from tokenizers import __version__

        model = json.dumps(self._description(), sort_keys=True)
        return {"tokenizers": __version__, "model": hashlib.sha256(model.encode()).hexdigest()}

    @classmethod
    def _restore(cls, folder: Path, settings: Mapping[str, Setting]) -> Self:
        path = folder / TOKENIZER_FILE
        tokenizer = cls(**settings)  # type: ignore[arg-type]  # their types were looked at
        tokenizer._learned = read_json(path)
        try:
            tokenizer.model  # noqa: B018 (read it now: later nobody knows the file)
        except Exception as error:  # the library raises nothing more precise
            raise RunError(f"{path} is no tokenizer ({error}). Restore it or train it again.") from error
        return tokenizer


class WordPiece(Subword):
    """Longest match first (Schuster and Nakajima 2012); a piece inside a word begins with ##; punctuation apart."""

    name = "wordpiece"

    def _untrained(self) -> tuple[Any, Any]:
        from tokenizers import models, pre_tokenizers

        return models.WordPiece(unk_token=UNKNOWN), pre_tokenizers.BertPreTokenizer()

    def _trainer(self, lines: Sequence[str]) -> Any:
        """The library numbers the letters inside words as it meets them, in no fixed order, and settles ties by number.

        Named before training, as special tokens, they have one order; `train` takes the mark off again.
        """
        from tokenizers.trainers import WordPieceTrainer

        texts = (line.lower() for line in lines) if self.lowercase else lines
        inside = {letter for text in texts for letter in _INSIDE_A_WORD.findall(text) if not _is_punctuation(letter)}
        specials = [*SPECIALS, *(f"##{letter}" for letter in sorted(inside))]
        return WordPieceTrainer(
            vocab_size=self.vocab_size, min_frequency=_MIN_FREQUENCY, special_tokens=specials, show_progress=False
        )


class BPE(Subword):
    """Byte-pair encoding (Sennrich et al. 2016) of characters; ▁ stands before a word."""

    name = "bpe"

    def _untrained(self) -> tuple[Any, Any]:
        from tokenizers import models

        return models.BPE(unk_token=UNKNOWN, fuse_unk=True), _marked_words()

    def _trainer(self, lines: Sequence[str]) -> Any:
        from tokenizers.trainers import BpeTrainer

        return BpeTrainer(
            vocab_size=self.vocab_size, min_frequency=_MIN_FREQUENCY, special_tokens=SPECIALS, show_progress=False
        )


class Unigram(Subword):
    """The most probable segmentation under a unigram model (Kudo 2018); ▁ stands before a word."""

    name = "unigram"

    def _untrained(self) -> tuple[Any, Any]:
        from tokenizers import models

        return models.Unigram(), _marked_words()

    def _trainer(self, lines: Sequence[str]) -> Any:
        from tokenizers.trainers import UnigramTrainer

        return UnigramTrainer(
            vocab_size=self.vocab_size, unk_token=UNKNOWN, special_tokens=SPECIALS, show_progress=False
        )


def _as_pieces(encoding: Any) -> list[Piece]:
    """Unigram shows the text where it knows no piece; the form is `[UNK]` as with the others."""
    unknown = SPECIALS.index(UNKNOWN)
    return [
        Piece(UNKNOWN if row == unknown else form, start, end)
        for row, form, (start, end) in zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
    ]


def _is_punctuation(letter: str) -> bool:
    """What BERT's splitter cuts out of words."""
    return letter in string.punctuation or unicodedata.category(letter).startswith("P")


def _marked_words() -> Any:
    """Words with ▁ before them, runs of punctuation apart. Blanks go first, so that no piece spans one."""
    from tokenizers.pre_tokenizers import Metaspace, Punctuation, Sequence, WhitespaceSplit

    return Sequence([WhitespaceSplit(), Metaspace(prepend_scheme="always"), Punctuation("contiguous")])


def _framed(model: Any, splitter: Any, lowercase: bool) -> Any:
    """A model with what stands around it: NFC before, the splitter, and BERT's frame for a transformer."""
    from tokenizers import Tokenizer as Model
    from tokenizers import normalizers
    from tokenizers.processors import TemplateProcessing

    framed = Model(model)
    steps = [normalizers.NFC(), normalizers.Lowercase()] if lowercase else [normalizers.NFC()]
    framed.normalizer = normalizers.Sequence(steps)
    framed.pre_tokenizer = splitter
    framed.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, SPECIALS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    return framed
