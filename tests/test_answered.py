"""Answers as a table: texts, answers, characters, and which tokens an encoder does not know."""

from __future__ import annotations

import pytest

from builders import config, dataset
from yeonma.answered import table
from yeonma.finetuning import train
from yeonma.model import Model
from yeonma.records import Example
from yeonma.run import Run


@pytest.fixture
def model(tmp_path):
    run = Run.create(tmp_path / "run", config(train__epochs=8, train__learning_rate=0.05))
    list(train(run.config(), run, dataset()))
    return run, Model.from_pretrained(run.model_folder)


def test_a_row_says_what_was_read_and_answered(model, tmp_path):
    run, model = model
    examples = [
        Example("a", ("정말 좋다 최고",), "긍정"),
        Example("b", ("정말 최고",), "부정"),
        Example("c", ("처음보는말 영화 최악",)),
    ]
    prepared = model.prepare(examples)
    predictions = model.predictions(prepared, examples)
    rows = table(model, examples, prepared, predictions, "made:test")
    assert rows["texts"].to_list() == [["정말 좋다 최고"], ["정말 최고"], ["처음보는말 영화 최악"]]
    assert rows["predicted"].to_list() == [p.value for p in predictions] == ["긍정", "긍정", rows["predicted"][2]]
    assert rows["right"].to_list() == [True, False, None]
    assert rows["tokens"].to_list() == [3, 2, 3]
    assert rows["unknown"].to_list() == [0, 0, 1]
    assert rows["gold_spans"].null_count() == 3
    assert rows["data"].unique().to_list() == ["made:test"]
    run.save_predictions(rows)
    assert run.predictions().equals(rows)
    errors = (run.folder / "eval" / "errors.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in errors] == ["id", "b"]
