"""Exact match and F1 of answer texts, as SQuAD and as KorQuAD count them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

NAMES = ("squad_em", "squad_f1", "korquad_em", "korquad_f1")

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)  # the 32 ASCII marks: 「」·… stay
_BRACKETS = str.maketrans(dict.fromkeys("'\"《》<>〈〉()‘’", " "))


def squad_words(text: str) -> list[str]:
    """Lower case, ASCII punctuation dropped, then the articles a, an, the; split at blanks (SQuAD v1.1)."""
    return _ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def korquad_words(text: str) -> list[str]:
    """Quotes and brackets ' " 《 》 < > 〈 〉 ( ) ‘ ’ become blanks, then lower case, ASCII punctuation dropped; split.

    Articles stay. Brackets part words here and join them in SQuAD: 서울(Seoul) is two words here, one there.
    """
    return text.translate(_BRACKETS).lower().translate(_PUNCTUATION).split()


def overlap_f1(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """F1 = 2·|gold ∩ predicted| / (|gold| + |predicted|) of two bags of words or characters; 0 if one is empty."""
    same = sum((Counter(gold) & Counter(predicted)).values())
    return 2 * same / (len(gold) + len(predicted)) if same else 0.0


def _against(gold: str, predicted: str) -> tuple[float, ...]:
    g, p = squad_words(gold), squad_words(predicted)
    kg, kp = korquad_words(gold), korquad_words(predicted)
    return float(g == p), overlap_f1(g, p), float(kg == kp), overlap_f1("".join(kg), "".join(kp))


def answers(gold: Sequence[Sequence[str]], predicted: Sequence[str]) -> dict[str, Any]:
    """Mean exact match and F1 over the questions, each against the best of its accepted answers; shares of 1.

    squad_em, squad_f1      words, as evaluate-v1.1.py does (Rajpurkar et al. 2016, section 6.1)
    korquad_em, korquad_f1  characters without blanks, as KorQuAD 1.0's evaluator does (Lim et al. 2019): a particle
                            too many (서울 / 서울에서) costs a part of korquad_f1 but all of squad_f1

    Two answers of which nothing is left after normalisation match exactly and have F1 0, in both evaluators. A question
    without an accepted answer is right only where nothing is predicted.
    """
    sums = np.zeros(len(NAMES))
    for accepted, said in zip(gold, predicted, strict=True):
        sums += np.max([_against(answer, said) for answer in accepted or ("",)], axis=0)
    return {"n": len(gold), **dict(zip(NAMES, (sums / max(1, len(gold))).tolist(), strict=True))}
