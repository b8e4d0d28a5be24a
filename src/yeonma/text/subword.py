"""Subword tokenizers trained on the user's own text with the `tokenizers` library: WordPiece, BPE, Unigram."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from yeonma.errors import ConfigError, DataError, RunError
from yeonma.files import write_json, write_text
from yeonma.records import Piece
from yeonma.text.normalize import nfc
from yeonma.text.tokenizers import CONFIG_FILE, TOKENIZER_FILE, Setting, Tokenizer

UNKNOWN = "[UNK]"
ROLES = {
    "pad_token": "[PAD]",
    "unk_token": UNKNOWN,
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
SPECIALS = list(ROLES.values())
_MIN_FREQUENCY = 2


class Subword(Tokenizer):
    """Pieces of a vocabulary learned from text; a form is an entry of it, `[UNK]` for what it cannot spell.

    `vocab_size`: entries, special tokens and the alphabet among them (never fewer than those). `lowercase`: lower-case
    the text first. Marks are never stripped: that would take Hangul apart.
    The saved tokenizer.json is a Hugging Face one; [PAD] [UNK] [CLS] [SEP] [MASK] are its entries 0 to 4.
    """

    def __init__(self, vocab_size: int = 16000, lowercase: bool = False) -> None:
        if vocab_size <= len(SPECIALS):
            raise ConfigError(
                f"vocab_size must be greater than {len(SPECIALS)}, the number of special tokens; {vocab_size} came. "
                "Some thousands is usual."
            )
        self.vocab_size = vocab_size
        self.lowercase = lowercase
        self._model: Any = None

    @classmethod
    def train(cls, texts: Iterable[str], vocab_size: int = 16000, lowercase: bool = False) -> Self:
        """A tokenizer whose vocabulary is learned from texts, which are read once.

        Raises: ConfigError for a vocab_size too small; DataError when there is nothing but blanks to learn from.
        """
        tokenizer = cls(vocab_size=vocab_size, lowercase=lowercase)
        model = _framed(*tokenizer._untrained(), lowercase)
        model.train_from_iterator((nfc(text).text for text in texts), tokenizer._trainer())
        if model.get_vocab_size() <= len(SPECIALS):
            raise DataError(f"The tokenizer {cls.name!r} needs text to be trained on, but all that came was blank.")
        return tokenizer._with(model)

    @abstractmethod
    def _untrained(self) -> tuple[Any, Any]:
        """An empty model of the library, and what splits a text into words before it."""

    @abstractmethod
    def _trainer(self) -> Any:
        """The library's trainer for the model."""

    def _with(self, model: Any) -> Self:
        model.encode_special_tokens = True  # a literal "[MASK]" in a text is text
        self._model = model
        return self

    @property
    def trained(self) -> bool:
        """Whether it has a vocabulary."""
        return self._model is not None

    @property
    def model(self) -> Any:
        """The `tokenizers.Tokenizer` behind this one.

        Raises: ConfigError when it was never trained.
        """
        if self._model is None:
            raise ConfigError(
                f"The tokenizer {self.name!r} must be trained before it is used. "
                f"Make one with {type(self).__name__}.train(texts), or load a trained one with load_tokenizer(folder)."
            )
        return self._model

    def _pieces(self, text: str) -> list[Piece]:
        return self._as_pieces(self.model.encode(text, add_special_tokens=False))

    def _batch(self, texts: Sequence[str]) -> Iterable[list[Piece]]:
        return map(self._as_pieces, self.model.encode_batch(texts, add_special_tokens=False))

    def _as_pieces(self, encoding: Any) -> list[Piece]:
        unknown = self.model.token_to_id(UNKNOWN)
        return [
            Piece(UNKNOWN if token_id == unknown else form, start, end)
            for token_id, form, (start, end) in zip(encoding.ids, encoding.tokens, encoding.offsets, strict=True)
        ]

    def _versions(self) -> dict[str, str]:
        from tokenizers import __version__

        return {"tokenizers": __version__, "model": hashlib.sha256(self.model.to_str().encode()).hexdigest()}

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, which `AutoTokenizer.from_pretrained` reads too.

        Raises: DiskError; ConfigError when it was never trained.
        """
        write_text(folder / TOKENIZER_FILE, self.model.to_str(pretty=True))
        hub = {"tokenizer_class": "PreTrainedTokenizerFast", **ROLES}
        write_json(folder / CONFIG_FILE, {"yeonma_tokenizer": self.name, "settings": self.settings, **hub})

    @classmethod
    def _restore(cls, folder: Path, settings: Mapping[str, Setting]) -> Self:
        from tokenizers import Tokenizer as Model

        path = folder / TOKENIZER_FILE
        try:
            model = Model.from_file(str(path))
        except Exception as error:  # the library raises nothing more precise
            raise RunError(f"{path} is not a whole tokenizer ({error}). Restore it or train it again.") from error
        return cls(**settings)._with(model)  # type: ignore[arg-type]


class WordPiece(Subword):
    """Longest match first (Schuster and Nakajima 2012); a piece inside a word begins with ##; punctuation apart."""

    name = "wordpiece"

    def _untrained(self) -> tuple[Any, Any]:
        from tokenizers import models, pre_tokenizers

        return models.WordPiece(unk_token=UNKNOWN), pre_tokenizers.BertPreTokenizer()

    def _trainer(self) -> Any:
        from tokenizers.trainers import WordPieceTrainer

        return WordPieceTrainer(
            vocab_size=self.vocab_size, min_frequency=_MIN_FREQUENCY, special_tokens=SPECIALS, show_progress=False
        )


class BPE(Subword):
    """Byte-pair encoding (Sennrich et al. 2016) of characters; ▁ stands before a word."""

    name = "bpe"

    def _untrained(self) -> tuple[Any, Any]:
        from tokenizers import models

        return models.BPE(unk_token=UNKNOWN, fuse_unk=True), _marked_words()

    def _trainer(self) -> Any:
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

    def _trainer(self) -> Any:
        from tokenizers.trainers import UnigramTrainer

        return UnigramTrainer(
            vocab_size=self.vocab_size, unk_token=UNKNOWN, special_tokens=SPECIALS, show_progress=False
        )


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
    framed.normalizer = normalizers.Sequence(
        [normalizers.NFC(), *([normalizers.Lowercase()] if lowercase else []), normalizers.NFC()]
    )
    framed.pre_tokenizer = splitter
    framed.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, SPECIALS.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    return framed
