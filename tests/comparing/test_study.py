"""The study folder: what it keeps, what may be added, what is refused."""

from __future__ import annotations

import re

import pytest

from comparing_builders import by_hand, plan
from yeonma.comparing.study import Study, Task
from yeonma.comparing.work import open_tasks, ready
from yeonma.errors import ConfigError, RunError
from yeonma.files import write_json

ADAM, SGD, NAG = ({"train.optimizer": name} for name in ("adam", "sgd", "nag"))


def test_a_study_is_what_its_folder_says(tmp_path, base):
    begun = Study.begin(tmp_path / "s", plan(base, ADAM, SGD))
    opened = Study.open(tmp_path / "s")
    assert opened.plan == begun.plan
    assert "Search space" in (tmp_path / "s/rules.txt").read_text(encoding="utf-8")


def test_cells_may_be_added_and_never_go(tmp_path, base):
    Study.begin(tmp_path / "s", plan(base, ADAM, SGD))
    assert list(Study.begin(tmp_path / "s", plan(base, NAG, ADAM)).cells) == ["adam", "sgd", "nag"]
    assert list(Study.open(tmp_path / "s").cells) == ["adam", "sgd", "nag"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"examples": 240}, "rules.examples: 120 before, 240 now"),
        ({"examples": None, "cpu_seconds": 2.0}, "rules.examples: 120 before, nothing now"),
        ({"seeds": 4}, "rules.seeds: 3 before, 4 now"),
        ({"trials": 3}, "rules.trials: 2 before, 3 now"),
        ({"evaluations": 5}, "rules.evaluations: 10 before, 5 now"),
        ({"spaces": {"train.learning_rate": "log:1e-4..1"}}, "space train.learning_rate: log:1e-5..10 before"),
    ],
)
def test_another_rule_is_refused_with_the_difference(tmp_path, base, rule, said):
    Study.begin(tmp_path / "s", plan(base, ADAM))
    with pytest.raises(ConfigError, match=re.escape(said)):
        Study.begin(tmp_path / "s", plan(base, ADAM, SGD, **rule))
    assert list(Study.open(tmp_path / "s").cells) == ["adam"]


def test_another_config_or_other_data_are_refused(tmp_path, base):
    first = plan(base, ADAM)
    Study.begin(tmp_path / "s", first)
    with pytest.raises(ConfigError, match=r"train\.batch_size: 8 before, 9 now"):
        Study.begin(tmp_path / "s", plan({**base, "train": {"batch_size": 9, "threads": 1}}, ADAM))
    first.data["sha256"] = "1"
    with pytest.raises(ConfigError, match=r"data\.sha256: 0 before, 1 now"):
        Study.begin(tmp_path / "s", first)


@pytest.mark.parametrize(("was", "is_now"), [("examples = 120", "examples = 121"), ('"adam"', '"nadam"')])
def test_a_study_changed_by_hand_is_refused(tmp_path, base, was, is_now):
    Study.begin(tmp_path / "s", plan(base, ADAM))
    file = tmp_path / "s/study.toml"
    text = file.read_text(encoding="utf-8")
    assert was in text
    Study.open(tmp_path / "s")
    file.write_text(text.replace(was, is_now), encoding="utf-8")
    with pytest.raises(RunError, match="changed by hand"):
        Study.open(tmp_path / "s")


def test_a_folder_with_something_else_is_left_alone(tmp_path, base):
    with pytest.raises(RunError, match="not a study"):
        Study.begin(tmp_path, plan(base, ADAM))
    with pytest.raises(RunError, match="holds no study"):
        Study.open(tmp_path)


def test_runs_of_all_cells_have_one_budget_and_fresh_seeds(tmp_path, base):
    study = Study.begin(tmp_path / "s", plan(base, ADAM, SGD))
    trials = [study.config(Task(cell, "trial", 1)) for cell in study.cells]
    finals = [study.config(Task(cell, "seed", n)) for cell in study.cells for n in (1, 2, 3)]
    assert {c.seed for c in trials} == {42}
    assert [c.seed for c in finals] == [43, 44, 45] * 2
    assert {c.train.examples for c in trials + finals} == {120}
    assert {c.train.epochs for c in trials + finals} == {2}
    assert {(c.train.patience, c.train.evaluations) for c in trials + finals} == {(0, 10)}
    assert trials[0].train.learning_rate == trials[1].train.learning_rate


def test_a_run_waits_for_those_it_goes_by(tmp_path, base):
    study = Study.begin(tmp_path / "s", plan(base, ADAM, trials=3))
    first, second, third, final = [
        Task("adam", "trial", 1), Task("adam", "trial", 2), Task("adam", "trial", 3), Task("adam", "seed", 1)
    ]  # fmt: skip
    assert [ready(study, task) for task in (first, second, third, final)] == [True, True, False, False]
    for task, state in ((second, "diverged"), (first, "done")):
        result = {"number": task.number, "state": state, "validation": 0.5, "params": {"train.learning_rate": 0.1}}
        write_json(study.place(task) / "result.json", result)
    assert [ready(study, task) for task in (third, final)] == [True, False]
    assert open_tasks(study)[0] == third
    write_json(study.place(third) / "result.json", {"number": 3, "state": "done", "validation": 0.4, "params": {}})
    assert study.chosen("adam") == {"train.learning_rate": 0.1}
    assert [task.kind for task in open_tasks(study)] == ["seed"] * 3


def test_a_cell_whose_trials_all_failed_has_no_final_runs(tmp_path, base):
    study = Study.begin(tmp_path / "s", plan(base, ADAM, SGD, trials=1))
    write_json(study.place(Task("adam", "trial", 1)) / "result.json", {"number": 1, "state": "diverged", "params": {}})
    assert study.chosen("adam") is None
    assert not [task for task in open_tasks(study) if task.cell == "adam"]


def test_studies_by_hand_are_finished(tmp_path):
    assert open_tasks(by_hand(tmp_path / "s", {"a": [{}, {}, {}]})) == []
