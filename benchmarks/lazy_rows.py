"""What exact lazy rows cost and how exact they are: the parts `lazy`, `growth` and `error` of benchmarks/optimizers.py.

All on one thread; each round times every contender once, in turn, so that the noise of the machine hits all alike.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from yeonma import optim

TEXTS, LENGTH, DIM = 60, 120, 200  # 7,200 tokens a batch
WARM, ROUNDS = 500, 15

TORCH: dict[str, Callable[..., torch.optim.Optimizer]] = {  # torch's best on the CPU: fused where there is one
    "gd": lambda p: torch.optim.SGD(p, lr=1e-3, fused=True),
    "sgd": lambda p: torch.optim.SGD(p, lr=1e-3, fused=True),
    "momentum": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, fused=True),
    "nag": lambda p: torch.optim.SGD(p, lr=1e-3, momentum=0.9, nesterov=True, fused=True),
    "adagrad": lambda p: torch.optim.Adagrad(p, fused=True),
    "rmsprop": lambda p: torch.optim.RMSprop(p, foreach=True),
    "adadelta": lambda p: torch.optim.Adadelta(p, foreach=True),
    "adam": lambda p: torch.optim.Adam(p, fused=True),
    "nadam": lambda p: torch.optim.NAdam(p, foreach=True),
}
WORDS = 500_000
SIZES = ((5_000, 200, 300), (3_000, 60, 1_500))  # words, tokens a step, steps


def zipf(words: int, exponent: float, rng: np.random.Generator) -> Callable[[int], np.ndarray]:
    """Draws of words 0 … words − 1, the r-th most frequent with probability ∝ r^−exponent, names shuffled."""
    heap = np.cumsum(1 / np.arange(1, words + 1) ** exponent)
    name = rng.permutation(words)
    return lambda n: name[np.minimum(np.searchsorted(heap, rng.random(n) * heap[-1]), words - 1)]


class Bag(nn.Module):
    """The mean of a text's word vectors under a linear layer: the smallest model that trains a table."""

    def __init__(self, table: nn.Embedding) -> None:
        super().__init__()
        self.table, self.head = table, nn.Linear(DIM, 2)

    def forward(self, ids: Tensor) -> Tensor:
        """(texts, tokens) → (texts, 2)."""
        return self.head(self.table(ids).mean(1))


def train_step(model: Bag, optimizer: torch.optim.Optimizer, ids: Tensor, gold: Tensor) -> float:
    """Seconds of CPU time of one whole step."""
    began = time.thread_time()
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(ids), gold).backward()
    optimizer.step()
    return time.thread_time() - began


def lazy_step(model: Bag, optimizer: torch.optim.Optimizer, ids: Tensor, gold: Tensor) -> float:
    """Seconds of CPU time that the rows cost in one step: waking them before the read, and the optimizer's step."""
    rows = model.table._parameters["weight"].rows  # type: ignore[union-attr]
    touched = torch.unique(ids)
    began = time.thread_time()
    if rows.sleep.moves():
        rows.wake(touched)
    waking = time.thread_time() - began
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(ids), gold).backward()
    began = time.thread_time()
    optimizer.step()
    return waking + time.thread_time() - began


def timed(function: Callable[[], Any]) -> float:
    """Seconds of CPU time."""
    began = time.thread_time()
    function()
    return time.thread_time() - began


def batches(words: int, spread: int = 1) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches without end: ids (TEXTS, LENGTH), `spread` apart, and labels (TEXTS,)."""
    rng = np.random.default_rng(0)
    draw = zipf(words, 1.0, rng)
    while True:
        ids = draw(TEXTS * LENGTH).reshape(TEXTS, LENGTH) * spread
        yield torch.from_numpy(ids), torch.from_numpy(rng.integers(0, 2, TEXTS))


def warm(table: nn.Embedding, rule: str, data: Iterator[tuple[Tensor, Tensor]], steps: int) -> tuple[Bag, Any]:
    """A model and its optimizer, some steps into a training."""
    model = Bag(table)
    optimizer = optim.make(rule, model.parameters())
    for _ in range(steps):
        train_step(model, optimizer, *next(data))
    return model, optimizer


def lazy(rule: str) -> dict[str, Any]:
    """The rows' step beside torch's best dense step, and the whole training step beside that with dense fused Adam."""
    torch.manual_seed(0)
    data = batches(WORDS)
    model, optimizer = warm(optim.RowTable(WORDS, DIM), rule, data, WARM)
    dense = Bag(nn.Embedding(WORDS, DIM))
    adam = torch.optim.Adam(dense.parameters(), fused=True)
    weight = nn.Parameter(torch.full((WORDS, DIM), 0.1))
    weight.grad = torch.full((WORDS, DIM), 1e-4)
    step = TORCH[rule]([weight]).step
    times = rounds(
        {
            "torch": lambda: timed(step),
            "lazy": lambda: lazy_step(model, optimizer, *next(data)),
            "whole lazy": lambda: train_step(model, optimizer, *next(data)),
            "whole torch Adam": lambda: train_step(dense, adam, *next(data)),
        }
    )
    return {
        "table": f"{WORDS} x {DIM}",
        "rows": median(len(next(data)[0].unique()) for _ in range(10)),
        "ms": {name: round(value * 1e3, 3) for name, value in times.items()},
        "torch_over_lazy": round(times["torch"] / times["lazy"], 1),
        "whole_adam_over_whole_lazy": round(times["whole torch Adam"] / times["whole lazy"], 1),
    }


def rounds(contenders: dict[str, Callable[[], float]]) -> dict[str, float]:
    """The median seconds of each contender over ROUNDS rounds."""
    for run in contenders.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, run in contenders.items():
            taken[name].append(run())
    return {name: median(values) for name, values in taken.items()}


def growth(rule: str) -> dict[str, Any]:
    """The rows' step as the table grows while as many rows are touched; the tables take turns."""
    tables = (50_000, 500_000, 5_000_000)
    contenders = {}
    for words in tables:
        data = batches(tables[0], spread=words // tables[0])
        model, optimizer = warm(optim.RowTable(words, DIM), rule, data, WARM)
        contenders[str(words)] = lambda m=model, o=optimizer, d=data: lazy_step(m, o, *next(d))
    times = rounds(contenders)
    return {
        "ms": {words: round(value * 1e3, 3) for words, value in times.items()},
        "largest_over_smallest": round(times[str(tables[-1])] / times[str(tables[0])], 2),
    }


def error(rule: str, decay: float) -> dict[str, Any]:
    """How far the float32 runs end from the dense float64 run, in parts of the distance moved."""
    return {str(steps): _error(rule, decay, words, tokens, steps) for words, tokens, steps in SIZES}


def _error(rule: str, decay: float, words: int, tokens: int, steps: int) -> dict[str, float]:
    start, exact = trained(nn.Embedding, rule, torch.float64, decay, words, tokens, steps)
    ends = {
        name: trained(table, rule, torch.float32, decay, words, tokens, steps)[1].double()
        for name, table in (("dense", nn.Embedding), ("lazy", optim.RowTable))
    }
    found = {name: float((end - exact).norm() / (exact - start).norm()) for name, end in ends.items()}
    return {**found, "lazy_over_dense": round(found["lazy"] / found["dense"], 2)}


def trained(
    kind: type[nn.Embedding], rule: str, dtype: torch.dtype, decay: float, words: int, tokens: int, steps: int
) -> tuple[Tensor, Tensor]:
    """The table before and after: rows pulled to targets with noise; warm-up and cosine, clipping, decay."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    draw = zipf(words, 1.05, rng)
    start, target = (torch.randn(words, 32, generator=generator) * 0.1 for _ in range(2))
    table = kind.from_pretrained(start.to(dtype, copy=True), freeze=False)
    base = optim.get(rule).form("deck").lr
    optimizer = optim.make(rule, table.parameters(), lr=base, weight_decay=decay / base)
    for step in range(steps):
        ids = torch.from_numpy(draw(tokens))
        noise = torch.randn(tokens, 32, generator=generator).to(dtype)
        for group in optimizer.param_groups:
            group["lr"] = base * min(1.0, (step + 1) / 30) * 0.5 * (1 + math.cos(math.pi * step / steps))
        optimizer.zero_grad()
        found = table(ids)
        ((found - target[ids].to(dtype)).square().sum() / 2 + 0.3 * (found * noise).sum()).backward()
        optim.clip_grad_norm_(table.parameters(), 1.0)
        optimizer.step()
    return start.double(), table.weight.detach()
