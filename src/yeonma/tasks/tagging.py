"""Tagging: spans of a text with labels, as tags B-x, I-x, O on its tokens (CoNLL-2003, KLUE-NER, KMOU-NER)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from yeonma.errors import ConfigError
from yeonma.records import Batch, Encoded, Example, Prediction, Tokens
from yeonma.tasks import rows
from yeonma.tasks.crf import Chain
from yeonma.tasks.heads import TokenHead
from yeonma.tasks.scores import entities, spans_of, tags_of
from yeonma.tasks.task import IGNORED, Target, Task

OUTSIDE = "O"


class Tagged(NamedTuple):
    """A tagging head's scores: (B, T, tags) of each token, and the chain that scores their order."""

    scores: Tensor
    chain: Chain


class Found(NamedTuple):
    """The tags of one row's tokens (T,), and their probabilities (T,)."""

    tags: np.ndarray
    shares: np.ndarray


class TaggingHead(nn.Module):
    """Token vectors → scores of tags; without `crf` the chain only forbids what is no BIO, and is not trained."""

    def __init__(self, width: int, tags: Sequence[str], crf: bool, hidden: int, dropout: float) -> None:
        super().__init__()
        self.tokens = TokenHead(width, len(tags), hidden, dropout)
        self.chain = Chain(tags).requires_grad_(crf)

    def forward(self, encoded: Encoded) -> Tagged:
        """Read the token vectors only."""
        return Tagged(self.tokens(encoded), self.chain)


class Tagging(Task):
    """BIO tags on tokens; a token of two windows counts where it has more text around it.

    Decoding is Viterbi's, over tags that follow one another in BIO: so every answer is whole. With `crf` the order of
    the tags is learnt too (Lample et al. 2016, arXiv 1603.01360).
    """

    kind: ClassVar[str] = "tagging"
    windows: ClassVar[bool | None] = True
    metrics = ("entity_f1", "entity_precision", "entity_recall", "macro_entity_f1", "character_f1")

    def __init__(self, labels: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(labels, **settings)
        if not self.labels:
            raise ConfigError("Tagging needs at least one label; no training row has a labelled span.")
        self.tags = (OUTSIDE, *(f"{border}-{label}" for label in self.labels for border in "BI"))
        self.index = {tag: number for number, tag in enumerate(self.tags)}

    def head(self, width: int) -> nn.Module:
        """Scores of tags for each token."""
        return TaggingHead(width, self.tags, self.crf, self.hidden, self.dropout)

    def targets(self, example: Example, windows: Sequence[Tokens]) -> list[Target]:
        """{"tags": (T,)}: −100 on special tokens, and on tokens that belong to another window."""
        owned = zip(owners(windows), windows, strict=True)
        return [{"tags": self._begun(np.where(own, self._tags(example, window), IGNORED))} for own, window in owned]

    def _begun(self, tags: np.ndarray) -> np.ndarray:
        """For a chain, which bars sequences that begin inside an entity, the first own token of a window begins one."""
        own = np.flatnonzero(tags != IGNORED)
        if self.crf and len(own) and self.tags[tags[own[0]]].startswith("I-"):
            tags[own[0]] -= 1  # B-x stands before I-x
        return tags

    def _tags(self, example: Example, window: Tokens) -> np.ndarray:
        if example.gold is None:
            return np.full(len(window.ids), IGNORED)
        golds: Any = example.gold
        return np.array([self.index[tag] for tag in tags_of(golds, window.offsets.tolist())], np.int64)

    def loss(self, out: Tagged, batch: Batch) -> Tensor:
        """Cross-entropy, or −log P of the tags under the chain: the mean over tokens, over windows, over examples."""
        gold = batch.targets["tags"]
        known = gold != IGNORED
        counts = known.sum(1).clamp(min=1)
        if self.crf:
            scores, gold, known = to_the_left(known, out.scores, gold)
            missing = out.chain.nll(scores, gold, known)
            return rows.mean((missing / counts).unsqueeze(1), batch.items).mean()
        missing = F.cross_entropy(out.scores.transpose(1, 2), gold, ignore_index=IGNORED, reduction="none")
        return rows.mean((missing.sum(1) / counts).unsqueeze(1), batch.items).mean()

    def read(self, out: Tagged, batch: Batch) -> list[Any]:
        """The likeliest whole sequence of tags of each row's own tokens, and how probable each of them is."""
        scores, real = to_the_left(batch.part >= 0, out.scores.float())
        paths = out.chain.viterbi(scores, real)
        shares = (out.chain.marginals(scores, real) if self.crf else scores.softmax(2)).cpu().numpy()
        both = zip(paths, shares, strict=True)
        return [Found(np.array(path, np.int64), share[np.arange(len(path)), path]) for path, share in both]

    def answer(self, example: Example, windows: Sequence[Tokens], found: Sequence[Any]) -> Prediction:
        """The labelled spans of the text's characters."""
        tags, shares, offsets = _merged(windows, found)
        names = [self.tags[tag] for tag in tags]
        spans = spans_of(names, offsets.tolist())
        inside = shares[tags != self.index[OUTSIDE]]
        return Prediction(example.id, spans, float(inside.mean()) if len(inside) else 1.0, {}, spans)

    def written(self, example: Example, answer: Any) -> str:
        """Each span's label, characters and text."""
        return "; ".join(f"{s.label} {s.start}–{s.end} {example.texts[0][s.start : s.end]}" for s in answer or ())

    def row(self, example: Example, prediction: Prediction) -> dict[str, Any]:
        """The text and its labelled spans."""
        text = example.texts[0]
        spans = [
            {"start": s.start, "end": s.end, "label": s.label, "text": text[s.start : s.end]} for s in prediction.spans
        ]
        return {"text": text, "spans": spans, "score": prediction.score}

    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """Entity precision, recall and F1 on exact characters, over the examples with gold spans."""
        known: list[Any] = [(e, p) for p, e in zip(predictions, examples, strict=True) if e.gold is not None]
        return entities([e.gold for e, _ in known], [p.spans for _, p in known], [e.texts[0] for e, _ in known])


def owners(windows: Sequence[Tokens]) -> list[np.ndarray]:
    """For each window of a text which of its tokens (T,) bool count there.

    The border of two windows is the middle of what they share, so every token has as much text around it as it can.
    """
    owned = []
    for number, window in enumerate(windows):
        real = window.part >= 0
        place = window.start + np.cumsum(real) - 1
        for other, below in ((number - 1, True), (number + 1, False)):
            if 0 <= other < len(windows):
                early, late = sorted((windows[other], window), key=lambda each: each.start)
                border = (late.start + early.start + int((early.part >= 0).sum())) // 2
                real = real & (place >= border if below else place < border)
        owned.append(real)
    return owned


def to_the_left(mask: Tensor, *columns: Tensor) -> tuple[Tensor, ...]:
    """Columns (B, T, …) with the masked tokens of each row in front, in their order, and last their mask."""
    order = (~mask).to(torch.int8).argsort(dim=1, stable=True)
    moved = [x.gather(1, order.view(*order.shape, *[1] * (x.ndim - 2)).expand_as(x)) for x in columns]
    return (*moved, mask.gather(1, order))


def _merged(windows: Sequence[Tokens], found: Sequence[Found]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tags, probabilities and offsets of a text's tokens, each from the window that owns it."""
    columns = []
    for own, window, one in zip(owners(windows), windows, found, strict=True):
        kept = own[window.part >= 0]
        columns.append((one.tags[kept], one.shares[kept], window.offsets[own]))
    tags, shares, offsets = (np.concatenate(column) for column in zip(*columns, strict=True))
    return tags, shares, offsets
