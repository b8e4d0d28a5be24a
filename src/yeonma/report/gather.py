"""Which runs a page is about: one run, several, the runs of a folder, or a comparison with its final runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from yeonma.config import flat
from yeonma.errors import ConfigError, RunError
from yeonma.files import read_json
from yeonma.run import Run

RESULTS = "results.json"  # by which a comparison is known
DETAILED = 4  # of so many runs the embedding and the answers are shown
NAMED = 3  # settings in the name of a group


@dataclass(frozen=True)
class Told:
    """A run on a page. Runs of one `group` differ by their seed alone."""

    name: str
    group: str
    run: Run

    @cached_property
    def config(self) -> dict[str, Any]:
        """Its settings, by dotted key."""
        return flat(self.run.config().model_dump())


@dataclass(frozen=True)
class Shown:
    """What a page is about.

    runs   all runs: curves and scores      detailed  those whose embedding and answers are shown
    place  where its page stands where no other place is named
    study  the results of a comparison, as results.json holds them; None where there is none
    left_out  why runs that were asked for are not among them: a sentence for each
    """

    title: str
    place: Path
    runs: Sequence[Told]
    detailed: Sequence[Told]
    study: Mapping[str, Any] | None = None
    left_out: Sequence[str] = ()

    def groups(self) -> dict[str, list[Told]]:
        """The runs by group, in their order."""
        found: dict[str, list[Told]] = {}
        for each in self.runs:
            found.setdefault(each.group, []).append(each)
        return found


def gather(folders: Sequence[str | Path]) -> Shown:
    """What is shown of run folders, of folders of runs, or of one comparison.

    Raises: RunError for a folder that is none of them, for a comparison beside something else, or runs given twice.
    """
    paths = [Path(folder) for folder in folders]
    studies = [path for path in paths if is_study(path)]
    if studies and len(paths) > 1:
        raise RunError(f"{studies[0]} is a comparison, which has a page of its own. Give it alone.")
    if studies:
        return _of_study(studies[0])
    runs = [Run.open(place) for path in paths for place in run_folders(path)]
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise RunError("A run was given twice. Give each folder once.")
    left_out: list[str] = []
    if len(runs) > 1:
        runs, left_out = _legible_runs(runs, DETAILED)
    told = _named(runs)
    title = told[0].name if len(told) == 1 else _range(told[0].name, told[-1].name)
    place = paths[0] / "report" / "index.html" if len(paths) == 1 else Path("report.html")
    return Shown(title, place, told, told[:DETAILED], left_out=left_out)


def _legible_runs(runs: Sequence[Run], detailed: int) -> tuple[list[Run], list[str]]:
    """Those whose files can be read, and why others cannot: one damaged file is no reason to show nothing of many.

    detailed  of so many the answers and the embedding are read too: the page shows them of no more
    Raises: RunError, ConfigError where none is left.
    """
    sound: list[Run] = []
    broken: list[str] = []
    for run in runs:
        try:
            _read_through(run, len(sound) < detailed)
            sound.append(run)
        except (RunError, ConfigError) as error:
            if run is runs[-1] and not sound:
                raise
            broken.append(str(error))
    return sound, broken


def _read_through(run: Run, detailed: bool) -> None:
    """Read what the page shows of every run, and what it shows of those in detail."""
    run.config()
    for name in ("status.json", "data.json", "coverage.json", "groups.json", "env.json", "eval/scores.json"):
        run.read(name)
    deque(run.events(), 0)
    deque(run.probes(), 0)
    if detailed:
        run.predictions(), run.words(), run.embeddings("before"), run.embeddings("after")


def is_study(folder: Path) -> bool:
    """Whether a folder holds a comparison's results."""
    return (folder / RESULTS).is_file()


def run_folders(folder: Path) -> list[Path]:
    """The folder itself where it is a run, else the runs right in it, by name.

    Raises: RunError where there is none.
    """
    if (folder / "config.toml").is_file():
        return [folder]
    inside = sorted(path.parent for path in folder.glob("*/config.toml"))
    if not inside:
        begun = (folder / "study.toml").is_file()
        raise RunError(
            f"{folder} holds a comparison without results yet. Go on with it: yeonma compare -o {folder}"
            if begun
            else f"{folder} is not a run folder: it has no config.toml, and no folder in it has one. "
            f"`yeonma finetune -o {folder}` makes one."
        )
    return inside


def _of_study(folder: Path) -> Shown:
    """The final runs of a comparison; in detail the first run of each cell, the best cell first.

    Raises: RunError for results of another shape, ConfigError and RunError where no final run can be read.
    """
    study = read_json(folder / RESULTS)
    try:
        told = [
            Told(
                f"{cell['name']} · {run['seed']}",
                cell["name"],
                Run(folder / "cells" / cell["name"] / f"seed-{run['number']:02d}"),
            )
            for cell in study["cells"]
            for run in cell["runs"]
        ]
        best = study["best"]
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{folder / RESULTS} holds results of another version or shape ({error!r}). "
            f"Make them again: yeonma compare -o {folder}"
        ) from error
    found = [each for each in told if (each.run.folder / "config.toml").is_file()]
    sound, left_out = _legible_runs([each.run for each in found], len(found))
    found = [each for each in found if each.run in sound]
    firsts = [next(runs) for _, runs in groupby(found, key=lambda each: each.group)]
    firsts.sort(key=lambda each: each.group != best)
    title = _legible(folder.resolve().name)
    return Shown(title, folder / "report" / "index.html", found, firsts[:DETAILED], study, left_out)


def _named(runs: Sequence[Run]) -> list[Told]:
    """Names that tell runs apart; runs whose settings differ by nothing but the seed are one group.

    A group is called by the settings in which the groups differ. Where these are more than a name holds, it is called
    by its first and last run, and a run that stands alone by its folder.
    """
    settings = [flat(run.config().model_dump()) for run in runs]
    names = _apart([run.folder for run in runs])
    kept = [{key: value for key, value in each.items() if key != "seed"} for each in settings]
    groups = {name: repr(each) for name, each in zip(names, kept, strict=True)}
    if len(set(groups.values())) == len(runs):
        return [Told(name, name, run) for name, run in zip(names, runs, strict=True)]
    differing = [key for key in sorted(set().union(*kept)) if len({repr(each.get(key)) for each in kept}) > 1]
    if len(differing) > NAMED:
        members = {group: [name for name in names if groups[name] == group] for group in groups.values()}
        called = [_range(members[groups[name]][0], members[groups[name]][-1]) for name in names]
    else:
        called = [", ".join(f"{key.rpartition('.')[2]}={each.get(key)}" for key in differing) for each in kept]
    return [Told(name, group or "all", run) for name, group, run in zip(names, called, runs, strict=True)]


def _range(first: str, last: str) -> str:
    return first if first == last else f"{first} … {last}"


def _legible(name: str) -> str:
    """A folder's name for people: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _apart(folders: Sequence[Path]) -> list[str]:
    """The last parts of paths, as many as it takes to tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    for count in range(1, max(map(len, parts)) + 1):
        names = [_legible("/".join(each[-count:])) for each in parts]
        if len(set(names)) == len(names):
            return names
    return names
