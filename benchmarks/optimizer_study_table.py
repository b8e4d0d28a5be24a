"""results/optimizers.md from the rows of results/optimizer-study.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from yeonma.files import write_text
from yeonma.tasks.scores.names import NAMES

HEAD = """# Nine optimizers, tuned alike

Made by `YEONMA_DATA=DIR python benchmarks/optimizer_study.py`, which goes on where it was stopped. Every number is of
5,000 test rows that are the same for all. Trained on: 20,000 reviews and 3,500 sentences (all on hand), with the
encoder 1,500 of either. Rates were chosen on other training rows: nsmc 5,000, with the encoder 1,500; klue-ner 1,000.
With 1,000 for nsmc, as tried first, chance decided: the test scores of five rules lay two to four points below the
validation scores that chose their rates; those runs are not shown. The rules of each study, and what the columns mean,
stand in [docs/compare.md](../docs/compare.md): group letters and p are over seeds, with Holm's correction; "p runs" is
about these runs alone. Time to target: a validation score of 0.99 × the best cell's. All runs: {hours:.1f} CPU hours.

"""
COLUMNS = (
    "optimizer | group | test | 95 % interval | to the best | p | p runs | verdict | learning rate "
    "| at target | examples | CPU s to it | CPU s of a run's steps | CPU s of tuning | failed trials, runs"
)


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the tables of all studies."""
    parts: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        parts.setdefault(row["part"], {})[row["study"]] = row
    head = HEAD.format(hours=sum(_seconds(row) for row in rows) / 3600)
    write_text(path, head + "\n".join(line for part in parts.values() for line in _part(part)) + "\n")


def _seconds(results: Mapping[str, Any]) -> float:
    return sum(cell["cpu_seconds"]["tuning"] + cell["cpu_seconds"]["final"] for cell in results["cells"])


def best(results: Mapping[str, Any]) -> str:
    """The optimizer of the best cell, by validation."""
    cell = next(cell for cell in results["cells"] if cell["name"] == results["best"])
    optimizer: str = cell["settings"]["train.optimizer"]
    return optimizer


def _part(studies: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    results = studies["optimizers"]
    yield f"## {results['part']}"
    yield ""
    yield from (f"- {line}" for line in results["rules"])
    yield ""
    name, n = NAMES[results["metric"]], results["test_examples"]
    yield f"Score: {name} on {n:,} test rows; target {results['target']:.4f}."
    yield ""
    yield f"| {COLUMNS} |"
    yield "|" + "---|" * (COLUMNS.count("|") + 1)
    for cell in results["cells"]:
        yield _line(cell, cell["settings"]["train.optimizer"])
    if "ngram" in studies:
        yield _line({**studies["ngram"]["cells"][0], "group": "", "verdict": "beside them"}, "`ngram`, its own rule")
    else:
        yield "| `ngram` answers single texts only |" + " |" * COLUMNS.count("|")
    yield f"| {_majority(results)} |" + " |" * (COLUMNS.count("|") - 2)
    yield ""
    yield _verdict(results)
    yield ""
    if "frozen" in studies:
        yield _frozen(studies["frozen"], best(results))
        yield ""


def _verdict(results: Mapping[str, Any]) -> str:
    """Which differences are real, as a sentence."""
    names: dict[str, list[str]] = {}
    for cell in results["cells"]:
        names.setdefault(cell["verdict"], []).append(cell["settings"]["train.optimizer"])
    said = [f"{verdict.capitalize()}: {', '.join(names[verdict])}." for verdict in names]
    return " ".join(said)


def _line(cell: Mapping[str, Any], name: str) -> str:
    test, against, target = cell["test"], cell["against_best"] or {}, cell["to_target"] or {}
    if not test:
        return f"| {name} |" + " |" * 6 + f" {cell['verdict']} |" + " |" * 7
    reached = f"{target['reached']}/{target['of']}" if target else "–"
    costs, failed = cell["cpu_seconds"], [sum(cell[f"failed_{kind}"].values()) for kind in ("trials", "runs")]
    cells = (
        name, cell["group"], f"{test['mean']:.4f} ± {_number(test['sd'])}", f"{test['low']:.4f} … {test['high']:.4f}",
        _signed(against.get("difference")), _p(against.get("p_holm")), _p(against.get("p_these_runs")),
        cell["verdict"], ", ".join(f"{value:.3g}" for value in (cell["tuned"] or {}).values()), reached,
        _cost(target.get("examples")), _cost(target.get("seconds")), _cost(costs["steps_of_a_run"]),
        f"{costs['tuning']:.0f}", f"{failed[0]}, {failed[1]}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _majority(results: Mapping[str, Any]) -> str:
    """What answers that read nothing would have had."""
    majority = results["majority"]
    if majority is None:
        return "no entity anywhere: 0.0000 | | 0.0000"
    return f"majority class ({majority['label']}) | | {majority['accuracy']:.4f}"


def _frozen(results: Mapping[str, Any], optimizer: str) -> str:
    """The winner with and without a frozen embedding, as a sentence."""
    scores = {cell["settings"]["encoder.freeze"]: cell for cell in results["cells"]}
    said = "; ".join(
        f"{'tuned' if how == 'none' else f'frozen ({how})'} {cell['test']['mean']:.4f} ± "
        f"{_number(cell['test']['sd'])}, {_cost(cell['cpu_seconds']['steps_of_a_run'])} CPU s"
        for how, cell in scores.items()
        if cell["test"]
    )
    p = next((cell["against_best"]["p_holm"] for cell in results["cells"] if cell["against_best"]), None)
    return f"Frozen against tuned, with {optimizer}: {said}; p: {_p(p)}."


def _number(value: float | None, digits: int = 4) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}"


def _p(value: float | None) -> str:
    return "–" if value is None else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _cost(value: float | None) -> str:
    """Examples or seconds; what was not reached has no end."""
    return "∞" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
