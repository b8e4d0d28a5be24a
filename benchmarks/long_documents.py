"""What an update of an encoder costs in memory, as batches and documents grow: with the bound on tokens, and without.

    YEONMA_DATA=DIR python benchmarks/long_documents.py

all-MiniLM-L6, float32, one thread; documents are sentences of SST-2's training split joined until they are long enough,
read in windows of 128 tokens of which 32 are shared. Every case is a process of its own: two updates are made; memory
is how far the highest resident size rose above the highest before the first (gradients and moments count: 0.3 GiB),
time is the second's. "Without" is the same update with everything at once. The rows, results/long-documents.jsonl, are
made anew each time, and results/long-documents.md from them.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers_parts import english

from yeonma import api, chosen, finetuning, train
from yeonma.files import write_text
from yeonma.records import Dataset

ROWS, TABLE = Path("results/long-documents.jsonl"), Path("results/long-documents.md")
SHAPES = [(8, 1_000), (16, 1_000), (32, 1_000), (1, 8_000), (1, 16_000), (1, 32_000)]  # documents, their tokens
UNBOUNDED = 1 << 40


def documents(whole: Dataset, number: int, words: int) -> Dataset:
    """So many documents to train on, each of so many words; what is scored is not used."""
    pool, made = iter(whole.splits["train"]), []
    for _ in range(number):
        parts, first = [], next(pool)
        while sum(len(part.split()) for part in parts) < words:
            parts.append(next(pool).texts[0])
        made.append(replace(first, texts=(" ".join(parts),)))
    return replace(whole, splits={"train": made, "valid": whole.splits["valid"][:2]})


def case(number: int, tokens: int, bound: int) -> dict[str, Any]:
    """Measure in this process."""
    torch.set_num_threads(1)
    settings = {"batch_size": number, "epochs": 2, "precision": "fp32", "optimizer": "adam", "threads": 1}
    overrides = {"data": {"max_length": 128, "stride": 32}, "encoder": {"path": str(english())}, "train": settings}
    config = chosen.settings(data="glue-sst2", encoder="transformer", overrides=overrides)
    training = finetuning.prepare(config, documents(api.dataset(config), number, int(tokens / 1.2)))
    encoder = training.model.encoder
    encoder.pass_tokens = bound or encoder.pass_tokens
    before = highest()
    train.update(training)
    began = time.process_time()
    train.update(training)
    seconds = time.process_time() - began
    held = int(training.train.lengths.sum())
    return {
        "documents": number, "tokens": held, "bound": encoder.pass_tokens,
        "gib": round(highest() - before, 2), "seconds": round(seconds, 1),
    }  # fmt: skip


def highest() -> float:
    """The highest resident size of this process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def table(rows: list[dict[str, Any]]) -> str:
    """results/long-documents.md."""
    shapes = dict.fromkeys((row["documents"], row["tokens"]) for row in rows)
    lines = ["| documents | tokens in all | with the bound: GiB, CPU s | without: GiB, CPU s |", "|---|---|---|---|"]
    for shape in shapes:
        mine = sorted((row for row in rows if (row["documents"], row["tokens"]) == shape), key=lambda row: row["bound"])
        cells = [f"{row['gib']:.1f}, {row['seconds']:.1f}" for row in mine]
        lines.append(f"| {shape[0]} | {shape[1]:,} | {' | '.join(cells)} |")
    title, command, text = (__doc__ or "").split("\n\n")
    bound = min(row["bound"] for row in rows)
    head = f"# {title.rstrip('.')}\n\nMade by `{command.strip()}`. {text.strip()}\nThe bound: {bound:,} tokens."
    return "\n".join([head, "", *lines, ""])


def main() -> None:
    """Measure every shape twice, each in a process of its own."""
    if len(sys.argv) > 1:
        print(json.dumps(case(*map(int, sys.argv[1:]))))
        return
    rows = []
    for shape in SHAPES:
        for bound in (0, UNBOUNDED):  # 0: the encoder's own
            made = subprocess.run([sys.executable, __file__, *map(str, (*shape, bound))], stdout=-1, check=True)
            rows.append(json.loads(made.stdout.splitlines()[-1]))
            print(rows[-1], flush=True)
    write_text(ROWS, "".join(json.dumps(row) + "\n" for row in rows))
    write_text(TABLE, table(rows))


if __name__ == "__main__":
    main()
