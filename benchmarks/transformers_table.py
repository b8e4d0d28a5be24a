"""results/transformers.md from the rows that were measured."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
NAMES = {
    "padded": "Trainer, padded to 128 as run_glue does, float32",
    "best flags": "Trainer, its best flags: dynamic padding, group_by_length, bf16",
    "ours": "Yeonma",
    "lower half cached": "Yeonma, lower half frozen and cached (another method)",
}
HEAD = """# Transformer encoders: training and prediction beside Hugging Face

Made by `YEONMA_DATA=DIR python benchmarks/transformers.py`; every finished seed is a row of `transformers.jsonl`, and a
rerun skips it. One thread, CPU time, fresh models. SST-2, all-MiniLM-L6, 8,000 training examples, batch 32, AdamW at
5e-5, linear to 0 without warm-up, clipped at 1; accuracy on all 872 rows of the dev split (standard error of one run
1.3 points). Training was to be at least 15 times as fast as the padded Trainer and 0.95 times as its best flags, and
was hoped to be 40 and 2 times; the way to the target to take half as long. Look at ratios: between rounds, milliseconds
differ by the load of the machine.
"""


def of(rows: Sequence[Row], part: str) -> list[Row]:
    """The rows of a part, by seed."""
    return sorted((row for row in rows if row["part"] == part), key=lambda row: row["seed"])


def spread(values: Sequence[float], digits: int = 4) -> str:
    """Mean ± sample standard deviation."""
    sd = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{sd}"


def difference(ones: Sequence[float], others: Sequence[float]) -> str:
    """The mean of the differences by seed and its standard error."""
    gaps = [one - other for one, other in zip(ones, others, strict=True)]
    error = f", standard error {statistics.stdev(gaps) / math.sqrt(len(gaps)):.4f}" if len(gaps) > 1 else ""
    return f"{statistics.mean(gaps):+.4f}{error}"


def epochs(rows: Sequence[Row]) -> str:
    """An epoch: cost, ratios within a round, accuracy."""
    lines = [
        "## An epoch",
        "",
        "| | ms / example (median) | padded Trainer ÷ it | best flags ÷ it | dev accuracy | ready, s | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, title in NAMES.items():
        ratios = [
            f"{statistics.median(row['ms'][base] / row['ms'][name] for row in rows):.2f}"
            for base in ("padded", "best flags")
        ]
        milliseconds = statistics.median(row["ms"][name] for row in rows)
        scores = [row["accuracy"][name] for row in rows if name in row["accuracy"]]
        ready = [row["ready_seconds"][name] for row in rows if name in row["ready_seconds"]]
        cells = [
            title, f"{milliseconds:.2f}", *ratios, spread(scores) if scores else "not trained",
            f"{statistics.median(ready):.0f}" if ready else "not counted", str(len(rows)),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    own, cached, best = ([row["accuracy"][n] for row in rows] for n in ("ours", "lower half cached", "best flags"))
    whole = [row["ms"]["ours"] * 8 + row["ready_seconds"]["ours"] for row in rows]
    cached_whole = [row["ms"]["lower half cached"] * 8 + row["ready_seconds"]["lower half cached"] for row in rows]
    gain = statistics.median(one / other for one, other in zip(whole, cached_whole, strict=True))
    return "\n".join([
        *lines, "",
        f"- Accuracy, ours − best flags: {difference(own, best)}; lower half cached − best flags: "
        f"{difference(cached, best)} (paired by seed, dev rows the same).",
        "- The variants take turns, 25 steps each, in one process; the padded Trainer is timed on 500 examples before.",
        "- Ready: loading, tokenizing, and for the cached half the pass through the frozen layers, of dev too. With it "
        f"counted, one epoch with the lower half cached is {gain:.2f} times as fast as ours without.",
        f"- Load of the machine (two cores) in these rounds: {', '.join(str(row['load']) for row in rows)}.",
    ])  # fmt: skip


def reached(curve: Sequence[Sequence[float]], target: float) -> float | None:
    """CPU seconds of the first scoring at or above the target from which on the mean of all scorings is so too."""
    for number, (_, seconds, accuracy) in enumerate(curve):
        if accuracy >= target and statistics.mean(point[2] for point in curve[number:]) >= target:
            return seconds
    return None


def climbs(rows: Sequence[Row]) -> str:
    """Time to accuracy."""
    target = statistics.mean(row["accuracy"] for row in of(rows, "defaults"))
    many = len(of(rows, "defaults"))
    lines = [
        "## Time to accuracy",
        "",
        f"Target: {target:.4f}, the mean dev accuracy that the Trainer's defaults end with after 3 epochs ({many} "
        "seeds; run in float32 on batches grouped by length: padding changes no mathematics). Reached and kept: the "
        "first of the scorings, one every 50 steps, that is at the target and from which on their mean is. Scoring is "
        "not counted.",
        "",
        "| seed | best flags, CPU s | Yeonma, CPU s | Yeonma ÷ best flags | whole run: Yeonma ÷ best flags |",
        "|---|---|---|---|---|",
    ]
    for row in of(rows, "climb"):
        times = {name: reached(curve, target) for name, curve in row["curves"].items()}
        ends = {name: curve[-1][1] for name, curve in row["curves"].items()}
        both = times["ours"] / times["best flags"] if times["ours"] and times["best flags"] else None
        shown = [f"{times[name]:.0f}" if times[name] else "not in 3 epochs" for name in ("best flags", "ours")]
        ratio = f"{both:.2f}" if both else "–"
        lines.append(f"| {row['seed']} | {' | '.join(shown)} | {ratio} | {ends['ours'] / ends['best flags']:.2f} |")
    return "\n".join(lines)


def predictions(row: Row) -> str:
    """10,000 reviews."""
    pipe, ours = row["ms"]["pipeline"], row["ms"]["ours"]
    ratio = statistics.median(one / other for one, other in zip(pipe, ours, strict=True))
    return f"""## Prediction

{row["reviews"]:,} reviews of NSMC's training split, the Korean–English encoder (12 layers, width 384) tuned on 2,000
others, 128 tokens. Both sides hold the same weights: mean pooling and a linear layer, on Hugging Face's side in a
subclass of `BertForSequenceClassification`, since its own pooler would be another model. Tokenizing is counted.

| | ms / review |
|---|---|
| `pipeline("text-classification", batch_size=64)`, float32 | {statistics.median(pipe):.2f} |
| `model.predict` | {statistics.median(ours):.2f} |

{ratio:.2f} times as fast (median of {len(pipe)} rounds); {100 * row["equal_labels"]:.2f} % equal labels; load of the
machine (two cores) {row["load"]}."""


def table(rows: Sequence[Row]) -> str:
    """The whole page."""
    parts = [HEAD.strip()]
    if of(rows, "epoch"):
        parts.append(epochs(of(rows, "epoch")))
    if of(rows, "defaults") and of(rows, "climb"):
        parts.append(climbs(rows))
    parts += [predictions(row) for row in of(rows, "predict")]
    return "\n\n".join(parts) + "\n"
