"""One run of a study from its claim to its result: an ordinary run folder, made by the ordinary loop."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from yeonma.comparing.claims import Claim
from yeonma.comparing.study import DONE, Study, Task
from yeonma.config import Config, flat
from yeonma.errors import Diverged, OutOfMemory
from yeonma.records import Dataset, Evaluated, Event, Finished
from yeonma.run import Run
from yeonma.train import Descent
from yeonma.watch import memory_told

Read = Callable[[Config, Sequence[str]], Dataset]
"""How a config's examples are read; the splits are named."""
Stop = Callable[[], bool]

WARM: set[Path] = set()
"""Folders of cells of which this process has made a step: the seconds of its first one are no part of any run."""
ADVICE = "Lower train.batch_size, data.max_length or encoder.dim of all cells."


def carry_out(study: Study, task: Task, claim: Claim, read: Read, stop: Stop, seen: Callable[[], object]) -> bool:
    """Run a task, or go on with it where it stopped; True when its result stands, False when it was stopped.

    seen  called after every event
    Raises: YeonmaError, but for a run that diverges or runs out of memory: that is its result.
    """
    began, cpu = time.monotonic(), time.process_time()
    run = Run(study.place(task))
    resumed = (run.folder / "config.toml").exists()
    config = run.config() if resumed else study.config(task)
    state, end = DONE, None
    try:
        with closing(_trained(run, config, read, resumed, stop)) as events:
            for event in events:
                claim.must_hold()
                seen()
                end = event if isinstance(event, Finished) else end
        if end is None or end.reason == "interrupted":
            return False
        with memory_told(ADVICE):
            tested = _tested(run, config, read, _shown(task)) if task.kind == "seed" else {}
    except (Diverged, OutOfMemory) as error:
        state, tested = "diverged" if isinstance(error, Diverged) else "out of memory", {"reason": str(error)}
    claim.must_hold()
    settings, curve = flat(config.model_dump()), run.curve()
    run.save_result(
        {
            "cell": task.cell,
            "kind": task.kind,
            "number": task.number,
            "seed": config.seed,
            "state": state,
            "params": {key: settings[key] for key in study.rules.spaces} if study.rules.trials else {},
            "validation": end.best_score if end and state == DONE else None,
            **tested,
            "curve": curve,
            "cpu_seconds": max(time.process_time() - cpu, curve[-1]["seconds"] if curve else 0.0),
            "wall_seconds": time.monotonic() - began,
        }
    )
    clear(study, task)
    return True


def clear(study: Study, task: Task) -> None:
    """Remove what no page shows: the first final run of a cell is shown whole, of the others scores and norms."""
    run = Run(study.place(task))
    if task.kind == "seed" and not _shown(task):
        run.keep_norms()
    run.drop(*_hidden(task))


def uncleared(study: Study, task: Task) -> bool:
    """Whether a process was killed between a run's result and its clearing."""
    return any((study.place(task) / name).exists() for name in _hidden(task))


def _hidden(task: Task) -> tuple[str, ...]:
    """The folders of a run that no page shows."""
    if task.kind == "trial":
        return "embeddings", "probes", "model", "checkpoints"
    return ("checkpoints",) if _shown(task) else ("embeddings", "checkpoints")


def _shown(task: Task) -> bool:
    """Whether the page shows the run itself."""
    return (task.kind, task.number) == ("seed", 1)


def _trained(run: Run, config: Config, read: Read, resumed: bool, stop: Stop) -> Generator[Event]:
    """Train in a run folder; every evaluation leaves a point of the curve."""
    from yeonma.finetuning import objective
    from yeonma.train import descend
    from yeonma.watch import watched

    dataset = read(config, ("train", "valid"))
    if not resumed:
        run = Run.create(run.folder, config)
    else:
        run.lock()

    def events() -> Iterator[Event]:
        run.save_data(dataset)
        if (kind := run.folder.parent) not in WARM:  # kernels compile, libraries wake up in a step that is thrown away
            objective(config, dataset).advance()
            WARM.add(kind)
        descent = objective(config, dataset)
        for event in descend(descent, run, resume=resumed, stop=stop):
            if isinstance(event, Evaluated):
                _mark(run, descent, event)
            yield event

    yield from watched(run, events(), new=not resumed, advice=ADVICE)


def _mark(run: Run, descent: Descent, event: Evaluated) -> None:
    """Add an evaluation to the curve: what was seen and spent up to it, and the score."""
    state = descent.state
    made = {each.step for each in run.events() if isinstance(each, Evaluated)}  # without those of a lost attempt
    known = [point for point in run.curve() if point["step"] < state.step and point["step"] in made]
    now = {"step": state.step, "examples": state.examples, "seconds": state.cpu_seconds}
    run.save_curve([*known, {**now, "validation": event.scores[event.metric], "metric": event.metric}])


def _tested(run: Run, config: Config, read: Read, shown: bool) -> dict[str, Any]:
    """Score the finished model on the test split, which is read here and nowhere else.

    shown  whether its answers are kept with their texts, and not only what they add to the score
    """
    from yeonma.answered import table
    from yeonma.model import Model
    from yeonma.scoring import evaluate
    from yeonma.tasks.scores.sums import added

    examples = list(read(config, ("test",)).splits["test"])
    model = Model.from_pretrained(run.model_folder)
    prepared = model.prepare(examples)
    scores, predictions = evaluate(model, examples, prepared)
    name = config.data.name_of("test")
    run.save_scores(name, "test", scores)
    rows = table(model, examples, prepared, predictions, f"{name}:test")
    metric = run.curve()[-1]["metric"]
    sums = added(metric, model.task, examples, predictions)
    run.save_answers(rows["id"].to_list(), rows["predicted"].to_list(), sums)
    if shown:
        run.save_predictions(rows)
    key = hashlib.sha256(repr([(e.id, e.texts, e.gold) for e in examples]).encode("utf-8", "surrogatepass"))
    return {"test": scores[metric], "metric": metric, "scores": scores, "tested_on": key.hexdigest()}
