"""The contract of a tokenizer, the three that need no library, and how one is made, saved and loaded by name."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Self

import yeonma
from yeonma import plugins
from yeonma.errors import ConfigError, RunError, nearest
from yeonma.files import read_json, write_json
from yeonma.records import Piece
from yeonma.text.normalize import Normalized, nfc

Setting = bool | int | str

TOKENIZER_FILE = "tokenizer.json"
CONFIG_FILE = "tokenizer_config.json"

_CHUNK = 1024
# Blanks that libraries disagree about (U+3000, U+00A0, U+001F, …); each gives way to one plain blank.
_ODD_BLANK = re.compile(r"[^\S \t\n\r]")


class Tokenizer(ABC):
    """A text in, its pieces out, each with the characters of the original text it stands for.

    A subclass names itself, takes its settings as keywords of its constructor (each with a default, each kept in an
    attribute of the same name) and writes `_pieces`. What every tokenizer keeps:

    - pieces come in reading order, with 0 ≤ start ≤ end ≤ len(text); restored morphemes may share characters or, where
      the text leaves them out, have none;
    - forms are NFC, hold no blank and can be written as UTF-8; NFC and NFD writings of a text give the same forms;
    - equal fingerprints mean equal pieces.
    """

    name: ClassVar[str]
    _for_others: ClassVar[Mapping[str, object]] = {}  # what another program wants to find in tokenizer_config.json

    @abstractmethod
    def _pieces(self, text: str) -> list[Piece]:
        """The pieces of a composed text, with offsets into it; a blank in it is a space, a tab or a line break."""

    def _batch(self, texts: Sequence[str]) -> Iterable[list[Piece]]:
        """`_pieces` of many texts, for a library that has a faster way."""
        return map(self._pieces, texts)

    def _versions(self) -> dict[str, str]:
        """What else decides the pieces: versions of libraries and dictionaries, the hash of a trained model."""
        return {}

    @property
    def settings(self) -> dict[str, Setting]:
        """The settings this tokenizer was made with."""
        return {key: getattr(self, key) for key in default_settings(type(self))}

    @property
    def trained(self) -> bool:
        """Whether it can be used as it is; a subword tokenizer must be trained first."""
        return True

    def fingerprint(self) -> str:
        """A name for the pieces this tokenizer gives: another setting, version or model has another one."""
        versions = {"yeonma": yeonma.__version__, "unicode": unicodedata.unidata_version, **self._versions()}
        known = json.dumps([self.name, self.settings, versions], sort_keys=True)
        return f"{self.name}-{hashlib.sha256(known.encode()).hexdigest()}"

    def pieces(self, text: str) -> list[Piece]:
        """The pieces of a text, with offsets into the text as it came."""
        normal = prepared(text)
        return _restored(self._pieces(normal.text), normal)

    def batch(self, texts: Iterable[str]) -> Iterator[list[Piece]]:
        """`pieces` of one text after the other; reads ahead by at most 1,024 texts."""
        rest = iter(texts)
        while chunk := [prepared(text) for text in islice(rest, _CHUNK)]:
            for normal, pieces in zip(chunk, self._batch([normal.text for normal in chunk]), strict=True):
                yield _restored(pieces, normal)

    def save(self, folder: Path) -> None:
        """Write `tokenizer.json` and `tokenizer_config.json`, from which `load_tokenizer` makes an equal one.

        Raises: DiskError.
        """
        write_json(folder / TOKENIZER_FILE, self._description())
        config = {"yeonma_tokenizer": self.name, "settings": self.settings, **self._for_others}
        write_json(folder / CONFIG_FILE, config)

    def _description(self) -> dict[str, object]:
        """What `tokenizer.json` holds."""
        return {"tokenizer": self.name, "settings": self.settings}

    @classmethod
    def _restore(cls, folder: Path, settings: Mapping[str, Setting]) -> Self:
        """The tokenizer that `save` wrote."""
        tokenizer = cls(**settings)
        if read_json(folder / TOKENIZER_FILE) != tokenizer._description():
            raise RunError(
                f"{folder / TOKENIZER_FILE} and {CONFIG_FILE} must describe one tokenizer, but they differ. "
                "Restore the folder or make it again."
            )
        return tokenizer


def prepared(text: str) -> Normalized:
    """What `_pieces` reads: the composed text with one plain blank for every odd one."""
    normal = nfc(text)
    return normal._replace(text=_ODD_BLANK.sub(" ", normal.text))


def _restored(pieces: list[Piece], normal: Normalized) -> list[Piece]:
    """The pieces with offsets into the original text."""
    if normal.in_place:
        return pieces
    return [Piece(form, *normal.to_original(start, end)) for form, start, end in pieces]


class Whitespace(Tokenizer):
    """Runs of characters between blanks. `lowercase`: forms in lower case."""

    name = "whitespace"

    def __init__(self, lowercase: bool = False) -> None:
        self.lowercase = lowercase

    def _pieces(self, text: str) -> list[Piece]:
        words = [Piece(match[0], *match.span()) for match in re.finditer(r"\S+", text)]
        return [word._replace(form=nfc(word.form.lower()).text) for word in words] if self.lowercase else words


class Syllable(Tokenizer):
    """Every character that is not blank."""

    name = "syllable"

    def _pieces(self, text: str) -> list[Piece]:
        return [Piece(character, i, i + 1) for i, character in enumerate(text) if not character.isspace()]


class Jamo(Tokenizer):
    """The letters of every Hangul syllable, each with the syllable's characters: 한 → ㅎ/ㅏ/ㄴ; other characters stay.

    `conjoining`: letters that tell initial from final (U+1112 U+1161 U+11AB) in place of the compatibility ones.
    """

    name = "jamo"

    def __init__(self, conjoining: bool = False) -> None:
        self.conjoining = conjoining

    def _pieces(self, text: str) -> list[Piece]:
        letters = _conjoining_letters if self.conjoining else _compatibility_letters
        return [
            Piece(letter, i, i + 1)
            for i, character in enumerate(text)
            if not character.isspace()
            for letter in (letters(character) if "가" <= character <= "힣" else character)
        ]


_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_MEDIALS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS: tuple[str, ...] = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")


def _conjoining_letters(syllable: str) -> str:
    return unicodedata.normalize("NFD", syllable)


def _compatibility_letters(syllable: str) -> str:
    """Syllable = 가 + (initial · 21 + medial) · 28 + final (Unicode Standard, section 3.12)."""
    place = ord(syllable) - ord("가")
    return _INITIALS[place // 588] + _MEDIALS[place % 588 // 28] + _FINALS[place % 28]


def default_settings(kind: type[Tokenizer]) -> dict[str, Setting]:
    """The settings a tokenizer class takes, with their defaults."""
    return {name: parameter.default for name, parameter in inspect.signature(kind).parameters.items()}


def make_tokenizer(name: str, **settings: Setting) -> Tokenizer:
    """A tokenizer by its registered name.

    Raises: ConfigError for an unknown name or setting (naming the nearest) or a value of another type;
    MissingExtra when its library is not installed.
    """
    return _kind(name, settings)(**settings)


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer that `save` wrote into a folder.

    Raises: RunError when a file is missing, cut, or names what this version does not know; MissingExtra.
    """
    path = folder / CONFIG_FILE
    config = read_json(path)
    if not isinstance(config, dict) or "yeonma_tokenizer" not in config or not isinstance(config.get("settings"), dict):
        raise RunError(
            f"{path} must hold `yeonma_tokenizer` (a name) and `settings` (a table). "
            "Is this a folder that yeonma wrote?"
        )
    try:
        return _saved_kind(str(config["yeonma_tokenizer"]), config["settings"])._restore(folder, config["settings"])
    except ConfigError as error:
        raise RunError(f"{path}: {error}") from error


def _saved_kind(name: str, settings: Mapping[str, Setting]) -> type[Tokenizer]:
    """The class behind a name in a folder: also one that works around another tokenizer, which no name alone makes."""
    if name in plugins.names("wrapper"):
        wrapper: type[Tokenizer] = plugins.load("wrapper", name)
        return wrapper
    return _kind(name, settings)


def _kind(name: str, settings: Mapping[str, Setting]) -> type[Tokenizer]:
    """The class behind a name, after a look at the settings."""
    kind: type[Tokenizer] = plugins.load("tokenizer", name)
    defaults = default_settings(kind)
    for key, value in settings.items():
        if key not in defaults:
            known = nearest(key, defaults) if defaults else " It has no settings."
            raise ConfigError(f"The tokenizer {name!r} has no setting {key!r}.{known}")
        if type(value) is not type(defaults[key]):
            wanted = type(defaults[key]).__name__
            raise ConfigError(
                f"The setting {key!r} of the tokenizer {name!r} must be a value of type {wanted} "
                f"(default {defaults[key]!r}); {value!r} came."
            )
    return kind
