"""Every phrase in both languages, with the same blanks to fill in."""

import re
import tomllib
from importlib import resources
from string import Formatter

import pytest

from yeonma.optim.rules import rules
from yeonma.optim.surfaces import SURFACES
from yeonma.pictures.words import adds, say

PHRASES = tomllib.loads((resources.files("yeonma.pictures") / "words.toml").read_text(encoding="utf-8"))
FAMILY = PHRASES.pop("adds")


@pytest.mark.parametrize("key", PHRASES)
def test_a_phrase_has_both_languages_and_the_same_blanks(key):
    both = PHRASES[key]
    assert set(both) == {"en", "ko"}
    blanks = [{name.split(".")[0] for _, name, *_ in Formatter().parse(text) if name} for text in both.values()]
    assert blanks[0] == blanks[1]
    assert re.search("[가-힣]", both["ko"])


def test_every_surface_has_its_title():
    assert set(SURFACES) <= set(PHRASES)


def test_the_family_has_korean_for_every_rule_and_for_nothing_else():
    assert {name: set(of) for name, of in FAMILY.items()} == {
        name: set(rule.parents) for name, rule in rules().items() if rule.parents
    }


def test_a_rule_without_korean_speaks_english(newcomer):
    assert adds(newcomer, "sgd") == ("looks at the sign alone", "looks at the sign alone")


def test_a_phrase_is_filled_in_and_escaped():
    said = say("same", other="<GD>")
    assert said.en.startswith("as <GD>")
    assert "&lt;GD&gt;" in said.html()
