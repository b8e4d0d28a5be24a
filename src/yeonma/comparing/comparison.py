"""A study's results as tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from yeonma.comparing import results
from yeonma.comparing.study import Study
from yeonma.files import write_json

if TYPE_CHECKING:
    import polars as pl


class Comparison:
    """The results of a study folder; each table is a polars frame (`.to_pandas()` makes a pandas one).

    results  everything, as results.json holds it
    """

    def __init__(self, folder: str | Path, target: float | None = None) -> None:
        """Gather the results of a study's folder; with a target other than the study's if one is given."""
        self.folder = Path(folder)
        self.results = results.gather(Study.open(folder), target)

    def save(self) -> Self:
        """Write results.json."""
        write_json(self.folder / "results.json", self.results)
        return self

    @property
    def best(self) -> str | None:
        """The cell with the highest mean validation score."""
        best: str | None = self.results["best"]
        return best

    def table(self) -> pl.DataFrame:
        """A row for each cell, the highest mean test score first; steps and seconds to the target may be infinite."""
        return _frame(_row(cell) for cell in self.results["cells"])

    def trials(self) -> pl.DataFrame:
        """A row for each tuning trial: the searched values, the validation score, what became of it."""
        return _frame(
            {"cell": c["name"], **{k: v for k, v in t.items() if k != "params"}, **t["params"]}
            for c in self.results["cells"]
            for t in c["trials"]
        )

    def runs(self) -> pl.DataFrame:
        """A row for each final run."""
        leave = ("params", "curve")
        return _frame(
            {"cell": c["name"], **{k: v for k, v in run.items() if k not in leave}}
            for c in self.results["cells"]
            for run in c["runs"]
        )

    def curves(self) -> pl.DataFrame:
        """A row for each evaluation of each final run: what was seen and spent up to it, and the validation score."""
        return _frame(
            {"cell": c["name"], "seed": run["seed"], **point}
            for c in self.results["cells"]
            for run in c["runs"]
            for point in run["curve"]
        )

    def pairs(self) -> pl.DataFrame:
        """A row for each two cells: mean difference over seeds, p of the paired t-test, Holm's over all pairs."""
        return _frame(self.results["pairs"])


def _row(cell: dict[str, Any]) -> dict[str, Any]:
    test, validation = cell["test"] or {}, cell["validation"] or {}
    against, target = cell["against_best"] or {}, cell["to_target"] or {}
    return {
        "cell": cell["name"],
        "group": cell["group"],
        "verdict": cell["verdict"],
        **{f"test_{key}": test.get(key) for key in ("mean", "sd", "low", "high", "n")},
        **{f"validation_{key}": validation.get(key) for key in ("mean", "sd")},
        **{key: against.get(key) for key in ("difference", "p", "p_holm", "p_these_runs")},
        "reached": target.get("reached"),
        **{f"{key}_to_target": _infinite(target, key) for key in ("steps", "examples", "seconds")},
        "failed_trials": sum(cell["failed_trials"].values()),
        "failed_runs": sum(cell["failed_runs"].values()),
        "cpu_seconds_tuning": cell["cpu_seconds"]["tuning"],
        "cpu_seconds_final": cell["cpu_seconds"]["final"],
        **(cell["tuned"] or {}),
    }


def _infinite(target: dict[str, Any], key: str) -> float | None:
    """What it took to reach the target; ∞ where a median run never did, None where no run has ended."""
    return (math.inf if target[key] is None else target[key]) if target else None


def _frame(rows: Any) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(list(rows), infer_schema_length=None)
