"""What the page says, in English and Korean, read from words.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from yeonma.pictures.words import Both


@cache
def _phrases() -> dict[str, dict[str, str]]:
    return tomllib.loads((resources.files("yeonma.report") / "words.toml").read_text(encoding="utf-8"))


def say(key: str, **values: object) -> Both:
    """The phrase of that key, its {names} filled in; a value that is a Both is filled in by language."""
    both = _phrases()[key]
    filled = {
        language: {
            name: getattr(value, language) if isinstance(value, Both) else value for name, value in values.items()
        }
        for language in Both._fields
    }
    return Both(*(both[language].format(**filled[language]) for language in Both._fields))


def word(key: str, **values: object) -> str:
    """The phrase as HTML in both languages; the page's switch shows one."""
    return say(key, **values).html()


def layer(name: str) -> Both:
    """The name of a layer: "embeddings", "layer 3", "pooled", "head", …"""
    number = name.removeprefix("layer ")
    if number != name:
        return say("layer_numbered", number=number)
    return say(f"layer_{name}") if f"layer_{name}" in _phrases() else plain(name)


def split(name: str) -> Both:
    """The name of a split; "data:split" stays as it is."""
    return say(f"split_{name}") if f"split_{name}" in _phrases() else plain(name)


def written(value: float, form: str) -> str:
    """A number in a form of Python's `format`, with a minus sign where that writes a hyphen."""
    return format(value, form).replace("-", "−")


def plain(text: object) -> Both:
    """What is the same in both languages."""
    return Both(str(text), str(text))
