"""What a comparison found, as lines of text: a leaderboard, and what each column of it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def verdict_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """The results as text: the leaderboard, then what it goes by."""
    cells = found["cells"]
    width = max(4, *(len(cell["name"]) for cell in cells))
    yield f"test {found['metric'] or 'score'}, mean of the seeds"
    yield (
        f"{'cell':<{width}}  group  {'mean ± sd':<17}{'95 % interval':<18}{'to best':>8}{'p':>8}{'p runs':>8}"
        f"{'target':>8}{'steps':>9}{'seconds':>9}{'CPU':>9}  verdict"
    )
    for cell in cells:
        row = f"{_scores(cell)}{_tests(cell)}{_costs(cell)}  {_words(cell)}"
        yield f"{cell['name']:<{width}}  {cell['group']:<5}  {row}"
    if majority := found["majority"]:
        yield f"{'majority':<{width}}         {majority['accuracy']:.4f} accuracy"
    yield ""
    yield from _legend(found)


def _scores(cell: Mapping[str, Any]) -> str:
    test = cell["test"]
    if not test:
        return f"{'–':<35}"
    spread = f"{number(test['mean'])} ± {number(test['sd'])}"
    between = f"{number(test['low'])} … {number(test['high'])}"
    return f"{spread:<17}{between:<18}"


def _tests(cell: Mapping[str, Any]) -> str:
    row = cell["against_best"] or {}
    difference = "" if row.get("difference") is None else f"{round(row['difference'], 4) + 0.0:+.4f}"  # no -0.0000
    return f"{difference:>8}{_p(row.get('p_holm')):>8}{_p(row.get('p_these_runs')):>8}"


def _costs(cell: Mapping[str, Any]) -> str:
    target, spent = cell["to_target"], sum(cell["cpu_seconds"][kind] for kind in ("tuning", "final"))
    if not target:
        return f"{'':>26}{spent:>8,.0f}s"
    steps = "∞" if target["steps"] is None else f"{target['steps']:,.0f}"
    seconds = "∞" if target["seconds"] is None else f"{target['seconds']:,.2f}"
    reached = f"{target['reached']}/{target['of']}"
    return f"{reached:>8}{steps:>9}{seconds:>9}{spent:>8,.0f}s"


def _words(cell: Mapping[str, Any]) -> str:
    failed = {
        f"{count} of the {kind} {state}"
        for kind, counts in (("trials", cell["failed_trials"]), ("final runs", cell["failed_runs"]))
        for state, count in counts.items()
    }
    return "; ".join([cell["verdict"], *sorted(failed)])


def _legend(found: Mapping[str, Any]) -> Iterator[str]:
    target = number(found["target"])
    yield "group    cells that share a letter: no difference between them shown (paired t over seeds, Holm over"
    yield "         all pairs)"
    yield f"to best  difference to {found['best'] or 'the best'}, the best by validation scores"
    yield "p        paired t-test over seeds against it, with Holm's correction"
    yield "p runs   permutation test of the score over test examples, for these runs: it says nothing of other seeds"
    yield f"target   final runs that reached a validation score of {target}; steps and CPU seconds to it are medians,"
    yield "         ∞ where a median run never did"
    yield "CPU      seconds of the processor for all trials and runs of the cell"


def number(value: float | None) -> str:
    """Four digits; a dash where there is none."""
    return "–" if value is None else f"{value:.4f}"


def _p(value: float | None) -> str:
    return "" if value is None else "<.001" if value < 0.001 else f"{value:.3f}"
