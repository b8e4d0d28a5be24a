"""`yeonma.compare` as a function: settings compared by equal rules, with statistics."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from yeonma import api, chosen
from yeonma import config as configs
from yeonma.comparing import Comparison, Plan, Rules, Study, axes, cells, described, name_of
from yeonma.comparing.check import check
from yeonma.comparing.claims import STALE
from yeonma.comparing.grid import plain
from yeonma.comparing.rules import TRIALS
from yeonma.comparing.spaces import asked
from yeonma.comparing.storage import opened
from yeonma.errors import ConfigError, Interrupted, RunError


def compare(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    output: str | Path,
    optimizers: Sequence[str] = (),
    encoders: Sequence[str] = (),
    vectors: Sequence[str | Path] = (),
    freeze: Sequence[str] = (),
    tokenizers: Sequence[str] = (),
    grid: Mapping[str, Sequence[Any]] | None = None,
    seeds: int | None = None,
    tune: int | None = None,
    tune_also: Sequence[str] = (),
    learning_rates: str | None = None,
    budget_examples: int | None = None,
    budget_seconds: float | None = None,
    evaluations: int | None = None,
    target: float | None = None,
    workers: int = 1,
    storage: str | None = None,
    stale: float = STALE,
    stop: Callable[[], bool] = lambda: False,
    show: Callable[[Study], object] = lambda study: None,
    **choices: Any,
) -> Comparison:
    """Compare all combinations of some settings by equal rules; what has been done in `output` is not done again.

    grid             dotted key → values, beside the axes that have a name of their own; optimizers may be ["all"]
    seeds, tune      final runs and tuning trials of each cell; left out: 5 and 16
    tune_also        further searched settings, "KEY" or "KEY=SPACE"; learning_rates  the space of the rate
    budget_examples  training examples of every run, or budget_seconds of the processor; left out: the config's epochs
    evaluations      how often a run is scored on validation data; left out: 10
    target           the validation score whose time is taken; left out: 0.99 × the best cell's
    storage          an Optuna storage (URL, or a journal file); left out: a journal in `output`
    stale            seconds without a sign after which the run of a lost process is taken over
    stop, show       asked before every batch; called now and then, with the study
    choices          those of `settings`: preset, data, task, encoder, vectors, overrides, …
    With nothing but `output` a study goes on by its own rules; so does a process on another machine.

    >>> yeonma.compare(data="sample-single", encoder="bag", optimizers=["adam", "nadam"], tune=4, seeds=3,
    ...                output="runs/two").table()      # doctest: +SKIP

    Raises: ConfigError, also where a rule differs from those the study began with; YeonmaError of runs; Interrupted.
    """
    lists = _axes(
        optimizers=optimizers, encoders=encoders, vectors=vectors, freeze=freeze, tokenizers=tokenizers
    )  # fmt: skip
    given = {
        "trials": tune, "seeds": seeds, "examples": budget_examples, "cpu_seconds": budget_seconds,
        "evaluations": evaluations,
    }  # fmt: skip
    rules = {name: value for name, value in given.items() if value is not None}
    if config is not None or choices or grid or any(lists.values()):
        base = plain(chosen.laid(config, **choices))
        plan = _plan(base, cells(base, axes(lists, grid or {})), rules, tune_also, learning_rates)
    else:
        plan = _known(output, rules, tune_also, learning_rates)
    if target is not None and not math.isfinite(target):
        raise ConfigError(f"The target is a validation score; it got {target}.")
    check(plan)
    if storage is not None:
        opened(storage)
    study = Study.begin(output, plan, target)
    show(study)
    _finish(study, workers, storage, stale, stop, lambda: show(study))
    return Comparison(output).save()


def _plan(
    base: Mapping[str, Any],
    grid: Sequence[Mapping[str, Any]],
    rules: Mapping[str, Any],
    tune_also: Sequence[str],
    learning_rates: str | None,
) -> Plan:
    """What is asked for, with the usual rules where none is given."""
    data = _data(base)
    budget = {} if "cpu_seconds" in rules else {"examples": configs.resolve(base).train.epochs * int(data["train"])}
    spaces = asked(tune_also, learning_rates) if rules.get("trials", TRIALS) else {}
    named: dict[str, Mapping[str, Any]] = {}
    for cell in map(plain, grid):
        named[name_of(cell, list(named))] = cell
    return Plan(base, Rules(**{**budget, **rules}, spaces=spaces), named, data)


def _known(output: str | Path, rules: Mapping[str, Any], tune_also: Sequence[str], learning_rates: str | None) -> Plan:
    """What the study in a folder was begun with, and the rules that are asked for now.

    Raises: RunError where there is none, or its data have changed.
    """
    plan = Study.open(output).plan
    if _data(plan.base) != plan.data:
        raise RunError(f"The data of the study in {output} have changed since it began. Begin a new one.")
    searched = asked(tune_also, learning_rates) if tune_also or learning_rates else plan.rules.spaces
    return replace(plan, rules=replace(plan.rules, **rules, spaces=searched))


def _axes(**given: Sequence[str | Path]) -> dict[str, list[str]]:
    """The values of the axes that have a name.

    Raises: ConfigError for one value where several are asked for.
    """
    for name, values in given.items():
        if isinstance(values, str | Path):
            raise ConfigError(f"{name} must be a list of values to compare: {name}=[{str(values)!r}, …].")
    return {name: [str(each) for each in values] for name, values in given.items()}


def _data(base: Mapping[str, Any]) -> dict[str, Any]:
    """What is learned from, looked at once; a comparison needs something to be scored on, too."""
    settings = configs.resolve({"task": base.get("task", "single"), "seed": base.get("seed", 42), "data": base["data"]}
                               if "data" in base else dict(base))  # fmt: skip
    if settings.data.train and not settings.data.test:
        raise ConfigError("A comparison ends on test data. Name some: --set data.test=FILE, or test in [data].")
    return described(api.dataset(settings))


def _finish(
    study: Study,
    workers: int,
    storage: str | None,
    stale: float,
    stop: Callable[[], bool],
    seen: Callable[[], object],
) -> None:
    from yeonma.comparing.work import work
    from yeonma.comparing.workers import supervise

    if workers > 1:
        ended = supervise(study, workers, storage=storage, stale=stale, stop=stop, seen=seen)
    else:
        ended = work(study, api.dataset, storage=storage, stale=stale, stop=stop, seen=seen)
    if not ended:
        Comparison(study.folder).save()
        raise Interrupted(f"Stopped and saved. Go on with: yeonma compare -o {study.folder}")


__all__ = ["Comparison", "compare"]
