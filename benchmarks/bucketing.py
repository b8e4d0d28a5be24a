"""What length buckets buy: training throughput of bucketed batches over random batches padded to the longest.

    YEONMA_DATA=DIR python benchmarks/bucketing.py

One BiLSTM, the same reviews of NSMC, the same number of steps; the two ways take turns within one run, so that the
machine's mood hits both. Prints examples per CPU second of each and the median ratio, and adds a row to
results/bucketing.jsonl. Padding is masked in both; "longest of the set" pads every batch to the longest review.
"""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from yeonma import api, batches, chosen
from yeonma.finetuning import Training, prepare

ROUNDS, STEPS = 5, 40


def step(t: Training, rows: np.ndarray, length: int | None) -> None:
    """One update as the loop makes it, without its book-keeping."""
    batch = batches.collate(t.model.encoder, t.train, rows, length)
    t.optimizer.zero_grad(set_to_none=True)
    t.model.task.loss(t.model(batch), batch).backward()
    t.optimizer.step()


def speed(t: Training, plan: list[np.ndarray], first: int, length: int | None) -> float:
    """Examples per CPU second over STEPS batches."""
    mine = plan[first : first + STEPS]
    began = time.process_time()
    for rows in mine:
        step(t, rows, length)
    return sum(len(rows) for rows in mine) / (time.process_time() - began)


def main() -> None:
    """Measure, print, append."""
    torch.manual_seed(1)
    overrides = {"data": {"limit": 40_000}, "train": {"threads": 1, "batch_size": 64}}
    config = chosen.settings(data="nsmc", encoder="bilstm-attention", overrides=overrides)
    t = prepare(config, api.dataset(config))
    t.model.train()
    longest = int(t.train.lengths.max())
    ways = {
        "buckets": (batches.plan(t.train.lengths, 64, None, True, 1, 0), None),
        "random, padded to the batch's longest": (batches.plan(t.train.lengths, 64, None, False, 1, 0), None),
        "random, padded to the set's longest": (batches.plan(t.train.lengths, 64, None, False, 1, 0), longest),
    }
    for plan, length in ways.values():
        speed(t, plan, 0, length)  # warm up
    found: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(ROUNDS):
        for name, (plan, length) in ways.items():
            found[name].append(speed(t, plan, turn * STEPS, length))
    base = found["buckets"]
    ratios = {name: statistics.median(b / x for b, x in zip(base, xs, strict=True)) for name, xs in found.items()}
    for name, xs in found.items():
        print(f"{name:<40} {statistics.median(xs):>8,.0f} examples/CPU s   buckets are {ratios[name]:.2f} x")
    row = {"examples_per_cpu_second": {n: round(statistics.median(x), 1) for n, x in found.items()}, "ratios": ratios}
    with Path("results/bucketing.jsonl").open("a", encoding="utf-8") as stream:
        stream.write(json.dumps({"encoder": "bilstm-attention", "batch_size": 64, "rounds": ROUNDS, **row}) + "\n")


if __name__ == "__main__":
    main()
