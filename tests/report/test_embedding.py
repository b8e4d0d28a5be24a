"""What fine-tuning did, as HTML: the map's data holds any word, and a picture of one of several runs is named."""

from __future__ import annotations

import json
import re
import shutil

import numpy as np

from yeonma.files import read_json, write_json
from yeonma.report.drift import Drift
from yeonma.report.embedding import _map, section
from yeonma.report.gather import gather
from yeonma.report.pictures import Pictures

WORDS = ["<!--", "<script", "a</script>", "영화", '"&amp;\\', "\u2028"]


def test_no_word_ends_the_data_of_the_map_or_keeps_it_open():
    before, after = np.random.default_rng(0).normal(size=(2, len(WORDS), 8)).astype(np.float32)
    made = _map(Drift(WORDS, before, after), "pca")
    text = made[made.index("json>") + 5 : made.rindex("</script>")]
    assert "<" not in text
    assert json.loads(text)["words"] == WORDS


def test_seeds_share_the_plane_beside_a_run_of_other_weights(runs, tmp_path):
    places = [shutil.copytree(run.folder, tmp_path / run.folder.name) for run in runs]
    titles = [said.partition("<")[0] for said in re.findall("<title>(The way of .*?)</title>", _section(places))]
    assert titles == ["The way of the weights · 가중치가 지나온 길"]
    groups = read_json(places[2] / "groups.json")
    groups["groups"][0]["weights"] += 1
    write_json(places[2] / "groups.json", groups)
    titles = re.findall("<title>(The way of .*?)</title>", _section(places))
    assert [said.partition(" · 가중치")[0] for said in titles] == [
        "The way of the weights",
        "The way of the weights · sgd-1",
    ]


def test_the_note_says_how_many_texts_there_were(runs):
    assert "makes of 20 validation texts" in _section([runs[0].folder])


def _section(places):
    return section(gather(places), Pictures())
