"""NSMC with the shared Korean–English encoder, fine-tuned on all training reviews.

    YEONMA_DATA=DIR python benchmarks/nsmc_encoder.py              what results/nsmc-encoder.jsonl lacks
    YEONMA_DATA=DIR python benchmarks/nsmc_encoder.py --table      only write results/nsmc-encoder.md from the rows

First learning rate and layer decay are chosen: an epoch of 16,000 training reviews for each pair, scored on 4,000
others of train. Then a run on all of train with the best pair; 10 % of it is held out and chooses the checkpoint, and
the test split is read once, at the end. Then the same once more after masked language modelling on reviews (no test
review among them). These runs take hours on one thread and may be killed at any time: a rerun goes on from the last
checkpoint.
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

from yeonma import api, data
from yeonma.files import cache_folder, write_text
from yeonma.pretraining.mlm import pretrain_mlm
from yeonma.records import Evaluated, Finished
from yeonma.run import Run

ROWS, TABLE = Path("results/nsmc-encoder.jsonl"), Path("results/nsmc-encoder.md")
ENCODER = Path("../pretrained/multilingual-e5-small-koen-fp16")  # seen from YEONMA_DATA
TRIALS = [(1e-4, 1.0), (2e-4, 1.0), (4e-4, 0.9)]  # learning rate, layer decay
EPOCHS = 2
ADAPT = {
    "steps": 1200, "batch_size": 32, "max_length": 128, "learning_rate": 3e-4, "mask": 0.3, "held_out": 0.005,
    "seed": 1,
}  # fmt: skip
OTHERS = 100_000  # reviews beside those of train that the encoder is adapted to
HEAD = """# NSMC with a pretrained encoder

Made by `YEONMA_DATA=DIR python benchmarks/nsmc_encoder.py`; a rerun goes on with what is missing. The encoder has 12
layers of width 384 and 34,042 pieces; its weights were once rounded to 4 bits. One thread, bfloat16 products, Adam
(torch form), batches of 32, 10 % warm-up, then linear to 0, no decay, texts cut after 96 tokens.

Chosen on 4,000 training reviews after one epoch of 16,000 others; then all training reviews but a tenth, which chooses
the checkpoint. The 50,000 test reviews are read once, at the end; the standard error from their number alone is 0.0014.

"""


def settings(rate: float, decay: float, path: Path | None = None, **over: Mapping[str, Any]) -> Any:
    """The config of a run, of the encoder in `path` or the shared one; `over` goes over its sections."""
    train = {
        "optimizer": "adam", "form": "torch", "learning_rate": rate, "layer_decay": decay, "batch_size": 32,
        "schedule": "linear", "warmup_ratio": 0.1, "threads": 1,
    }  # fmt: skip
    overrides = {"train": {**train, **over.get("train", {})}, "data": {"max_length": 96, **over.get("data", {})}}
    return api.settings(data="nsmc", encoder_path=path or shared(), overrides={**overrides, "seed": 1})


def shared() -> Path:
    """The shared encoder."""
    return (Path(os.environ["YEONMA_DATA"]) / ENCODER).resolve()


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


def reviews() -> list[str]:
    """All training reviews and OTHERS more, each once, in a random order that is always the same; no test review."""
    import numpy as np
    import polars as pl

    train = [example.texts[0] for example in data.load_split("nsmc", "train", task="single")]
    tested = {example.texts[0] for example in data.load_split("nsmc", "test", task="single")}
    raw = pl.read_parquet(Path(os.environ["YEONMA_DATA"]) / "corpora" / "nsmc-raw" / "*.parquet")
    others = raw.filter(pl.col("nsmc_split") == "none")["review"].drop_nulls().to_list()
    known = {" ".join(text.split()) for text in tested}
    texts = dict.fromkeys(" ".join(text.split()) for text in [*train, *others])
    kept = [text for text in texts if text and text not in known][: len(set(train)) + OTHERS]
    return [kept[i] for i in np.argsort(np.random.PCG64(1).random_raw(len(kept)), kind="stable")]


def adapted() -> Path:
    """The shared encoder after masked language modelling on reviews, made if it is not there yet."""
    place, corpus = folder("adapted"), folder("reviews.txt")
    if not (place / "config.json").exists():
        if not corpus.exists():
            write_text(corpus, "\n".join(reviews()) + "\n")
        resume = (place / "training" / "status.json").exists()
        how: dict[str, Any] = {} if resume else {"encoder": str(shared()), "threads": 1, **ADAPT}
        pretrain_mlm([] if resume else [corpus], place, resume=resume, on_event=_tell, **how)
    return place


def _tell(event: object) -> None:
    if isinstance(event, Evaluated):
        print(event, flush=True)


def adapt(rate: float, decay: float) -> dict[str, Any]:
    """Adapt the encoder: what was read, and how well masked words of held-out reviews are told."""
    events = [e for e in Run(adapted() / "training").events() if isinstance(e, Evaluated)]
    texts = folder("reviews.txt").read_text(encoding="utf-8").splitlines()
    return {**ADAPT, "reviews": len(texts), "first": events[0].scores, "last": events[-1].scores}


def whole(rate: float, decay: float, name: str = "whole", path: Path | None = None) -> dict[str, Any]:
    """The run on all training reviews, from where it was left; the test split once."""
    place = folder(name)
    resume = (place / "status.json").exists()
    config = None if resume else settings(rate, decay, path, train={"epochs": EPOCHS, "eval_steps": 2000})
    for event in api.training(config, place, resume=resume):
        _tell(event)
    scores = api.evaluate(place, split="test")["scores"]
    assert isinstance(event, Finished)
    return {
        "epochs": EPOCHS, "steps": event.step, "best_step": event.best_step, "validation_accuracy": event.best_score,
        "test_accuracy": scores["accuracy"], "test_macro_f1": scores["macro_f1"], "n": scores["n"],
        "seconds": round(event.seconds, 1),
    }  # fmt: skip


def after_adapting(rate: float, decay: float) -> dict[str, Any]:
    """The same from the adapted encoder."""
    return whole(rate, decay, "whole-adapted", adapted())


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
    parser.add_argument("--part", nargs="+", choices=("whole", "adapt", "whole-adapted"), help="only these")
    args = parser.parse_args()
    if not args.table:
        for rate, decay in TRIALS:
            keep({"part": "trial", "rate": rate, "layer_decay": decay}, trial)
        best = max((row for row in done() if row["part"] == "trial"), key=lambda row: row["validation_accuracy"])
        parts = {"whole": whole, "adapt": adapt, "whole-adapted": after_adapting}
        for part in args.part or parts:
            keep({"part": part, "rate": best["rate"], "layer_decay": best["layer_decay"]}, parts[part])
    write_text(TABLE, table())


if __name__ == "__main__":
    main()
