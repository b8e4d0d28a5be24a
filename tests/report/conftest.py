"""Finished runs that pages are made of: trained once, copied by tests that change them."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders import config, dataset, examples
from yeonma.answered import table
from yeonma.finetuning import train
from yeonma.model import Model
from yeonma.run import Run
from yeonma.scoring import evaluate


def trained(folder: Path, **changes) -> Run:
    """A run that ended well and was scored on 40 examples of a test split."""
    settings = config(encoder__kind="bilstm-attention", train__epochs=3, train__learning_rate=0.02, **changes)
    run, made = Run.create(folder, settings), dataset()
    run.save_data(made)
    list(train(settings, run, made))
    run.set_status("done")
    model, scored = Model.from_pretrained(run.model_folder), examples(40, 7)
    prepared = model.prepare(scored)
    scores, predictions = evaluate(model, scored, prepared)
    run.save_scores("made", "test", scores)
    run.save_predictions(table(model, scored, prepared, predictions, "made:test"))
    run.release()
    return run


@pytest.fixture(scope="session")
def runs(tmp_path_factory) -> list[Run]:
    """Two seeds of Adam and one run of SGD, in one folder whose name is not harmless."""
    place = tmp_path_factory.mktemp("runs") / "<b>runs</b> & 실행"
    return [
        trained(place / "adam-1", seed=1),
        trained(place / "adam-2", seed=2),
        trained(place / "sgd-1", seed=1, train__optimizer="sgd"),
    ]
