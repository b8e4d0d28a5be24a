"""The contract of every task: rows, targets, a loss that falls, decoding and scores."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from builders import examples
from yeonma import plugins
from yeonma.records import Batch, Encoded, Example, Prediction, Tokens

NAMES = plugins.names("task")
LABELS = ("긍정", "부정")
BLANK = Tokens(np.zeros(1, np.int64), np.zeros((1, 2), np.int32), np.zeros(1, np.int8))


def batch_of(task, rows):
    targets = [task.targets(e, BLANK) for e in rows]
    stacked = {name: torch.tensor([t[name] for t in targets]) for name in targets[0]}
    mask = torch.ones(len(rows), 1, dtype=torch.bool)
    return Batch({}, mask, mask.to(torch.int8), stacked, torch.arange(len(rows)))


@pytest.mark.parametrize("name", NAMES)
def test_the_loss_falls_and_the_decoded_answers_become_right(name):
    torch.manual_seed(0)
    task, rows = plugins.load("task", name)(LABELS), examples(12)
    head, vectors = task.head(6, 4, 0.0), nn.Parameter(torch.randn(12, 6))
    optimizer = torch.optim.Adam([*head.parameters(), vectors], lr=0.1)
    batch, losses = batch_of(task, rows), []
    for _ in range(60):
        optimizer.zero_grad()
        out = head(Encoded(None, vectors))
        loss = task.loss(out, batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 5
    predictions = [Prediction(e.id, *a) for e, a in zip(rows, task.decode(out.detach()), strict=True)]
    assert all(0 <= p.score <= 1 for p in predictions)
    scores = task.scores(predictions, rows)
    assert scores["n"] == 12
    assert scores["accuracy"] == 1
    assert set(task.metrics) <= set(scores)


@pytest.mark.parametrize("name", NAMES)
def test_rows_hold_the_texts(name):
    task = plugins.load("task", name)(LABELS)
    assert task.inputs(Example("1", ("좋다",), "긍정")) == [("좋다",)]


@pytest.mark.parametrize("name", NAMES)
def test_examples_without_gold_are_not_scored_and_not_learnt(name):
    task, rows = plugins.load("task", name)(LABELS), [Example("1", ("좋다",), None), Example("2", ("싫다",), "부정")]
    out = torch.tensor([[5.0, 0.0], [0.0, 5.0]], requires_grad=True)
    task.loss(out, batch_of(task, rows)).backward()
    assert not out.grad[0].any()
    predictions = [Prediction(e.id, *a) for e, a in zip(rows, task.decode(out.detach()), strict=True)]
    assert task.scores(predictions, rows)["n"] == 1


def test_class_weights_are_scikit_learns_balanced():
    task = plugins.load("task", "single")(LABELS)
    task.weigh([Example(str(i), ("가",), "긍정" if i < 3 else "부정") for i in range(4)])
    assert task.weights.tolist() == pytest.approx([4 / (2 * 3), 4 / (2 * 1)])
    rows = [Example("1", ("가",), "긍정"), Example("2", ("가",), "부정")]
    out = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    plain = nn.functional.cross_entropy(out, torch.tensor([0, 1]), reduction="none")
    expected = (plain[0] * 4 / 6 + plain[1] * 2) / 2
    assert float(task.loss(out, batch_of(task, rows))) == pytest.approx(float(expected))
