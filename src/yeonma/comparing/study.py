"""The study folder: what is compared, by which rules, and the runs of every cell. The folder is the truth."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from yeonma import config as configs
from yeonma.comparing import grid
from yeonma.comparing.rules import Rules
from yeonma.comparing.spaces import free, parse, suggest
from yeonma.errors import ConfigError, RunError
from yeonma.files import disk_errors, read_json, write_text
from yeonma.records import Dataset

FILE = "study.toml"
DONE = "done"
"""The state of a run that ended well; the others say what became of it."""


class Task(NamedTuple):
    """One run of a study: a cell's tuning trial (numbered from 1) or final run (numbered by its seed's place)."""

    cell: str
    kind: str  # "trial" or "seed"
    number: int


@dataclass(frozen=True)
class Plan:
    """What a study is made of.

    base   the config under all cells, as a nested dict that is not filled in yet
    cells  name → what the cell sets, by dotted key
    data   how many examples there are in train and valid, and a hash of them
    """

    base: Mapping[str, Any]
    rules: Rules
    cells: Mapping[str, grid.Cell]
    data: Mapping[str, Any]

    def fixed(self) -> dict[str, Any]:
        """What must not change while a study goes on, by dotted key."""
        rules = {key: value for key, value in asdict(self.rules).items() if value is not None}
        return {
            **configs.flat({"rules": {key: value for key, value in rules.items() if key != "spaces"}}),
            **{f"space {key}": text for key, text in self.rules.spaces.items()},
            **configs.flat(self.base),
            **configs.flat({"data": self.data}),
        }

    def fingerprint(self) -> str:
        """A hash of it."""
        return _hash(self.fixed())

    def cells_fingerprint(self) -> str:
        """A hash of the cells, which may become more, but stay what they are."""
        return _hash({name: dict(cell) for name, cell in self.cells.items()})


class Study:
    """A study folder."""

    def __init__(self, folder: str | Path, plan: Plan, target: float | None = None) -> None:
        self.folder, self.plan, self.rules, self.cells, self.target = Path(folder), plan, plan.rules, plan.cells, target
        self._ended: dict[Task, dict[str, Any]] = {}

    @classmethod
    def open(cls, folder: str | Path) -> Study:
        """The study in a folder.

        Raises: RunError where there is none, or its file was changed by hand.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise RunError(f"{folder} holds no study: it has no {FILE}. `yeonma compare --help` says how to begin one.")
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
            cells = {each["name"]: each["settings"] for each in tree["cells"]}
            plan = Plan(tree["base"], Rules(**tree["rules"]), cells, tree["data"])
        except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
            raise RunError(f"{path} is not a whole study: {error!r}. Restore it or begin a new study.") from error
        cells_known = tree.get("cells_fingerprint", plan.cells_fingerprint())  # studies of old have none
        if plan.fingerprint() != tree.get("fingerprint") or plan.cells_fingerprint() != cells_known:
            raise RunError(f"{path} was changed by hand. Its rules are those it began with: restore it.")
        return cls(folder, plan, tree.get("target"))

    @classmethod
    def begin(cls, folder: str | Path, plan: Plan, target: float | None = None) -> Study:
        """A new study, or the one in the folder, with the cells that are new to it and, if one is given, the target.

        Raises: RunError where the folder holds something else; ConfigError where the rules differ, with the difference.
        """
        from filelock import FileLock

        folder = Path(folder)
        if folder.exists() and not (folder / FILE).exists() and (not folder.is_dir() or any(folder.glob("[!.]*"))):
            raise RunError(f"{folder} exists and is not a study. Choose another folder with -o.")
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            if (folder / FILE).exists():
                old = cls.open(folder)
                plan, target = _joined(old.plan, plan, folder), old.target if target is None else target
            study = cls(folder, plan, target)
            study._write()
        return study

    def _write(self) -> None:
        import tomli_w

        plan = self.plan
        tree = {
            "fingerprint": plan.fingerprint(),
            "cells_fingerprint": plan.cells_fingerprint(),
            **({} if self.target is None else {"target": self.target}),
            "rules": {key: value for key, value in asdict(plan.rules).items() if value is not None},
            "data": dict(plan.data),
            "base": dict(plan.base),
            "cells": [{"name": name, "settings": dict(cell)} for name, cell in plan.cells.items()],
        }
        if not (self.folder / FILE).exists() or tomllib.loads((self.folder / FILE).read_text("utf-8")) != tree:
            write_text(self.folder / FILE, tomli_w.dumps(tree))
            write_text(self.folder / "rules.txt", "\n".join(self.lines()) + "\n")

    def lines(self) -> list[str]:
        """The rules in words, and the cells."""
        made = [f"{len(self.cells)} cells: {', '.join(self.cells)}"]
        return made + self.rules.lines(len(self.cells), self.first_seed)

    def facts(self) -> dict[str, Any]:
        """The same as numbers and names, as JSON takes them."""
        spaces = {key: asdict(parse(key, text)) for key, text in self.rules.spaces.items()}
        known = {**asdict(self.rules), "free_trials": free(self.rules.trials), "first_seed": self.first_seed}
        few = self.rules.too_few(len(self.cells))
        return {**known, "spaces": spaces, "cells": list(self.cells), "too_few_seeds": few}

    @property
    def first_seed(self) -> int:
        """The seed of tuning; those of the final runs follow it."""
        return int(self.plan.base.get("seed", 42))

    def tasks(self) -> Iterator[Task]:
        """All runs: the trials of all cells side by side, then the final runs."""
        for kind, count in (("trial", self.rules.trials), ("seed", self.rules.seeds)):
            yield from (Task(cell, kind, number) for number in range(1, count + 1) for cell in self.cells)

    def place(self, task: Task) -> Path:
        """The run folder of a task."""
        return self.folder / "cells" / task.cell / f"{task.kind}-{task.number:02d}"

    def result(self, task: Task) -> dict[str, Any] | None:
        """What a finished run has left, which never changes and is read once; None where it is not finished."""
        if task not in self._ended and (path := self.place(task) / "result.json").exists():
            self._ended[task] = read_json(path)
        return self._ended.get(task)

    def finished(self, task: Task) -> bool:
        """Whether a run has ended, well or not."""
        return task in self._ended or (self.place(task) / "result.json").exists()

    def trials(self, cell: str) -> list[dict[str, Any]]:
        """The results of a cell's trials so far, in order."""
        found = (self.result(Task(cell, "trial", number)) for number in range(1, self.rules.trials + 1))
        return [each for each in found if each is not None]

    def chosen(self, cell: str) -> dict[str, Any] | None:
        """The tuned values of a cell whose trials have all ended; None where every one of them failed."""
        good = [each for each in self.trials(cell) if each["state"] == DONE]
        if self.rules.trials and not good:
            return None
        return dict(max(good, key=lambda each: each["validation"])["params"]) if good else {}

    def hopeless(self, cell: str) -> bool:
        """Whether all trials of a cell have failed, so that it has no final runs."""
        return len(self.trials(cell)) == self.rules.trials > 0 and self.chosen(cell) is None

    def config(self, task: Task) -> configs.Config:
        """The settings of a run. A trial must know the trials that it follows."""
        if task.kind == "trial":
            history = [
                (each["params"], each["validation"] if each["state"] == DONE else float("-inf"))
                for each in self.trials(task.cell)
                if each["number"] < task.number
            ]
            seed, rules = self.first_seed, self.rules
            params = suggest(rules.spaces, task.number - 1, rules.trials, history, seed)
        else:
            seed, params = self.first_seed + task.number, self.chosen(task.cell) or {}
        return self.settings(task.cell, seed, params)

    def settings(self, cell: str, seed: int, params: Mapping[str, Any]) -> configs.Config:
        """A cell's settings under the rules.

        Raises: ConfigError.
        """
        tree = grid.laid(self.plan.base, self.cells[cell], self._kinds)
        budget: dict[str, Any] = {"cpu_seconds": self.rules.cpu_seconds}
        if self.rules.examples:
            epochs = -(-self.rules.examples // int(self.plan.data["train"]))
            budget = {"examples": self.rules.examples, "epochs": epochs}
        ruled = {**budget, "evaluations": self.rules.evaluations, "patience": 0}  # check.RULED names them
        return configs.resolve(configs.merge(tree, grid.nested(params), {"seed": seed, "train": ruled}))

    @cached_property
    def _kinds(self) -> Sequence[str]:
        return sorted({cell.get("encoder.kind") or grid.kind_of(self.plan.base) for cell in self.cells.values()})


def _hash(facts: Mapping[str, Any]) -> str:
    text = json.dumps(facts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _joined(old: Plan, new: Plan, folder: Path) -> Plan:
    """The old plan with the new one's further cells.

    Raises: ConfigError where anything else differs.
    """
    before, now = old.fixed(), new.fixed()
    changed = [key for key in {**before, **now} if before.get(key) != now.get(key)]
    if changed:
        lines = [f"  {key}: {before.get(key, 'nothing')} before, {now.get(key, 'nothing')} now" for key in changed]
        raise ConfigError(
            f"The study in {folder} was begun by other rules, and its runs can only be compared under one:\n"
            + "\n".join(lines)
            + f"\nContinue it as it was with `yeonma compare -o {folder}`, or choose another folder."
        )
    cells = dict(old.cells)
    for cell in new.cells.values():
        if cell not in cells.values():
            cells[grid.name_of(cell, list(cells))] = cell
    return Plan(old.base, old.rules, cells, old.data)


def described(dataset: Dataset) -> dict[str, Any]:
    """How many examples are learned from and chosen by, and a hash of them all. The test split is not looked at."""
    key, sizes = hashlib.sha256(), {split: len(dataset.splits[split]) for split in ("train", "valid")}
    for split in sizes:
        for example in dataset.splits[split]:
            key.update(repr((example.id, example.texts, example.gold)).encode("utf-8", "surrogatepass"))
    return {**sizes, "sha256": key.hexdigest()}
