"""Our side of the transformer benchmark: a training as `yeonma finetune` makes it, a few steps at a time."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from yeonma import api, chosen, finetuning, train
from yeonma.config import Config
from yeonma.model import Model
from yeonma.records import Dataset
from yeonma.scoring import evaluate

# The Trainer's own defaults: AdamW without decay, ε outside the root, linear to 0 without warm-up, clipped at 1.
ADAMW = {
    "optimizer": "adam", "form": "torch", "learning_rate": 5e-5, "weight_decay": 0.0, "schedule": "linear",
    "warmup_ratio": 0.0, "batch_size": 32, "max_grad_norm": 1.0, "threads": 1,
}  # fmt: skip
LOWER_HALF = {"freeze": "lower:3", "cache": True}


def settings(data: str, path: Path, seed: int, epochs: int = 1, **encoder: Any) -> Config:
    """The config of one training."""
    train = {**ADAMW, "epochs": epochs}
    overrides = {"seed": seed, "encoder": {"path": str(path), **encoder}, "train": train}
    return chosen.settings(data=data, encoder="transformer", overrides=overrides)


def examples(data: str, rows: int) -> Dataset:
    """`rows` rows of train, and as "valid" the split that is scored."""
    config = chosen.settings(data=data, overrides={"data": {"valid_fraction": 0.01}})
    whole = api.dataset(config, ("train", "valid", "test"))
    return replace(whole, splits={"train": whole.splits["train"][:rows], "valid": whole.splits["test"]})


def reviews() -> Dataset:
    """NSMC's training split, a tenth of it held out; the test reviews are not read."""
    return api.dataset(chosen.settings(data="nsmc"))


class Ours:
    """A fresh training that goes on when it is asked to, on random numbers of its own.

    seconds  CPU seconds of the steps so far
    ready    CPU seconds before the first step: loading, tokenizing, computing what is cached
    """

    def __init__(self, config: Config, data: Dataset) -> None:
        elsewhere, began = torch.get_rng_state(), time.process_time()
        self.training = finetuning.prepare(config, data)
        self.ready, self.seconds = time.process_time() - began, 0.0
        self.random = torch.get_rng_state()
        torch.set_rng_state(elsewhere)

    def go(self, steps: int) -> None:
        """Make so many steps, or what is left of them."""
        t, elsewhere = self.training, torch.get_rng_state()
        torch.set_rng_state(self.random)
        began = time.process_time()
        for _ in range(min(steps, t.steps - t.state.step)):
            train.update(t)
        self.seconds += time.process_time() - began
        self.random = torch.get_rng_state()
        torch.set_rng_state(elsewhere)

    def finish(self) -> Model:
        """The model after all steps."""
        self.go(self.training.steps)
        return self.training.model.eval()

    def accuracy(self) -> float:
        """The share of right labels on the scored split, the whole model read from the texts."""
        model, rows = self.training.model, self.training.dataset.splits["valid"]
        return float(evaluate(model, rows)[0]["accuracy"])
