"""What tuning the embedding buys on NSMC: {random, word2vec} × {frozen, tuned} × three encoders, and the two presets.

    YEONMA_DATA=DIR python benchmarks/nsmc.py              every run that results/nsmc.jsonl does not hold yet
    YEONMA_DATA=DIR python benchmarks/nsmc.py --half 1/2   the first half of them; a second process takes 2/2
    YEONMA_DATA=DIR python benchmarks/nsmc.py --table      only write results/nsmc.md from the rows

The vectors are made once, by word2vec on the texts of NSMC's training split and the unlabelled reviews of
corpora/nsmc-raw. No test review is meant to be among these, but 13,000 of them say the same as one (2,087 of the test
reviews, 368 of them longer than ten characters; short praise and blame above all). 10 % of train is split off for
validation; it chooses the checkpoint. The test split is read once per run, at its end. One thread; CPU
seconds are those of the training process, from start to saved model, reading and tokenizing (from the cache after the
first run) included. The texts of the validation rows are part of the unlabelled text.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

from yeonma import api, chosen, pretraining
from yeonma.files import cache_folder

ROWS, TABLE = Path("results/nsmc.jsonl"), Path("results/nsmc.md")
SEEDS = (1, 2, 3)
SHARED = {
    "train": {"threads": 1, "epochs": 3, "batch_size": 128, "schedule": "linear"},
    "checkpoint": {"every_steps": 5000},
}
# Chosen on validation, with word2vec tuned, and kept for all four starts of an encoder.
RATES = {"bag": 2e-3, "cnn": 1e-3, "bilstm-attention": 2e-3}
# ratsgo-6.3 reads random batches padded to their longest review, ten times over: half an hour a run on all rows. So the
# two presets also meet on a fifth of them.
PRESETS = {
    "ratsgo-6.3-fixed": None,
    "ratsgo-6.3-fixed, 30,000 rows": 30_000,
    "ratsgo-6.3, 30,000 rows": 30_000,
    "ratsgo-6.3": None,
}

Cell = tuple[str, str, str]  # encoder or preset, start, freeze


def cells() -> list[Cell]:
    """All cells, the cheap ones first."""
    grid = [
        (encoder, start, how) for encoder in RATES for start in ("word2vec", "random") for how in ("tuned", "frozen")
    ]
    return [*grid, *((preset, "word2vec", "tuned") for preset in PRESETS)]


def vectors() -> str:
    """The vectors folder, made if it is not there yet."""
    folder = cache_folder() / "bench" / "nsmc-vectors"
    if not (folder / "vectors.safetensors").exists():
        corpus = Path(os.environ["YEONMA_DATA"]) / "corpora" / "nsmc-raw" / "train.parquet"
        pretraining.pretrain("word2vec", [corpus], folder, tokenizer="mecab", column="review", epochs=5, threads=1)
    return str(folder)


def settings(cell: Cell, seed: int) -> Any:
    """The config of one run."""
    name, start, how = cell
    source = {"data": "nsmc", "vectors": vectors() if start == "word2vec" else None}
    if name in PRESETS:
        quiet = {"train": {"threads": 1}, "checkpoint": SHARED["checkpoint"], "seed": seed}
        data = {"limit": PRESETS[name]} if PRESETS[name] else {}
        return chosen.settings(preset=name.partition(",")[0], overrides={**quiet, "data": data}, **source)
    train = {**SHARED["train"], "learning_rate": RATES[name]}
    encoder = {"freeze": "embeddings" if how == "frozen" else "none"}
    return chosen.settings(
        encoder=name, overrides={**SHARED, "train": train, "encoder": encoder, "seed": seed}, **source
    )


def run(cell: Cell, seed: int) -> dict[str, Any]:
    """Train, score the test split once, and give the row."""
    import shutil

    folder = cache_folder() / "bench" / f"run-{'-'.join(cell)}-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    config, began = settings(cell, seed), time.process_time()
    end = list(api.training(config, folder))[-1]
    seconds = time.process_time() - began
    scores = api.evaluate(folder, split="test")["scores"]
    facts = {"epochs": config.train.epochs, "batch_size": config.train.batch_size, "rate": config.train.learning_rate}
    row = {
        "cell": list(cell), "seed": seed, "test_accuracy": scores["accuracy"], "test_macro_f1": scores["macro_f1"],
        "n": scores["n"], "validation_accuracy": end.best_score, "best_step": end.best_step, "steps": end.step,
        "majority": scores["majority"]["accuracy"], "cpu_seconds": round(seconds, 1), **facts,
    }  # fmt: skip
    shutil.rmtree(folder, ignore_errors=True)
    return row


def done() -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def spread(values: list[float], digits: int = 4) -> str:
    """Mean ± sample standard deviation."""
    sd = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{sd}"


def table() -> str:
    """results/nsmc.md."""
    rows = done()
    lines = [
        "| encoder | start | embedding | test accuracy | validation accuracy | CPU seconds | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for cell in cells():
        found = [row for row in rows if row["cell"] == list(cell)]
        if found:
            accuracy, valid = ([row[key] for row in found] for key in ("test_accuracy", "validation_accuracy"))
            seconds = spread([row["cpu_seconds"] for row in found], 0)
            lines.append(f"| {' | '.join(cell)} | {spread(accuracy)} | {spread(valid)} | {seconds} | {len(found)} |")
    majority = max(row["majority"] for row in rows)
    return "\n".join(lines) + f"\n| majority class | | | {majority:.4f} | | | |\n\n{gains(rows)}\n"


def gains(rows: list[dict[str, Any]]) -> str:
    """What tuning the embedding adds to the test accuracy, by start and encoder, where both cells are there."""
    lines = ["| start | encoder | tuned − frozen, test accuracy |", "|---|---|---|"]
    for start in ("word2vec", "random"):
        for encoder in RATES:
            tuned, frozen = (
                [row["test_accuracy"] for row in rows if row["cell"] == [encoder, start, how]]
                for how in ("tuned", "frozen")
            )
            if tuned and frozen:
                lines.append(f"| {start} | {encoder} | {statistics.mean(tuned) - statistics.mean(frozen):+.4f} |")
    return "\n".join(lines)


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--half", default="1/1", help="which part of the missing runs, e.g. 1/2")
    parser.add_argument("--start", help="only cells of this start: random or word2vec")
    parser.add_argument("--only", default="", help="only cells whose encoder or preset begins like this")
    parser.add_argument("--table", action="store_true", help="run nothing")
    args = parser.parse_args()
    part, parts = map(int, args.half.split("/"))
    wanted = [(cell, seed) for cell in cells() for seed in SEEDS]
    for number, (cell, seed) in enumerate(wanted):
        if args.table or number % parts != part - 1 or args.start not in (None, cell[1]):
            continue
        if not cell[0].startswith(args.only):
            continue
        if any(row["cell"] == list(cell) and row["seed"] == seed for row in done()):
            continue
        row = run(cell, seed)
        with ROWS.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
        print(row, flush=True)
    head, _, _ = (
        TABLE.read_text(encoding="utf-8").partition("| encoder |") if TABLE.exists() else ("# NSMC\n\n", "", "")
    )
    TABLE.write_text(head + table(), encoding="utf-8")


if __name__ == "__main__":
    main()
