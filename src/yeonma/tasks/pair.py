"""Sentence pair: two texts, one label or number (MNLI, QQP, QNLI, STS-B, MRPC, RTE, KLUE-NLI, KorSTS)."""

from __future__ import annotations

from typing import ClassVar

from yeonma.tasks.single import Single


class Pair(Single):
    """As a single sentence, of rows of two texts."""

    kind: ClassVar[str] = "pair"
    roles: ClassVar[tuple[str, ...]] = ("text 1", "text 2")
    parts: ClassVar[int] = 2
