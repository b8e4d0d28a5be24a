"""Question answering: the span of the context that answers a question (SQuAD v1.1, KorQuAD 1.0, KLUE-MRC)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from yeonma.records import Batch, Example, Prediction, Span, Tokens
from yeonma.tasks import rows
from yeonma.tasks.heads import TokenHead
from yeonma.tasks.scores import answers
from yeonma.tasks.task import Target, Task
from yeonma.text.align import spans_to_tokens, tokens_to_spans

CONTEXT = 1
N_BEST = 20
SHOWN = 5


class Found(NamedTuple):
    """The likeliest answers in one row, best first: tokens first … last, both inside, and the sum of their scores."""

    first: np.ndarray
    last: np.ndarray
    scores: np.ndarray


class QA(Task):
    """Where the answer begins and where it ends, each a softmax over the context's tokens in all windows together.

    One softmax over all windows of an example (shared normalisation: Clark & Gardner 2018, arXiv 1710.10723, section
    3.2) makes scores of different windows comparable; a window without the answer teaches that it has none.
    """

    kind: ClassVar[str] = "qa"
    roles: ClassVar[tuple[str, ...]] = ("question", "context")
    parts: ClassVar[int] = 2
    windows: ClassVar[bool | None] = True
    metrics = ("squad_f1", "squad_em", "korquad_f1", "korquad_em")

    def head(self, width: int) -> nn.Module:
        """Two scores for each token: as the first of the answer, and as the last."""
        return TokenHead(width, 2, self.hidden, self.dropout)

    def targets(self, example: Example, windows: Sequence[Tokens]) -> list[Target]:
        """{"first", "last"}: (T,) 1 on the tokens in which an accepted answer begins and ends, else 0."""
        return [_target(example, window) for window in windows]

    def loss(self, out: Tensor, batch: Batch) -> Tensor:
        """−½ (log P(first) + log P(last)), the mean over the examples; one whose answer was cut off counts as 0."""
        ends = ("first", "last")
        terms = [self._missing(out[..., k], batch.targets[end] == 1, batch) for k, end in enumerate(ends)]
        seen = torch.isfinite(terms[0]) & torch.isfinite(terms[1])
        total = torch.where(seen, terms[0] + terms[1], torch.zeros_like(terms[0])).sum()
        return total / (2 * max(1, len(seen)))

    def _missing(self, scores: Tensor, gold: Tensor, batch: Batch) -> Tensor:
        """−log of the share that the gold tokens have, for each example of the batch; infinite where there are none."""
        context = scores.masked_fill(batch.part != CONTEXT, float("-inf"))
        every = rows.beside(context.logsumexp(1), batch.items).logsumexp(1)
        right = rows.beside(context.masked_fill(~gold, float("-inf")).logsumexp(1), batch.items).logsumexp(1)
        return every - right

    def read(self, out: Tensor, batch: Batch) -> list[Any]:
        """The likeliest spans of each row, at most `answer_tokens` long."""
        begins, ends = out.masked_fill((batch.part != CONTEXT).unsqueeze(2), float("-inf")).float().unbind(2)
        many = min(N_BEST, begins.shape[1])
        (start, first), (stop, last) = begins.topk(many, 1), ends.topk(many, 1)
        scores = start.unsqueeze(2) + stop.unsqueeze(1)
        long = last.unsqueeze(1) - first.unsqueeze(2)
        scores = scores.masked_fill((long < 0) | (long >= self.answer_tokens), float("-inf")).flatten(1)
        best, at = scores.topk(min(N_BEST, many * many), 1)
        first, last = first.gather(1, at // many), last.gather(1, at % many)
        columns = zip(first.cpu().numpy(), last.cpu().numpy(), best.cpu().numpy(), strict=True)
        return [Found(*(column[np.isfinite(score)] for column in (a, b, score))) for a, b, score in columns]

    def answer(self, example: Example, windows: Sequence[Tokens], found: Sequence[Any]) -> Prediction:
        """The likeliest answer, cut from the original context by characters; `scores` are the next likely ones too."""
        ranked: dict[Span, float] = {}
        for span, score in sorted(_spans(windows, found), key=lambda each: -each[1]):
            ranked.setdefault(_without_blanks(span, example.texts[CONTEXT]), score)
        if not ranked:
            return Prediction(example.id, "", 0.0)
        likely = dict(list(ranked.items())[:N_BEST])
        shares = torch.tensor([*likely.values()]).softmax(0).tolist()
        texts: dict[str, float] = {}
        for span, share in zip(likely, shares, strict=True):
            text = example.texts[CONTEXT][span.start : span.end]
            texts[text] = texts.get(text, 0.0) + share
        best = next(iter(likely))
        value = example.texts[CONTEXT][best.start : best.end]
        others = sorted((text for text in texts if text != value), key=texts.__getitem__, reverse=True)
        shown = {text: texts[text] for text in (value, *others[: SHOWN - 1])}
        return Prediction(example.id, value, texts[value], shown, (best,))

    def written(self, example: Example, answer: Any) -> str:
        """The answer; of several gold ones the first."""
        golds = answer if isinstance(answer, tuple) else ()
        return _texts(example, golds)[0] if golds else super().written(example, answer or None)

    def right(self, example: Example, prediction: Prediction) -> bool:
        """Whether it is one of the gold answers, letter by letter."""
        return prediction.value in _texts(example, example.gold)

    def row(self, example: Example, prediction: Prediction) -> dict[str, Any]:
        """The question, the answer with its characters in the context, and the next likely ones."""
        start, end = prediction.spans[0][:2] if prediction.spans else (0, 0)
        answer = {"answer": prediction.value, "start": start, "end": end, "score": prediction.score}
        return {"question": example.texts[0], **answer, "n_best": dict(prediction.scores)}

    def scores(self, predictions: Sequence[Prediction], examples: Sequence[Example]) -> dict[str, Any]:
        """Exact match and F1 by SQuAD's words and by KorQuAD's characters, over the examples with a gold answer."""
        known = [(e, p) for p, e in zip(predictions, examples, strict=True) if e.gold]
        return answers([_texts(e, e.gold) for e, _ in known], [str(p.value) for _, p in known])


def _texts(example: Example, golds: Any) -> list[str]:
    """What spans of the context say."""
    return [example.texts[CONTEXT][span.start : span.end] for span in golds or ()]


def _target(example: Example, window: Tokens) -> Target:
    first, last = np.zeros((2, len(window.ids)), np.int64)
    golds: Any = example.gold or ()
    spans = [_without_blanks(span, example.texts[CONTEXT]) for span in golds]
    inside = [span for span in spans if _whole(span, window)]
    for found in spans_to_tokens(inside, window.offsets, window.part).ranges:
        first[found.first] = last[found.end - 1] = 1
    return {"first": first, "last": last}


def _whole(span: Span, window: Tokens) -> bool:
    """Whether the window holds a span from its first to its last character."""
    begins, ends = window.offsets[window.part == CONTEXT].T
    return len(begins) > 0 and bool(begins.min() <= span.start) and bool(span.end <= ends.max())


def _spans(windows: Sequence[Tokens], found: Sequence[Found]) -> Iterator[tuple[Span, float]]:
    for window, best in zip(windows, found, strict=True):
        for first, last, score in zip(*best, strict=True):
            for span in tokens_to_spans([(first, last + 1, "")], window.offsets, window.part):
                yield span, float(score)


def _without_blanks(span: Span, text: str) -> Span:
    """A span less the blanks at its ends."""
    inside = text[span.start : span.end]
    left = len(inside) - len(inside.lstrip())
    return span._replace(start=span.start + left, end=span.start + max(left, len(inside.rstrip())))
