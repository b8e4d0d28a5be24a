"""The curves of training: the mean of runs that differ by their seed, between the lowest and the highest."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from yeonma.pictures.style import Look
from yeonma.report import summary
from yeonma.report.gather import gather
from yeonma.report.path import norms
from yeonma.report.pictures import Pictures
from yeonma.report.training import banded, section
from yeonma.run import Run


@pytest.fixture
def copied(runs, tmp_path):
    """The two seeds and the run beside them, in a folder that a test may change."""
    return [shutil.copytree(run.folder, tmp_path / run.folder.name) for run in runs]


def test_the_scores_axis_says_which_score_it_is(copied):
    events = copied[0] / "events.jsonl"
    events.write_text(events.read_text().replace('"metric": "accuracy"', '"metric": "macro_f1"'))
    assert "macro F1" in drawn(copied[:1])[0]
    assert "macro F1, accuracy (share)" in drawn(copied[::2])[0]
    text = summary.section(gather(copied[:1]))
    assert "validation (" in text and "macro F1:" in text


def drawn(places):
    pictures = Pictures()
    text = section(gather(places), pictures)
    return text, {name: draw(Look(("en",))).axes[0] for name, draw in pictures.items()}


def test_a_band_reaches_from_the_lowest_to_the_highest_where_all_have_values():
    line = banded("a", [([1, 2, 3, 4], [0.0, 2.0, 4.0, 6.0]), ([2, 4, 6], [4.0, 0.0, 9.0]), ([], [])])
    assert line.xs == [2, 3, 4]
    assert line.ys == [3.0, 3.0, 3.0]  # the second has 2.0 at step 3, between two of its points
    assert (line.low, line.high) == ([2.0, 2.0, 0.0], [4.0, 4.0, 6.0])
    assert banded("a", [([1, 2], [5.0, 6.0])]).low is None
    assert banded("a", [([1, 2], [5.0, 6.0]), ([3], [1.0])]).xs == []
    assert banded("a", [([], [])]).xs == []


def test_every_curve_of_seeds_has_a_band(copied):
    text, axes = drawn(copied[:2])
    names = {"loss", "validation", "learning-rate", "gradient-norm", "gradient-norms", "update-norms"}
    assert axes.keys() == names
    assert all(len(each.collections) >= 1 for each in axes.values())
    found = [norms(Run(place)).filter(layer="head").sort("step") for place in copied[:2]]
    head = next(line for line, label in zip(axes["gradient-norms"].lines, labels(axes, found), strict=True) if label)
    assert head.get_ydata() == pytest.approx(np.mean([each["gradient"] for each in found], axis=0))
    assert "after clipping" in text and "differ by their seed" in text and "were not kept" not in text


def labels(axes, found):
    """Which line is the head's: that with its mean at the start."""
    mean = np.mean([each["gradient"][0] for each in found])
    return [line.get_ydata()[0] == pytest.approx(mean) for line in axes["gradient-norms"].lines]


def test_norms_that_were_kept_of_one_seed_alone_are_named(copied):
    shutil.rmtree(copied[1] / "probes")
    text, axes = drawn(copied)
    assert not axes["gradient-norms"].collections
    assert "by layer, after clipping · adam-1<" in text and "by layer, after clipping · optimizer=sgd<" in text
    assert "those of its other seeds were not kept" in text


def test_a_group_of_several_seeds_is_named_by_its_settings(copied):
    text, axes = drawn(copied)
    assert "by layer, after clipping · optimizer=adam<" in text and "by layer, after clipping · optimizer=sgd<" in text
    assert axes["gradient-norms"].collections and not axes["gradient-norms~2"].collections


def test_a_failed_run_does_not_cut_the_curves_of_the_others(copied):
    last = drawn(copied[:1])[1]["loss"].lines[0].get_xdata()[-1]
    broken = Run(copied[1])
    broken.forget_after(2)
    assert drawn(copied[:2])[1]["loss"].lines[0].get_xdata()[-1] == 2
    broken.set_status("failed")
    assert drawn(copied[:2])[1]["loss"].lines[0].get_xdata()[-1] == last


def test_rates_far_apart_stand_on_a_log_axis(copied):
    assert drawn(copied)[1]["learning-rate"].get_yscale() == "linear"
    events = copied[2] / "events.jsonl"
    steps = [json.loads(line) for line in events.read_text().splitlines()]
    events.write_text("".join(json.dumps(raised(step)) + "\n" for step in steps))
    assert drawn(copied)[1]["learning-rate"].get_yscale() == "log"


def raised(step):
    """The step as a rule with a thousand times the rate would have taken it."""
    return {**step, "learning_rate": 1000 * step["learning_rate"]} if "learning_rate" in step else step
