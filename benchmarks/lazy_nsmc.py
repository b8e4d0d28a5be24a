"""The same training with dense and with lazy word vectors: the part `nsmc` of benchmarks/optimizers.py.

word2vec vectors are tuned on the reviews of NSMC, once as an nn.Embedding, once as a RowTable; same seed, same
batches, same rates. The two take turns within one process, 50 steps each, on one thread. Validation loss is measured
four times an epoch, on the validation split that training sees.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from nsmc import RATES, SHARED, vectors

from yeonma import api, batches, chosen
from yeonma.finetuning import Training, prepare
from yeonma.train import update

EPOCHS, TURN = 2, 50
RUNS = (
    ("bag", "adam"),
    ("bag", "nadam"),
    ("bag", "adadelta"),
    ("bag", "momentum"),
    ("cnn", "adam"),
    ("bilstm-attention", "adam"),
)


def training(encoder: str, optimizer: str, rows: str) -> Training:
    """A training that is ready to step."""
    rate = {"learning_rate": RATES[encoder]} if optimizer in ("adam", "nadam") else {}
    train = {**SHARED["train"], "epochs": EPOCHS, "precision": "fp32", **rate}
    config = chosen.settings(
        data="nsmc",
        encoder=encoder,
        optimizer=optimizer,
        vectors=vectors(),
        overrides={"train": train, "encoder": {"rows": rows}, "seed": 1},
    )
    return prepare(config, api.dataset(config))


@torch.no_grad()
def validation_loss(t: Training) -> float:
    """Mean loss of the validation examples."""
    t.model.eval()
    total = 0.0
    for rows in batches.in_order(t.valid.lengths):
        batch = batches.collate(t.model.encoder, t.valid, rows)
        total += float(t.model.task.loss(t.model(batch).float(), batch)) * len(rows)
    return total / len(t.valid)


def turn(t: Training) -> float:
    """CPU seconds of the next TURN steps, with dropout masks that depend on the step alone."""
    torch.manual_seed(t.state.step)
    began = time.process_time()
    for _ in range(min(TURN, t.steps - t.state.step)):
        update(t)
    return time.process_time() - began


def nsmc(encoder: str, rule: str) -> dict[str, Any]:
    """The two curves of a run, their largest distance, and the CPU time of an epoch of each."""
    both = {rows: training(encoder, rule, rows) for rows in ("dense", "lazy")}
    seconds, curves = dict.fromkeys(both, 0.0), {rows: list[float]() for rows in both}
    every = max(1, both["lazy"].steps // (4 * EPOCHS) // TURN) * TURN
    while (step := both["lazy"].state.step) < both["lazy"].steps:
        for rows, t in both.items():
            seconds[rows] += turn(t)
            if (step + TURN) % every == 0 or t.state.step == t.steps:
                curves[rows].append(validation_loss(t))
    return {
        "table": " x ".join(map(str, both["lazy"].model.encoder.embeddings().weight.shape)),
        "epoch_cpu_seconds": {rows: round(value / EPOCHS, 1) for rows, value in seconds.items()},
        "dense_over_lazy": round(seconds["dense"] / seconds["lazy"], 2),
        "validation_loss": {rows: [round(x, 6) for x in curve] for rows, curve in curves.items()},
        "largest_distance": max(abs(a - b) for a, b in zip(curves["dense"], curves["lazy"], strict=True)),
    }
