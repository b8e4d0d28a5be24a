"""What the pictures say, in English and Korean, read from words.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from html import escape
from importlib import resources
from typing import Any, NamedTuple

from yeonma.optim.registry import Rule


class Both(NamedTuple):
    """A phrase in both languages."""

    en: str
    ko: str

    def html(self) -> str:
        """Both as elements of a page, whose switch shows one."""
        return f'<span lang="en">{escape(self.en)}</span><span lang="ko">{escape(self.ko)}</span>'


@cache
def _phrases() -> dict[str, Any]:
    phrases: dict[str, Any] = tomllib.loads(
        (resources.files("yeonma.pictures") / "words.toml").read_text(encoding="utf-8")
    )
    return phrases


def say(key: str, **values: object) -> Both:
    """The phrase of that key, its {names} filled in."""
    both = _phrases()[key]
    return Both(both["en"].format(**values), both["ko"].format(**values))


def keys() -> list[str]:
    """Every phrase's key."""
    return [key for key in _phrases() if key != "adds"]


def adds(rule: Rule, parent: str) -> Both:
    """What a rule adds to an older one: the register's words, and their Korean where words.toml has it."""
    en = rule.parents[parent]
    return Both(en, _phrases()["adds"].get(rule.name, {}).get(parent, en))
