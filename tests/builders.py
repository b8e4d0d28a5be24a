"""Tiny real things that tests build: examples with a signal, configs, runs."""

from __future__ import annotations

import random
import subprocess
from typing import Any

from yeonma import config as configs
from yeonma.records import Dataset, Example

GOOD, BAD, PLAIN = (
    "좋다 최고 감동 재밌다".split(),
    "나쁘다 최악 지루 실망".split(),
    "영화 배우 음악 오늘 정말 그 이 좀".split(),
)


def examples(count: int, seed: int = 0) -> list[Example]:
    """Texts of 2 to 9 words whose label is told by one word."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        label = draw.choice(["긍정", "부정"])
        words = [draw.choice(PLAIN) for _ in range(draw.randint(1, 8))]
        words.insert(draw.randint(0, len(words)), draw.choice(GOOD if label == "긍정" else BAD))
        made.append(Example(f"{seed}-{number}", (" ".join(words),), label))
    return made


def dataset(train: int = 60, valid: int = 20) -> Dataset:
    """Examples of `examples` in two splits."""
    return Dataset("made", {"train": examples(train, 1), "valid": examples(valid, 2)}, ("긍정", "부정"))


def config(**changes: Any) -> configs.Config:
    """A small resolved config; keys use `__` for a dot: train__epochs=2."""
    tree: dict[str, Any] = {}
    defaults = {
        "encoder__kind": "bag", "encoder__tokenizer": "whitespace", "encoder__dim": 8, "encoder__min_count": 1,
        "encoder__dropout": 0.2, "train__batch_size": 8, "train__epochs": 2, "data__train": "made.tsv",
    }  # fmt: skip
    for key, value in {**defaults, **changes}.items():
        section, _, name = key.rpartition("__")
        (tree.setdefault(section, {}) if section else tree)[name] = value
    return configs.resolve(tree)


def ended() -> int:
    """The number of a process that is no more."""
    child = subprocess.Popen(["true"])
    child.wait()
    return child.pid
