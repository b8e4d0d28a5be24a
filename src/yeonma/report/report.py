"""What runs show, as tables and as one page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yeonma.errors import ConfigError, nearest
from yeonma.files import write_text
from yeonma.records import Evaluated, Progress, Stepped, silent
from yeonma.report import cka, mistakes, path, projection
from yeonma.report.drift import Drift
from yeonma.report.gather import Told, gather
from yeonma.report.scores import all_scores
from yeonma.tasks.scores.names import figures

if TYPE_CHECKING:
    import polars as pl

EXPLAINED = 3


class Report:
    """One run, several runs, the runs of a folder, or a comparison; each table is a polars frame with a column `run`.

    `.to_pandas()` makes a pandas frame of each.

    >>> report = yeonma.Report("runs/first")                       # doctest: +SKIP
    >>> report.moved().select("word", "distance", "before", "after")                       # doctest: +SKIP
    >>> report.write("first.html", pictures="first-pictures")                       # doctest: +SKIP

    Raises: RunError for a folder that holds no run; the tables: RunError for a broken file of a run.
    """

    def __init__(self, *folders: str | Path) -> None:
        self.shown = gather(folders)

    def scores(self) -> pl.DataFrame:
        """run, group, split, n, score, value: all scores of all runs; runs of a group differ by their seed alone."""
        return _frame(
            {"run": told.name, "group": told.group, "split": split, "n": scores["n"], "score": name, "value": value}
            for told in self.shown.runs
            for split, scores in all_scores(told.run).items()
            for name, value in figures(scores).items()
        )

    def curves(self) -> pl.DataFrame:
        """run, group, step, loss, learning_rate, grad_norm, seconds: a row for each time the loop said how it goes."""
        fields = ("step", "loss", "learning_rate", "grad_norm", "examples", "seconds")
        return _frame(
            {"run": told.name, "group": told.group, **{name: getattr(event, name) for name in fields}}
            for told in self.shown.runs
            for event in told.run.events()
            if isinstance(event, Stepped)
        )

    def validations(self) -> pl.DataFrame:
        """run, group, step and the scores of each evaluation in training."""
        return _frame(
            {"run": told.name, "group": told.group, "step": event.step, **figures(event.scores)}
            for told in self.shown.runs
            for event in told.run.events()
            if isinstance(event, Evaluated)
        )

    def moved(self, count: int = 50, neighbours: int = 8) -> pl.DataFrame:
        """The words that moved most, and their neighbours at both ends: see `report.drift.Drift.most_moved`."""

        def words(told: Told) -> pl.DataFrame | None:
            drift = Drift.of(told.run)
            return None if drift is None else drift.most_moved(count, neighbours)

        return self._each(words)

    def map(self, method: str = "pca", count: int = 1000) -> pl.DataFrame:
        """word, x_before, y_before, x_after, y_after, moved: see `report.projection.project`."""

        def points(told: Told) -> pl.DataFrame | None:
            drift = Drift.of(told.run)
            found = projection.project(drift, method, count) if drift else None
            return found and found.points

        return self._each(points)

    def layers(self) -> pl.DataFrame:
        """layer, step, cka: how like its start each layer stayed: see `report.cka.layers`."""
        return self._each(lambda told: cka.layers(told.run))

    def norms(self) -> pl.DataFrame:
        """step, layer, gradient, update: see `report.path.norms`."""
        return self._each(lambda told: path.norms(told.run))

    def path(self) -> pl.DataFrame:
        """step, x, y: the way of the weights in the plane of its principal components: see `report.path.plane`.

        One plane for all runs in detail where they train the same weights; else empty.
        """
        plane = path.plane({told.name: told.run for told in self.shown.detailed})
        return plane.points if plane else _frame(())

    def mistakes(self, count: int = 20) -> pl.DataFrame:
        """The most confident wrong answers of the last evaluation: see `report.mistakes.confident`."""
        answers = self._answers()
        return self._each(lambda told: mistakes.confident(answers[told.name], count) if told.name in answers else None)

    def disagreements(self, count: int = 20) -> pl.DataFrame:
        """The examples on which the runs disagree most: see `report.mistakes.disagreements`.

        Raises: ConfigError for fewer than two runs with answers, or with answers to other examples.
        """
        answers = self._answers()
        if len(answers) < 2:
            raise ConfigError(
                f"Two runs with answers can disagree; there are {len(answers)}. `yeonma evaluate RUN` keeps answers."
            )
        return mistakes.disagreements(answers, count)

    def write(
        self,
        output: str | Path | None = None,
        *,
        pictures: str | Path | None = None,
        map: str = "pca",
        explain: int = EXPLAINED,
        progress: Progress = silent,
    ) -> Path:
        """Write the page, and every picture of it as SVG and PNG where a folder is named; returns where the page is.

        output   left out: report/index.html in the folder where it was one, else report.html
        map      how words are projected: "pca", "tsne" or "umap" (`pip install 'yeonma[maps]'`)
        explain  how many wrong and right answers of each run in detail are explained
        Raises: ConfigError, MissingExtra, DiskError.
        """
        from yeonma.report.page import page

        if map not in projection.METHODS:
            raise ConfigError(f"There is no map called {map!r}.{nearest(map, projection.METHODS)}")
        place = Path(output) if output else self.shown.place
        text, drawn = page(self.shown, method=map, explain=explain, progress=progress)
        write_text(place, text)
        if pictures is not None:
            drawn.write(Path(pictures), progress)
        return place

    def _answers(self) -> Mapping[str, pl.DataFrame]:
        found = {told.name: told.run.predictions() for told in self.shown.detailed}
        return {name: rows for name, rows in found.items() if rows is not None}

    def _each(self, table: Callable[[Told], pl.DataFrame | None]) -> pl.DataFrame:
        """The tables of the runs in detail under each other, with the run's name in front."""
        import polars as pl

        found = [(told.name, made) for told in self.shown.detailed if (made := table(told)) is not None]
        if not found:
            return _frame(())
        return pl.concat(
            [made.select(pl.lit(name).alias("run"), pl.all()) for name, made in found], how="diagonal_relaxed"
        )


def _frame(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(list(rows), infer_schema_length=None)
