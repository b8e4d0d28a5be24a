"""The epoch kernel against the rule itself, in double precision, on the rows that a document touches."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from yeonma.encoders.ngram_features import Features
from yeonma.encoders.ngram_steps import Lesson, text
from yeonma.optim import prefetch
from yeonma.optim.optimizer import start
from yeonma.optim.registry import get
from yeonma.optim.settings import Settings

RULES = ("sgd", "momentum", "nag", "adagrad", "rmsprop", "adadelta", "adam", "nadam")
ROWS, DOCUMENTS = 12, 9


def lesson(classes, seed=0):
    draw = np.random.default_rng(seed)
    rows = [np.r_[0, 1 + draw.permutation(ROWS - 1)[: draw.integers(0, 6)]] for _ in range(DOCUMENTS)]
    starts = np.cumsum([0, *map(len, rows)])
    golds = draw.integers(0, classes, DOCUMENTS)
    heed = np.linspace(0.5, 1.5, classes).astype(np.float32)
    return Lesson(Features(np.concatenate(rows).astype(np.int32), starts), golds, heed)


def error_of(scores, gold, heed, most, count):
    """The derivative of the loss by the scores, the loss, and the squared norm of the document's gradient."""
    if len(scores) == 1:
        share = 1 / (1 + math.exp(-scores[0]))
        error, loss = np.array([share - gold]), -math.log(share if gold else 1 - share)
    else:
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        error, loss = shares - np.eye(len(scores))[gold], -math.log(shares[gold])
    error = error * heed
    square = float(error @ error) * (1 + min(count, 1))
    return error * (most / math.sqrt(square) if 0 < most < math.sqrt(square) else 1), heed * loss, square


def plainly(form, weight, data, documents, chosen, most):
    """What the kernel does, in numpy and float64."""
    w = weight.astype(float)
    slots = {name: np.full_like(w, value) for name, value in form.slots.items() if name in form.elements}
    scalars = {name: float(form.slots[name]) for name in form.scalars}
    loss = squares = 0.0
    for t, document in enumerate(documents, start=1):
        rows = data.data.ids[data.data.starts[document] : data.data.starts[document + 1]]
        value = 1 / math.sqrt(max(len(rows) - 1, 1))
        gold = int(data.golds[document])
        scores = w[0] + value * w[rows[1:]].sum(0)
        error, more, square = error_of(scores, gold, data.class_weights[gold], most, len(rows) - 1)
        loss, squares = loss + more, squares + square
        g = np.concatenate(([error], np.tile(error * value, (len(rows) - 1, 1)))) + chosen.l2 * w[rows]
        state = form.State(**{name: slot[rows] for name, slot in slots.items()}, **scalars)
        delta, new = form.function(g, state, t, chosen.lr, **chosen.hyper)
        w[rows] = chosen.shrink * w[rows] + delta
        for name in slots:
            slots[name][rows] = getattr(new, name)
        scalars = {name: getattr(new, name) for name in scalars}
    return w, slots, scalars, loss, squares


@pytest.mark.parametrize(
    ("rule", "form", "outputs"), [*((rule, "deck", 1) for rule in RULES), ("adagrad", "deck", 3), ("nadam", "torch", 3)]
)
def test_a_stretch_is_the_rule_on_one_document_after_the_other(rule, form, outputs):
    form = get(rule).form(form)
    data, documents = lesson(max(2, outputs)), np.random.default_rng(1).permutation(DOCUMENTS)
    weight = torch.randn(ROWS, outputs, generator=torch.Generator().manual_seed(2))
    chosen, most = Settings(0.05, 0.999, 0.01, dict(form.hyper)), 0.4
    w, slots, scalars, loss, squares = plainly(form, weight.numpy().copy(), data, documents, chosen, most)
    state, sums = start(form, weight), [0.0, 0.0]
    for stretch in (documents[:4], documents[4:]):
        sums = [a + b for a, b in zip(sums, data.step(form, weight, state, stretch, chosen, most), strict=True)]
    assert np.allclose(weight.numpy(), w, rtol=2e-4, atol=2e-5)
    for name, slot in slots.items():
        assert np.allclose(state[name].numpy(), slot, rtol=2e-4, atol=2e-6), name
    for name, value in scalars.items():
        assert float(state[name]) == pytest.approx(value)
    assert sums == pytest.approx([loss, squares], rel=1e-4)
    assert float(state["step"]) == DOCUMENTS


def test_a_row_that_no_document_has_stays_as_it_is():
    data, form = lesson(2), get("adam").form("deck")
    weight = torch.ones(ROWS + 1, 1)
    data.step(form, weight, start(form, weight), np.arange(DOCUMENTS), Settings(0.1, 0.9, 0.1, dict(form.hyper)), 0.0)
    assert weight[ROWS] == 1
    assert weight[0] != 1


def test_an_edited_prefetch_gives_another_file():
    assert prefetch.STAMP in text("sgd", 1, (), (), ["pass"])
