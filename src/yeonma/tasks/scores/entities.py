"""Entities: BIO tags from spans and back, and the scores of predicted spans against gold ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from yeonma.errors import DataError
from yeonma.records import Span
from yeonma.tasks.scores.classification import classification


def tags_of(spans: Sequence[Span], offsets: Sequence[tuple[int, int]]) -> list[str]:
    """The BIO tag of each token; offsets are its first character and the one behind its last, in order.

    A token belongs to the first span it shares a character with, so a token that covers more than its entity (서울에서)
    is tagged too. The first token of a span that is on hand is its B, even where a window cut off the true first one.
    """
    tags = ["O"] * len(offsets)
    for span in sorted(spans):
        inside = [t for t, (start, end) in enumerate(offsets) if max(start, span.start) < min(end, span.end)]
        free = [t for t in inside if tags[t] == "O"]
        if free:
            # From first to last, so that a token without characters in between does not break the entity.
            tags[free[0] : free[-1] + 1] = [f"B-{span.label}"] + [f"I-{span.label}"] * (free[-1] - free[0])
    return tags


def _kind_and_type(tag: str) -> tuple[str, str]:
    kind, _, label = tag.partition("-")
    if tag != "O" and not (kind in ("B", "I") and label):
        raise DataError(f"A tag must be O, B-<type> or I-<type>; {tag!r} came. Rewrite other schemes as BIO first.")
    return kind, label


def spans_of(tags: Sequence[str], offsets: Sequence[tuple[int, int]]) -> tuple[Span, ...]:
    """The spans that BIO tags mark, sorted and not overlapping; broken tags are read as conlleval reads them.

    An I after O, at the start or after another type begins a new entity (Tjong Kim Sang & Buchholz 2000, conlleval;
    seqeval's default). Tokens without characters are passed over. Where two tokens share characters (morphemes restored
    from one syllable) the earlier entity keeps them.

    Raises: DataError for a tag that is not BIO.
    """
    found: list[Span] = []
    running = ""
    for tag, (start, end) in zip(tags, offsets, strict=True):
        kind, label = _kind_and_type(tag)
        if start == end:
            continue
        if kind == "I" and label == running:
            found[-1] = found[-1]._replace(end=max(end, found[-1].end))
        elif kind != "O":
            start = max(start, found[-1].end) if found else start
            found.append(Span(start, max(start, end), label))
        running = label
    return tuple(span for span in found if span.start < span.end)


def _precision_recall_f1(right: int, said: int, gold: int) -> tuple[float, float, float]:
    return right / max(1, said), right / max(1, gold), 2 * right / max(1, said + gold)


def _found(sentences: Iterable[Sequence[Span]]) -> set[tuple[str, int, int, int]]:
    return {(span.label, row, span.start, span.end) for row, spans in enumerate(sentences) for span in spans}


def character_tags(sentences: Sequence[Sequence[Span]], texts: Sequence[str]) -> list[str]:
    """The BIO tag of every character that is not a blank, sentence after sentence."""
    tags: list[str] = []
    for spans, text in zip(sentences, texts, strict=True):
        row = ["O"] * len(text)
        for start, end, label, _ in spans:
            row[start:end] = [f"B-{label}"] + [f"I-{label}"] * (end - start - 1)
        tags += [tag for tag, letter in zip(row, text, strict=True) if letter != " "]
    return tags


def _character_f1(
    gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]], texts: Sequence[str]
) -> dict[str, float]:
    wanted, said = character_tags(gold, texts), character_tags(predicted, texts)
    table = classification(wanted, said, sorted({*wanted, *said}))
    inside = [row["f1"] for tag, row in table["per_class"].items() if tag != "O"]
    return {"character_f1": table["macro_f1"], "character_f1_without_o": sum(inside) / max(1, len(inside))}


def entities(
    gold: Sequence[Sequence[Span]], predicted: Sequence[Sequence[Span]], texts: Sequence[str]
) -> dict[str, Any]:
    """Scores of the spans of each sentence; unit entity (exact characters and type) or character; shares of 1.

    entity_precision, _recall, _f1  unit entity, micro: conlleval's and seqeval's figure (CoNLL-2003)
    macro_entity_f1                 unit entity, mean F1 of the types in gold or predictions: "entity F1" of KLUE-NER
    character_f1                    unit character (blanks left out), mean F1 of the BIO tags that occur, **O among
                                    them**: "character F1" of KLUE-NER
    character_f1_without_o          the same mean without O

    KLUE-NER (Park et al. 2021, arXiv 2105.09680) as KLUE-baseline's metrics/functional.py computes it: seqeval's macro
    F1 in strict IOB2, and scikit-learn's macro F1 over all 13 tags, though its docstring says "except O tag". What
    differs there: predicted tags are read strictly (an I without its B is no entity; `spans_of` begins one),
    outer blanks of a span do not count, [CLS] and [SEP] count as two more tags a sentence, and a tag that never occurs
    as F1 1.
    """
    wanted, said = _found(gold), _found(predicted)
    right, golds, saids = (Counter(label for label, *_ in each) for each in (wanted & said, wanted, said))
    rows = {label: _precision_recall_f1(right[label], saids[label], golds[label]) for label in sorted(golds | saids)}
    precision, recall, f1 = _precision_recall_f1(len(wanted & said), len(said), len(wanted))
    return {
        "n": len(texts),
        "entities": len(wanted),
        "entity_precision": precision,
        "entity_recall": recall,
        "entity_f1": f1,
        "macro_entity_f1": sum(f for *_, f in rows.values()) / max(1, len(rows)),
        **_character_f1(gold, predicted, texts),
        "per_type": {
            label: {"precision": p, "recall": r, "f1": f, "support": golds[label]} for label, (p, r, f) in rows.items()
        },
    }
