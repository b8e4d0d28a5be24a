"""A run that ends by examples or by seconds of the processor, and is scored at equal distances."""

from __future__ import annotations

import pytest

from builders import config, dataset
from yeonma.errors import ConfigError
from yeonma.finetuning import objective, train
from yeonma.records import Evaluated, Finished, Stepped
from yeonma.run import Run


def learn(folder, settings, stop=lambda: False, resume=False) -> list:
    run = Run.open(folder) if resume else Run.create(folder, settings)
    if resume:
        run.lock()
    try:
        return list(train(settings, run, dataset(), stop=stop, resume=resume))
    finally:
        run.release()


def seen(events) -> int:
    return sum(event.examples for event in events if isinstance(event, Stepped))


@pytest.mark.parametrize("budget", [8, 9, 59, 60, 61, 150, 240])
def test_no_more_examples_than_given_and_hardly_fewer(budget):
    """60 examples in batches of 8, the last of 4: the steps are those of the batches as they come."""
    settings = config(train__examples=budget)
    descent = objective(settings, dataset())
    batches = [len(batch) for epoch in range(5) for batch in descent.plan(epoch)]
    assert sum(batches[: descent.steps]) <= budget < sum(batches[: descent.steps + 1])


def test_a_step_of_gradient_descent_counts_all_examples(tmp_path):
    events = learn(tmp_path / "run", config(train__optimizer="gd", train__examples=200))
    assert (events[-1].step, seen(events)) == (3, 180)
    with pytest.raises(ConfigError, match="1 is not enough for one step, which sees [48]"):
        objective(config(train__examples=1), dataset())
    with pytest.raises(ConfigError, match="one step, which sees 60"):
        objective(config(train__optimizer="gd", train__examples=59), dataset())


def test_seconds_of_the_processor_end_a_run(tmp_path):
    settings = config(train__cpu_seconds=0.2, train__evaluations=4)
    events = learn(tmp_path / "run", settings)
    assert isinstance(events[-1], Finished)
    assert events[-1].step > 8
    assert 2 <= sum(isinstance(event, Evaluated) for event in events) <= 5
    rates = [event.learning_rate for event in events if isinstance(event, Stepped)]
    assert rates[-1] < max(rates) / 2, "the schedule goes by the share of the seconds"


def test_a_run_by_seconds_can_be_resumed(tmp_path):
    settings, asked = config(train__cpu_seconds=0.2), []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 30

    first = learn(tmp_path / "run", settings, stop)
    assert first[-1].reason == "interrupted"
    assert learn(tmp_path / "run", settings, resume=True)[-1].reason == "done"


def test_evaluations_are_spread_evenly_and_survive_a_stop(tmp_path):
    settings, asked = config(train__examples=240, train__evaluations=4), []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 18

    whole = learn(tmp_path / "whole", settings)
    parts = learn(tmp_path / "parts", settings, stop) + learn(tmp_path / "parts", settings, resume=True)
    for events in (whole, parts):
        assert [event.step for event in events if isinstance(event, Evaluated)] == [8, 16, 24, 32]


def test_two_budgets_are_refused():
    with pytest.raises(ConfigError, match="exclude each other"):
        config(train__examples=10, train__cpu_seconds=1.0)
