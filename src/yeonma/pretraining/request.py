"""What was asked of a training: kept beside its state, and compared when it goes on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yeonma.errors import ConfigError, RunError
from yeonma.files import read_json, write_json
from yeonma.pretraining.method import make_method
from yeonma.pretraining.work import work_folder
from yeonma.text.tokenizers import Tokenizer

REQUEST = "request.json"
_TOKENIZER = "mecab"
_OTHERS = {
    "method": "Name it first: yeonma pretrain METHOD.",
    "corpus": "Name its files, folders or globs: yeonma pretrain METHOD CORPUS...",
    "tokenizer": "Choose it with --tokenizer NAME.",
    "column": "Choose it with --column NAME.",
    "key": "It is worked out from the corpus.",
}
"""What is no setting of the method → how to give it."""


def asked(
    method: str,
    paths: Sequence[str | Path],
    tokenizer: str | Tokenizer | None,
    column: str | None,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """What was given, and nothing that was left out.

    Raises: ConfigError for a setting that is none of the method, but of the request itself.
    """
    if taken := [key for key in settings if key in _OTHERS]:
        raise ConfigError(f"{taken[0]!r} is no setting of a method and cannot be set. {_OTHERS[taken[0]]}")
    described = _described(tokenizer) if isinstance(tokenizer, Tokenizer) else tokenizer
    places = [str(Path(path).absolute()) for path in paths] or None
    named = {"method": method, "corpus": places, "tokenizer": described, "column": column, **settings}
    return {key: value for key, value in named.items() if value is not None}


def _described(tokenizer: Tokenizer) -> str:
    return tokenizer.fingerprint() if tokenizer.trained else f"{tokenizer.name} {tokenizer.settings}"


def completed(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, with the defaults of the rest.

    Raises: ConfigError for a method or a setting that does not exist or does not fit.
    """
    method = make_method(given["method"], **settings_of(given))
    return {"corpus": [], "tokenizer": _TOKENIZER, "column": None, **given, **method.settings}


def settings_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of the method alone."""
    return {key: value for key, value in request.items() if key not in _OTHERS}


def resumed(output: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked when the training of `output` began; what is given now must be equal, or left out.

    Raises: RunError when there is no such training; ConfigError that names what differs.
    """
    path = work_folder(output) / REQUEST
    if not path.is_file():
        raise RunError(
            f"There is no unfinished training of {output} to resume: {path} is missing. Leave out --resume to begin."
        )
    kept: dict[str, Any] = read_json(path)
    make_method(kept["method"], **settings_of(given))
    differing = [f"{key} was {kept.get(key)!r}, {value!r} came" for key, value in given.items() if kept[key] != value]
    if differing:
        raise ConfigError(
            f"{output} was begun with other settings: {'; '.join(differing)}. Leave them out to go on, or remove "
            f"{path.parent} to start afresh."
        )
    return kept


def keep(request: Mapping[str, Any], folder: Path, key: str) -> None:
    """Keep a request, with the name of the corpus that it led to.

    Raises: RunError when a training goes on whose corpus or tokenizer is another one now.
    """
    if request.get("key", key) != key:
        raise RunError(
            "The files of the corpus, the tokenizer or yeonma itself have changed since the training began, so it "
            f"cannot go on. Remove {folder} to start afresh."
        )
    write_json(folder / REQUEST, {**request, "key": key})


def again(method: str, output: Path) -> str:
    """The command that goes on with a training."""
    return f"yeonma pretrain {method} -o {shlex.quote(str(output))} --resume"
