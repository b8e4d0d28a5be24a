"""What stands for an unknown word, measured on NSMC: one vector, hashed buckets, n-grams.

    YEONMA_DATA=DIR python benchmarks/unknown.py              what results/unknown.jsonl lacks
    YEONMA_DATA=DIR python benchmarks/unknown.py --encoder bag
    YEONMA_DATA=DIR python benchmarks/unknown.py --smoke      one tiny case; the vectors alone are kept

The vectors are trained on NSMC's training reviews (mecab, dim 100, 5 epochs, one thread) with words rarer than
`min_count` left out: so few words are known that the unknown ones matter. `word2vec` has no subwords, so "subwords"
begins its n-grams at zero; `fasttext` brings its own. The texts of the reviews that choose the checkpoint are among
those the vectors learned from, without their labels. Each case trains on 30,000 reviews (a tenth of them chooses the
checkpoint) and is scored once on the 50,000 test reviews, with three seeds; the standard error of one score from the
number of test reviews alone is 0.0015. `tokens_known` is the share of the training words that the vectors know.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

from yeonma import api
from yeonma.files import cache_folder, write_text

ROWS, TABLE = Path("results/unknown.jsonl"), Path("results/unknown.md")
POLICIES, SEEDS = ("one", "buckets", "subwords"), (1, 2, 3)
COUNTS = {"bag": (50, 500), "bilstm-attention": (50,)}  # min_count of the vectors; a run of the BiLSTM takes longer
SETTINGS: dict[str, dict[str, Any]] = {
    "word2vec": {},
    "fasttext": {"minn": 1, "maxn": 3, "buckets": 200_000},  # Korean morphemes have one to three syllables
}
LIMIT, TINY = 30_000, 400


def cases(encoder: str) -> Iterator[dict[str, Any]]:
    """Every case of an encoder, seed by seed, so that a killed benchmark has whole comparisons."""
    for seed, vectors, min_count, policy in product(SEEDS, SETTINGS, COUNTS[encoder], POLICIES):
        yield {"encoder": encoder, "vectors": vectors, "min_count": min_count, "policy": policy, "seed": seed}


def vectors(method: str, min_count: int) -> Path:
    """The folder of the vectors, made when it is first asked for."""
    folder = cache_folder() / "bench" / f"unknown-{method}-{min_count}"
    if not (folder / "vectors.safetensors").exists():
        corpus = Path(os.environ["YEONMA_DATA"]) / "nsmc" / "train.parquet"
        own = {"dim": 100, "epochs": 5, "min_count": min_count, "threads": 1, "seed": 1, **SETTINGS[method]}
        api.pretrain(method, [corpus], folder, column="document", **own)
    return folder


def measured(case: Mapping[str, Any], limit: int) -> dict[str, Any]:
    """Train and score one case."""
    start = vectors(case["vectors"], case["min_count"])
    tree = {
        "seed": case["seed"],
        "data": {"limit": limit},
        "encoder": {"unknown": case["policy"], "kind": case["encoder"]},
        "train": {"threads": 1, "epochs": 3},
    }
    with tempfile.TemporaryDirectory() as place:
        began = time.process_time()
        run = api.finetune(tree, output=Path(place) / "run", data="nsmc", vectors=start)
        seconds = time.process_time() - began
        scores, known = api.evaluate(run.folder, split="test")["scores"], run.read("coverage.json")
    return {
        "rows": limit, "test_accuracy": scores["accuracy"], "n": scores["n"], "cpu_seconds": round(seconds, 1),
        "words": known["rows"], "tokens_known": round(known["known_tokens"] / known["tokens"], 4),
    }  # fmt: skip


def done() -> list[dict[str, Any]]:
    """The rows so far."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()] if ROWS.exists() else []


def table(rows: list[dict[str, Any]]) -> str:
    """results/unknown.md."""
    lines = [
        "# Unknown words on NSMC\n\nMade by `YEONMA_DATA=DIR python benchmarks/unknown.py`, which says how; its rows",
        "stand in `results/unknown.jsonl`. Test accuracy after 30,000 training reviews: mean and standard deviation of",
        "the seeds.\n",
        "| encoder | vectors | words | running words known | one | buckets | subwords |",
        "|---|---|---|---|---|---|---|",
    ]
    keys = dict.fromkeys((row["encoder"], row["vectors"], row["min_count"]) for row in rows)
    for key in keys:
        own = [row for row in rows if (row["encoder"], row["vectors"], row["min_count"]) == key]
        scores = [[row["test_accuracy"] for row in own if row["policy"] == policy] for policy in POLICIES]
        shown = [_spread(values) for values in scores]
        lines.append(
            f"| {key[0]} | {key[1]}, min_count {key[2]} | {own[0]['words']:,} | {own[0]['tokens_known']:.1%} | "
            f"{' | '.join(shown)} |"
        )
    return "\n".join(lines) + "\n"


def _spread(values: list[float]) -> str:
    if not values:
        return "–"
    return f"{statistics.mean(values):.4f}" + (f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else "")


def main() -> None:
    """Run what is missing, then write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", choices=COUNTS, help="this one alone")
    parser.add_argument("--smoke", action="store_true", help="one tiny case; the vectors alone are kept")
    asked = parser.parse_args()
    wanted = [case for encoder in COUNTS if asked.encoder in (None, encoder) for case in cases(encoder)]
    if asked.smoke:
        print(measured(wanted[-1], TINY))
        return
    for case in wanted:
        if not any(case.items() <= row.items() for row in done()):
            row = {**case, **measured(case, LIMIT)}
            with ROWS.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(row) + "\n")
            print(row, flush=True)
            write_text(TABLE, table(done()))


if __name__ == "__main__":
    main()
