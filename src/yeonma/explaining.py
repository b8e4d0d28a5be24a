"""Which words carried an answer: what it loses without each of them, or its score's gradient at their vectors."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import singledispatch
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from yeonma import batches
from yeonma.errors import ConfigError, nearest
from yeonma.model import Model
from yeonma.records import Example, Prediction, Tokens
from yeonma.tasks import Task
from yeonma.tasks.choice import Choice
from yeonma.tasks.qa import QA
from yeonma.tasks.scores import tags_of
from yeonma.tasks.single import Single
from yeonma.tasks.tagging import OUTSIDE, Tagging, owners
from yeonma.text.align import spans_to_tokens

MOST = 256  # pieces of an example that are left out
LEAST = 1e-12  # probabilities below count as this one
BESIDE = ("characters", "words", "ngrams", "features")  # what tokens may hold for other layers than the table


class Carried(NamedTuple):
    """Characters start … end−1 of `texts[text]` of an example, a word, and how much of the answer rests on it.

    The weight is above 0 where the word speaks for the answer, and below where it speaks against it. A word is what
    stands between white space; of a very long text, a run of several words.
    """

    text: int
    start: int
    end: int
    weight: float


class Explained(NamedTuple):
    """An answer, and the words that carried it, in their order."""

    prediction: Prediction
    words: list[Carried]


def explain(model: Model, texts: Sequence[str | tuple[str, ...]], method: str = "leave-one-out") -> list[Explained]:
    """Answers for plain texts (or tuples of texts, as `Model.predict` takes them), and which words carried them.

    method  "leave-one-out" or "gradient"
    Raises: ConfigError for another method, and as `Model.predict` and the method do.
    """
    way = method_of(method)
    predictions = model.predict(texts)
    examples = [
        Example(p.id, (t,) if isinstance(t, str) else tuple(t)) for t, p in zip(texts, predictions, strict=True)
    ]
    return [Explained(p, way(model, example, p)) for example, p in zip(examples, predictions, strict=True)]


def method_of(name: str) -> Method:
    """`leave_one_out` or `gradients`, by the name that people give.

    Raises: ConfigError.
    """
    if name not in METHODS:
        raise ConfigError(f"There is no way to explain called {name!r}.{nearest(name, METHODS)}")
    return METHODS[name]


def rows(example: Example, words: Sequence[Carried]) -> list[dict[str, Any]]:
    """The words as `yeonma predict` writes them: text, start, end, word and weight of each."""
    return [{**w._asdict(), "word": example.texts[w.text][w.start : w.end], "weight": w.weight} for w in words]


# -- leaving words out -------------------------------------------------------------------------------------------------


class _Piece(NamedTuple):
    """A word, or a run of them, and the characters that go with it: its own and the blank beside it."""

    text: int
    start: int
    end: int
    gone: range


def leave_one_out(model: Model, example: Example, prediction: Prediction | None = None) -> list[Carried]:
    """Every word's weight: how much the support of the answer falls when the text is read without it.

    prediction  whose answer is asked about; None: the model's own
    Support is log p (natural) of a label or an ending; of a number the number itself, so that weights have its unit; of
    an answer to a question log p of the same text, or where it is not among the likely ones that `Prediction.scores`
    holds, of the last of these. Probabilities below 1e-12 count as 1e-12. Of a tagging it is the share of the spans
    that are found again, with their labels and what is left of their characters: so a weight is the share of the spans
    that go with a word, those that consist of it among them, and 0 for all words where there are no spans.

    It asks for nothing but predictions, so it holds for any encoder (Robnik-Šikonja & Kononenko 2008; for words Li,
    Monroe & Jurafsky 2016, arXiv 1612.08220). At most 256 pieces of an example are left out, all predicted in one call:
    where there are more words, the longest texts are cut into runs of several words, and each result is a run.
    """
    pieces = [*_pieces(example.texts)]
    variants = [replace(example, gold=None), *(_without(example, piece) for piece in pieces)]
    whole, *found = model.predictions(model.prepare(variants, cache=False), variants)
    answer = prediction or whole
    before = _support(answer, whole, example, range(0))
    after = [_support(answer, each, example, piece.gone) for each, piece in zip(found, pieces, strict=True)]
    return [Carried(*piece[:3], before - support) for piece, support in zip(pieces, after, strict=True)]


def _words(text: str) -> list[tuple[int, int]]:
    """First character, and the one behind the last, of each run of characters that are not blank."""
    return [match.span() for match in re.finditer(r"\S+", text)]


def _pieces(texts: Sequence[str]) -> Iterator[_Piece]:
    words = [_words(text) for text in texts]
    most = max(n for n in range(1, MOST + 1) if n == 1 or sum(min(len(own), n) for own in words) <= MOST)
    for text, own in enumerate(words):
        count = min(len(own), most)
        for number in range(count):
            first, behind = len(own) * number // count, len(own) * (number + 1) // count
            start, end = own[first][0], own[behind - 1][1]
            last = behind == len(own)
            gone = range(own[first - 1][1] if first else start, end) if last else range(start, own[behind][0])
            yield _Piece(text, start, end, gone)


def _without(example: Example, piece: _Piece) -> Example:
    texts = [*example.texts]
    text = texts[piece.text]
    texts[piece.text] = text[: piece.gone.start] + text[piece.gone.stop :]
    return Example(example.id, tuple(texts))


def _support(answer: Prediction, found: Prediction, example: Example, gone: range) -> float:
    """How much what was found without some characters still says the answer."""
    if isinstance(answer.value, tuple):
        return _found_again(answer, found, example.texts[0], gone)
    if not isinstance(answer.value, str):
        return float(found.value)  # type: ignore[arg-type]
    least = min(found.scores.values(), default=1.0) if answer.spans else 0.0  # of answers only the likeliest are kept
    share = max(LEAST, found.scores.get(answer.value, least))
    if share > 0.5 and not answer.spans:  # the scores are all there are: log p to all its digits where p is nearly 1
        return -math.log1p(sum(p for label, p in found.scores.items() if label != answer.value) / share)
    return math.log(share)


def _found_again(answer: Prediction, found: Prediction, text: str, gone: range) -> float:
    """The share of the answer's spans that are found without some characters; all where there are no spans."""
    filled = [at for at, letter in enumerate(text) if not letter.isspace()]
    left = [at for at in range(len(text)) if at not in gone]
    wanted = [({at for at in filled if s.start <= at < s.end and at not in gone}, s.label) for s in answer.spans]
    said = [({*left[s.start : s.end]}.intersection(filled), s.label) for s in found.spans]
    again = sum(bool(each[0]) and each in said for each in wanted)
    return again / len(wanted) if wanted else 1.0


# -- gradients ---------------------------------------------------------------------------------------------------------


def gradients(model: Model, example: Example, prediction: Prediction | None = None) -> list[Carried]:
    """Every word's weight: gradient × input of the answer's score, summed over the width of its tokens' vectors.

    prediction  whose answer is asked about; None: the model's own
    Σₖ xₖ ∂s/∂xₖ with x what the encoder's table gives for a token (Denil, Demiraj & de Freitas 2014, arXiv 1412.6815;
    after Simonyan, Vedaldi & Zisserman 2013, arXiv 1312.6034). s is the score before the softmax of a label or
    an ending; a number itself; of an answer to a question the score of its beginning plus that of its end; of a tagging
    the sum of the scores of its spans' tags, as the layer below a CRF gives them. A token's part goes to the word that
    holds its characters, in equal shares where there are several; what special tokens have goes to no word.

    The model is left as it was: no gradient stays on a weight.
    Raises: ConfigError where the encoder reads more of a word than its table, or has no gradient there: linear n-grams,
    character vectors, n-grams of unknown words, a second table.
    """
    blind = replace(example, gold=None)
    prepared = model.prepare([blind], cache=False)
    answer = prediction or model.predictions(prepared, [blind])[0]
    batch = batches.collate(model.encoder, prepared, np.arange(len(prepared.windows)))
    with _looked_up(model) as vectors:
        out = model(batch)
        if not vectors or any(getattr(window, name) is not None for window in prepared.windows for name in BESIDE):
            raise ConfigError(
                f"gradient: the encoder {model.encoder.kind!r}, as it is set, reads more than the rows of one table, "
                'so its gradient there is not the whole answer. Use "leave-one-out", which holds for any encoder.'
            )
        slopes = torch.autograd.grad(_score(model.task, out, answer, prepared.windows), vectors, materialize_grads=True)
    shares = [(slope * x.detach()).flatten(2).sum(2) for slope, x in zip(slopes, vectors, strict=True)]
    return _by_word(model.task, example, prepared.windows, torch.stack(shares).sum(0).double().numpy())


@contextmanager
def _looked_up(model: Model) -> Iterator[list[Tensor]]:
    """Evaluation in which what the table gives, (B, T, …) each time, is a leaf of the graph.

    The lookup itself is made without gradients: so rows that sleep under an optimizer stay asleep.
    """
    found: list[Tensor] = []

    def before(table: Any, ids: Any) -> None:
        torch.set_grad_enabled(False)

    def after(table: Any, ids: Any, vectors: Tensor) -> Tensor:
        torch.set_grad_enabled(True)
        found.append(vectors.detach().requires_grad_())
        return found[-1]

    table, was_training = model.encoder.embeddings(), model.training
    hooks = table.register_forward_pre_hook(before), table.register_forward_hook(after)
    model.eval()
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield found
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)


@singledispatch
def _score(task: Task, out: Any, answer: Prediction, windows: Sequence[Tokens]) -> Tensor:
    """What the head says for the answer, as one number of the graph; `out` is of the example's windows."""
    raise ConfigError(f'gradient: not known for the task {task.kind!r}. Use "leave-one-out".')


@_score.register(Single)
def _of_text(task: Single, out: Tensor, answer: Prediction, windows: Sequence[Tokens]) -> Tensor:
    scores = out.mean(0)
    if task.scale:
        return scores[0] * (task.scale[1] - task.scale[0])
    return scores[task.labels.index(str(answer.value))]


@_score.register(Choice)
def _of_ending(task: Choice, out: Tensor, answer: Prediction, windows: Sequence[Tokens]) -> Tensor:
    return out[int(str(answer.value)) - 1, 0]


@_score.register(QA)
def _of_answer(task: QA, out: Tensor, answer: Prediction, windows: Sequence[Tokens]) -> Tensor:
    """In the window, of those that hold the answer whole, where it is highest."""
    found = [out.sum() * 0]
    for row, window in enumerate(windows):
        for tokens in spans_to_tokens(answer.spans, window.offsets, window.part).ranges:
            first, last, span = tokens.first, tokens.end - 1, answer.spans[0]
            if window.offsets[first, 0] <= span.start and span.end <= window.offsets[last, 1]:
                found.append(out[row, first, 0] + out[row, last, 1])
    return torch.stack(found[1:] or found).max()


@_score.register(Tagging)
def _of_tags(task: Tagging, out: Any, answer: Prediction, windows: Sequence[Tokens]) -> Tensor:
    chosen = torch.zeros_like(out.scores)
    for page, own, window in zip(chosen, owners(windows), windows, strict=True):
        tags = tags_of(answer.spans, window.offsets.tolist())
        for token in np.flatnonzero(own).tolist():
            if tags[token] != OUTSIDE:
                page[token, task.index[tags[token]]] = 1
    scores: Tensor = out.scores
    return (scores * chosen).sum()


def _by_word(task: Task, example: Example, windows: Sequence[Tokens], shares: np.ndarray) -> list[Carried]:
    """What the tokens of all windows have, (R, T), given to the words of the example."""
    numbered = task.inputs(replace(example, texts=tuple(map(str, range(len(example.texts))))))  # which texts a row has
    words = [np.array(_words(text), np.int64).reshape(-1, 2) for text in example.texts]
    weights = [np.zeros(len(own)) for own in words]
    for window, line in zip(windows, shares, strict=True):
        for token in np.flatnonzero(window.part >= 0).tolist():
            text = int(numbered[window.row][window.part[token]])
            start, end = window.offsets[token]
            met = (words[text][:, 0] < end) & (words[text][:, 1] > start)
            weights[text][met] += line[token] / max(1, met.sum())
    return [
        Carried(text, start, end, weight)
        for text, own in enumerate(words)
        for (start, end), weight in zip(own.tolist(), weights[text].tolist(), strict=True)
    ]


Method = Callable[[Model, Example, Prediction | None], list[Carried]]
METHODS: dict[str, Method] = {"leave-one-out": leave_one_out, "gradient": gradients}
