"""The rules of a comparison in both languages: its own lines are English, and Korean stands beside those known here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape
from typing import Any

from yeonma.pictures.words import Both
from yeonma.report.phrases import say

KEPT = r" No run is cut short, none is pruned\."
SIGHT = r"(?P<seeds>\d+) seeds and (?P<count>\d+) comparison(?P<s>s?) .* at least (?P<effect>\S+) standard .*"
LINES = {
    "cells": r"(?P<count>\d+) cells: (?P<names>.+)",
    "budget_examples": rf"Budget: every run of every cell gets (?P<examples>[\d,]+) training examples; .*{KEPT}",
    "budget_seconds": rf"Budget: every run of every cell gets (?P<seconds>\S+) CPU seconds .*{KEPT}",
    "untuned": r"Tuning: none\..*",
    "tuning": r"Tuning: (?P<trials>\d+) trials for each cell with seed (?P<seed>\d+), .* Trials 1 … (?P<free>\d+) .*",
    "space": r"Search space, the same for all cells: (?P<spaces>.+)",
    "finals": r"Final runs: (?P<count>\d+) for each cell, with seeds (?P<seeds>[^,]+), .*",
    "scored": r"A run is scored on validation data (?P<count>\d+) times .*",
    "test": r"The test split is read once .*",
    "failures": r"A run that diverges .*",
    "alone": r"There is one cell: .*",
    "one_seed": r"TOO FEW SEEDS: .* for (?P<count>\d+) comparison(?P<s>s?) .*",
    "few": rf"TOO FEW SEEDS to .*\. {SIGHT}",
    "sight": SIGHT,
}
SPACE = re.compile(r"(?P<key>[\w.]+): (?P<low>\S+) … (?P<high>\S+), (?P<scale>log-uniform|uniform)")

Space = tuple[float, float, bool]


def rules(results: Mapping[str, Any]) -> str:
    """The rules as a list."""
    return f"<ul>{''.join(f'<li>{_item(line)}</li>' for line in results['rules'])}</ul>"


def _item(line: str) -> str:
    """A rule in both languages. One without Korean stays visible in both: the page's switch hides `en`, not `en-US`."""
    known = translated(line)
    return known.html() if known else f'<span lang="en-US">{escape(line)}</span>'


def translated(line: str) -> Both | None:
    """A rule with its Korean; None where the phrases here would not say the very same."""
    for key, pattern in LINES.items():
        if found := re.fullmatch(pattern, line):
            filled: dict[str, object] = dict(found.groupdict())
            if "spaces" in filled:
                filled["spaces"] = _scales(found["spaces"])
            made = say(f"study_rule_{key}", **filled)
            return made if made.en == line else None
    return None


def _scales(text: str) -> Both:
    korean = text
    for name, key in (("log-uniform", "study_log_uniform"), (", uniform", "study_uniform"), (" or ", "study_or")):
        korean = korean.replace(name, name.replace(name.strip(", "), say(key).ko))
    return Both(text, korean)


def spaces(results: Mapping[str, Any]) -> dict[str, Space]:
    """The searched settings that are numbers: lowest and highest value, and whether the scale is logarithmic."""
    text = " ".join(line for line in results["rules"] if re.fullmatch(LINES["space"], line))
    return {
        found["key"]: (float(found["low"]), float(found["high"]), found["scale"] == "log-uniform")
        for found in SPACE.finditer(text)
    }
