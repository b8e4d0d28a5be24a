"""NSMC with the shared Korean–English encoder, fine-tuned on all training reviews.

    YEONMA_DATA=DIR python benchmarks/nsmc_encoder.py              what results/nsmc-encoder.jsonl lacks
    YEONMA_DATA=DIR python benchmarks/nsmc_encoder.py --table      only write results/nsmc-encoder.md from the rows

First learning rate and layer decay are chosen: an epoch of 16,000 training reviews for each pair, scored on 4,000
others of train. Then a run on all of train with the best pair; 10 % of it is held out and chooses the checkpoint, and
the test split is read once, at the end. That run takes hours on one thread and may be killed at any time: a rerun goes
on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from yeonma import api, chosen
from yeonma.files import cache_folder, write_text
from yeonma.records import Evaluated, Finished

ROWS, TABLE = Path("results/nsmc-encoder.jsonl"), Path("results/nsmc-encoder.md")
ENCODER = Path("../pretrained/multilingual-e5-small-koen-fp16")  # seen from YEONMA_DATA
TRIALS = [(1e-4, 1.0), (2e-4, 1.0), (4e-4, 0.9)]  # learning rate, layer decay
EPOCHS = 2
HEAD = """# NSMC with a pretrained encoder

Made by `YEONMA_DATA=DIR python benchmarks/nsmc_encoder.py`; a rerun goes on with what is missing. The encoder has 12
layers of width 384 and 34,042 pieces; its weights were once rounded to 4 bits. One thread, bfloat16 products, Adam
(torch form), batches of 32, 10 % warm-up, then linear to 0, no decay, texts cut after 96 tokens.

Chosen on 4,000 training reviews after one epoch of 16,000 others; then all training reviews but a tenth, which chooses
the checkpoint. The 50,000 test reviews are read once, at the end; the standard error from their number alone is 0.0014.
1,568 of them say the same as a training review, blank ones aside; none was left out. Asked for was a test accuracy of
0.880, hoped for 0.900.

"""


def settings(rate: float, decay: float, **over: Mapping[str, Any]) -> Any:
    """The config of a run; `over` goes over its sections."""
    train = {
        "optimizer": "adam", "form": "torch", "learning_rate": rate, "layer_decay": decay, "batch_size": 32,
        "schedule": "linear", "warmup_ratio": 0.1, "threads": 1,
    }  # fmt: skip
    overrides = {"train": {**train, **over.get("train", {})}, "data": {"max_length": 96, **over.get("data", {})}}
    path = Path(os.environ["YEONMA_DATA"]) / ENCODER
    return chosen.settings(data="nsmc", encoder_path=path.resolve(), overrides={**overrides, "seed": 1})


def folder(*name: object) -> Path:
    """Where a run stands."""
    return cache_folder() / "bench" / "-".join(map(str, ("nsmc-encoder", *name)))


def trial(rate: float, decay: float) -> dict[str, Any]:
    """An epoch of 16,000 reviews, scored on 4,000 others of train."""
    config = settings(
        rate, decay, train={"epochs": 1, "eval_steps": 10**9}, data={"limit": 20_000, "valid_fraction": 0.2}
    )
    place, began = folder(rate, decay), time.process_time()
    shutil.rmtree(place, ignore_errors=True)
    end = list(api.training(config, place))[-1]
    shutil.rmtree(place)
    return {"validation_accuracy": end.best_score, "cpu_seconds": round(time.process_time() - began, 1)}


def whole(rate: float, decay: float) -> dict[str, Any]:
    """The run on all training reviews, from where it was left; the test split once."""
    place = folder("whole")
    resume = (place / "status.json").exists()
    config = None if resume else settings(rate, decay, train={"epochs": EPOCHS, "eval_steps": 2000})
    for event in api.training(config, place, resume=resume):
        if isinstance(event, Evaluated):
            print(event, flush=True)
    scores = api.evaluate(place, split="test")["scores"]
    assert isinstance(event, Finished)
    return {
        "epochs": EPOCHS, "steps": event.step, "best_step": event.best_step, "validation_accuracy": event.best_score,
        "test_accuracy": scores["accuracy"], "test_macro_f1": scores["macro_f1"], "n": scores["n"],
        "seconds": round(event.seconds, 1),
    }  # fmt: skip


def done() -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def keep(case: Mapping[str, Any], make: Callable[[float, float], dict[str, Any]]) -> None:
    """Make the row of a case and write it, unless it is there."""
    if not any(case.items() <= row.items() for row in done()):
        row = {**case, **make(case["rate"], case["layer_decay"])}
        with ROWS.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        print(row, flush=True)


def table() -> str:
    """results/nsmc-encoder.md."""
    rows = [row for row in done() if row["part"] == "trial"]
    lines = [
        "| learning rate | layer decay | accuracy on 4,000 held-out training reviews | CPU seconds |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['rate']:g} | {row['layer_decay']:g} | {row['validation_accuracy']:.4f} | {row['cpu_seconds']:.0f} |"
        for row in rows
    ]
    for row in done():
        if row["part"] == "whole":
            lines += [
                f"\n**All training reviews**, learning rate {row['rate']:g}, layer decay {row['layer_decay']:g}, "
                f"{row['epochs']} epochs ({row['steps']:,} steps, the best {row['best_step']:,}, "
                f"{row['seconds'] / 3600:.1f} hours on a shared machine): validation accuracy "
                f"{row['validation_accuracy']:.4f}, **test accuracy {row['test_accuracy']:.4f}**, test macro F1 "
                f"{row['test_macro_f1']:.4f} ({row['n']:,} reviews)."
            ]
    return HEAD + "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true", help="run nothing")
    if not parser.parse_args().table:
        for rate, decay in TRIALS:
            keep({"part": "trial", "rate": rate, "layer_decay": decay}, trial)
        best = max((row for row in done() if row["part"] == "trial"), key=lambda row: row["validation_accuracy"])
        keep({"part": "whole", "rate": best["rate"], "layer_decay": best["layer_decay"]}, whole)
    write_text(TABLE, table())


if __name__ == "__main__":
    main()
