"""What a step of the nine optimizers costs, beside the speed of memory and beside torch.optim.

    python benchmarks/optimizers.py dense            rows that stand in the results already are kept
    python benchmarks/optimizers.py dense --again    they are measured again

dense   a step on 10 million float32 weights, in one tensor and in 100 of the shapes of a BERT. The floor is the time
        that the same bytes take in a probe which reads four arrays and writes three of them in place, as Adam does, and
        computes nothing worth the name. One thread, CPU time; the probe, both forms of ours and every way that
        torch.optim has take turns, in an order drawn anew in every round, so that the machine's mood hits all; medians
        of the ratios within a round. Wanted: at most 1.20 floors for one tensor and 1.30 for 100, at most 1.05 times
        torch's best way, and 0.35 times for RMSProp, AdaDelta and Nadam, of which torch has no fused kernel on the CPU.

lazy    (lazy_rows.py) the step of a RowTable of 500,000 rows of 200, of which a batch touches about 3,800, beside
        torch.optim's best dense step, and the whole training step beside the one with dense fused Adam.
growth  (lazy_rows.py) the same step while the table grows from 50,000 to 5,000,000 rows; takes 13 GB.
error   (lazy_rows.py) how far float32 runs end from the dense float64 run.
nsmc    (lazy_nsmc.py) the same training on NSMC with dense and with lazy tables; wants YEONMA_DATA.

Prints tables and adds rows to results/optimizers.jsonl.
"""

from __future__ import annotations

import argparse
import inspect
import json
import os
import platform
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import lazy_nsmc
import lazy_rows
import numba
import numpy as np
import torch
from torch import nn

from yeonma.files import write_text
from yeonma.optim import get, make
from yeonma.optim.rules import rules

RESULTS = Path("results/optimizers.jsonl")
NUMBERS, PLACES, ROUNDS = 10_000_000, 15, 7
WAYS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
TORCH: Mapping[str, tuple[type[torch.optim.Optimizer], Mapping[str, Any]]] = {
    "gd": (torch.optim.SGD, {}),
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": 0.9}),
    "nag": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    "adagrad": (torch.optim.Adagrad, {}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adam": (torch.optim.Adam, {}),
    "nadam": (torch.optim.NAdam, {}),
}


# --- rows -------------------------------------------------------------------------------------------------------------


def rows() -> list[dict[str, Any]]:
    """What was measured before."""
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()] if RESULTS.exists() else []


def standing(case: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row that was measured for a case, if there is one."""
    return next((row for row in rows() if case.items() <= row.items()), None)


def keep(case: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """Write the row of a case; an older one of the same case goes."""
    row = {**case, **found, **machine()}
    others = [other for other in rows() if not case.items() <= other.items()]
    write_text(RESULTS, "".join(json.dumps(each) + "\n" for each in [*others, row]))
    return row


def machine() -> dict[str, Any]:
    """Where a row was measured."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return {
        "cpu": next(line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numba": numba.__version__,
    }


# --- dense ------------------------------------------------------------------------------------------------------------


@numba.njit(nogil=True, fastmath=True)
def probe(w: np.ndarray, g: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    """28 bytes for each float32: four reads, three in-place writes."""
    for i in range(w.size):
        a[i] += g[i]
        b[i] += g[i]
        w[i] += g[i]


def sizes(tensors: int) -> list[int]:
    """One tensor, or pairs of a matrix and a vector of 768."""
    pairs = tensors // 2
    return [NUMBERS // pairs - 768, 768] * pairs if pairs else [NUMBERS]


def weights(tensors: int) -> list[nn.Parameter]:
    """Weights and their gradients, in fresh memory."""
    made = [nn.Parameter(torch.randn(size) * 0.02) for size in sizes(tensors)]
    for weight in made:
        weight.grad = torch.randn(weight.shape) * 1e-3
    return made


def steppers(rule: str, tensors: int) -> dict[str, Callable[[], Any]]:
    """The probe, both forms of ours, and every way that torch.optim has, all on the same weights and gradients."""
    spare = [np.full(NUMBERS, 1e-3, np.float32) for _ in range(4)]  # zeros that are only read would be one page
    steps: dict[str, Callable[[], Any]] = {"probe": lambda: probe(*spare)}
    shared = weights(tensors)
    for form in ("deck", "torch"):
        steps[form] = make(rule, shared, form=form).step
    kind, settings = TORCH[rule]
    for way, how in WAYS.items():
        if how.keys() <= inspect.signature(kind).parameters.keys():
            steps[way] = kind(shared, **settings, **how).step
    return steps


def take_turns(steps: Mapping[str, Callable[[], Any]], seconds: Mapping[str, list[float]]) -> None:
    """Add the CPU seconds of everyone's step in every round.

    The first of two steps is not timed: what it leaves to be written back in the caches is paid for by the next one, so
    everyone pays for a step like its own.
    """
    names = list(steps)
    for _ in range(ROUNDS):
        random.shuffle(names)
        for name in names:
            steps[name]()
            began = time.thread_time()
            steps[name]()
            seconds[name].append(time.thread_time() - began)


def ratio(ones: Sequence[float], others: Sequence[float]) -> float:
    """The median of the ratios within a round."""
    return round(statistics.median(one / other for one, other in zip(ones, others, strict=True)), 3)


def measure(rule: str, tensors: int) -> dict[str, Any]:
    """Milliseconds of everyone, and how ours stand to the floor and to torch's best way."""
    seconds: defaultdict[str, list[float]] = defaultdict(list)
    for _ in range(PLACES):
        take_turns(steppers(rule, tensors), seconds)
    form = get(rule).form("deck")
    share = form.traffic() / 28
    milliseconds = {name: round(1e3 * statistics.median(xs), 3) for name, xs in seconds.items()}
    best = min(WAYS.keys() & seconds.keys(), key=lambda way: milliseconds[way])
    floor = [share * x for x in seconds["probe"]]
    return {
        "rounds": PLACES * ROUNDS,
        "gb_per_second": round(28e-9 * NUMBERS / statistics.median(seconds["probe"]), 1),
        "floor_ms": round(share * milliseconds["probe"], 3),
        "ms": milliseconds,
        "over_floor": {name: ratio(seconds[name], floor) for name in ("deck", "torch", best)},
        "best": best,
        "over_best": {name: ratio(seconds[name], seconds[best]) for name in ("deck", "torch")},
    }


def dense(again: bool) -> None:
    """A row for each rule and number of tensors."""
    torch.set_num_threads(1)
    print("                              step / floor               torch.optim's      step / torch.optim's best")
    print("rule      tensors   GB/s    deck   torch   floor ms      best / floor             deck   torch")
    for tensors in (1, 100):
        for rule in rules():
            case = {"part": "dense", "rule": rule, "tensors": tensors, "numbers": NUMBERS, "threads": 1}
            row = (None if again else standing(case)) or keep(case, measure(rule, tensors))
            over, best, over_best = row["over_floor"], row["best"], row["over_best"]
            print(
                f"{rule:<10}{tensors:>7}{row['gb_per_second']:>7.1f}{over['deck']:>8.2f}{over['torch']:>8.2f}"
                f"{row['floor_ms']:>11.2f}{best:>12}{over[best]:>6.2f}{over_best['deck']:>17.2f}{over_best['torch']:>8.2f}",
                flush=True,
            )


# --- lazy rows --------------------------------------------------------------------------------------------------------


def measured(case: dict[str, Any], again: bool, measure: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """The row of a case, measured now unless it stands there."""
    torch.set_num_threads(1)
    arguments = [value for key, value in case.items() if key != "part"]
    return (None if again else standing(case)) or keep(case, measure(*arguments))


def lazy(again: bool) -> None:
    """A row for each rule."""
    print("rule       rows   torch ms   lazy ms   torch / lazy   whole step: torch Adam ms   lazy ms   ratio")
    for rule in rules():
        row = measured({"part": "lazy", "rule": rule}, again, lazy_rows.lazy)
        ms = row["ms"]
        print(
            f"{rule:<10}{row['rows']:>6.0f}{ms['torch']:>10.1f}{ms['lazy']:>10.2f}{row['torch_over_lazy']:>14.1f}"
            f"{ms['whole torch Adam']:>25.1f}{ms['whole lazy']:>14.2f}{row['whole_adam_over_whole_lazy']:>8.1f}",
            flush=True,
        )


def growth(again: bool) -> None:
    """A row for each family of rules."""
    print("rule        50,000 rows   500,000   5,000,000 (ms)   largest / smallest")
    for rule in ("sgd", "momentum", "adadelta", "adam", "nadam"):
        row = measured({"part": "growth", "rule": rule}, again, lazy_rows.growth)
        times = "".join(f"{ms:>12.2f}" for ms in row["ms"].values())
        print(f"{rule:<10}{times}{row['largest_over_smallest']:>20.2f}", flush=True)


def error(again: bool) -> None:
    """A row for each rule, with and without decay."""
    print("rule        decay   300 steps: dense     lazy   ratio   1,500 steps: dense     lazy   ratio")
    for rule in rules():
        for decay in (0.0, 1e-5):
            row = measured({"part": "error", "rule": rule, "decay": decay}, again, lazy_rows.error)
            cells = [
                f"{found['dense']:>16.1e}{found['lazy']:>10.1e}{found['lazy_over_dense']:>7.2f}"
                for found in (row["300"], row["1500"])
            ]
            print(f"{rule:<10}{decay:>7.0e}{''.join(cells)}", flush=True)


def nsmc(again: bool) -> None:
    """A row for each run; needs YEONMA_DATA."""
    if "YEONMA_DATA" not in os.environ:
        print("nsmc: skipped, YEONMA_DATA is not set")
        return
    print("encoder             rule      dense s/epoch   lazy s/epoch   ratio   largest distance of validation losses")
    for encoder, rule in lazy_nsmc.RUNS:
        row = measured({"part": "nsmc", "encoder": encoder, "rule": rule}, again, lazy_nsmc.nsmc)
        seconds = row["epoch_cpu_seconds"]
        print(
            f"{encoder:<20}{rule:<10}{seconds['dense']:>13.1f}{seconds['lazy']:>15.1f}{row['dense_over_lazy']:>8.2f}"
            f"{row['largest_distance']:>20.1e}",
            flush=True,
        )


# --- parts ------------------------------------------------------------------------------------------------------------

PARTS: Mapping[str, Callable[[bool], None]] = {
    "dense": dense,
    "lazy": lazy,
    "growth": growth,
    "error": error,
    "nsmc": nsmc,
}


def main() -> None:
    """Run the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--again", action="store_true")
    asked = parser.parse_args()
    for part in PARTS if "all" in asked.parts else asked.parts:
        PARTS[part](asked.again)


if __name__ == "__main__":
    main()
