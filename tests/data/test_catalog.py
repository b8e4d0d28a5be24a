"""The catalog: one contract test over every entry, so that adding a data set is adding a table."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest

from yeonma.data.catalog import catalog, entry
from yeonma.data.places import folders, present
from yeonma.data.readers import SUFFIXES
from yeonma.data.shapes import SHAPES
from yeonma.errors import DataError

GLUE = ["sst2", "cola", "mnli", "qqp", "qnli", "stsb", "mrpc", "rte", "wnli"]
KLUE = ["sts", "nli", "ner", "mrc"]
KOBEST = ["boolq", "copa", "hellaswag", "sentineg", "wic"]
NAMES = [
    *("nsmc", "klue-ynat", *(f"glue-{name}" for name in GLUE), "swag", "hellaswag", "squad", "conll2003"),
    *(*(f"klue-{name}" for name in KLUE), "kornli", "korsts", "korquad", *(f"kobest-{name}" for name in KOBEST)),
    *("kmou-ner", "question-pair", "sick", *(f"sample-{task}" for task in SHAPES)),
]
METRICS = {
    "single": {"accuracy", "macro_f1", "mcc"},
    "pair": {"accuracy", "macro_f1", "f1", "pearson", "spearman"},
    "choice": {"accuracy"},
    "qa": {"squad_f1", "squad_em", "korquad_f1", "korquad_em"},
    "tagging": {"entity_f1", "macro_entity_f1", "character_f1"},
}


def test_the_names_users_may_type():
    assert list(catalog()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_holds_together(name):
    known = entry(name)
    shape = SHAPES[known.task]
    assert set(known.columns) <= {*shape.roles, "id"}
    assert not known.columns or any(set(roles[:-1]) <= set(known.columns) for roles in shape.needed)
    assert known.metric in METRICS[known.task]
    assert (known.metric in ("pearson", "spearman")) == (known.scale is not None)
    assert known.splits[0] == "train"
    assert {split.split("_")[0] for split in known.splits} <= {"train", "validation", "test"}
    assert known.score_split in known.splits
    assert known.valid_split in (None, "validation")
    assert known.valid_split != known.score_split
    assert set(known.urls) <= set(known.splits)
    assert set(known.sha256) <= set(known.urls)
    assert known.description.endswith(".")
    assert known.licence
    for url in known.urls.values():
        assert urlsplit(url).scheme == "https"
        assert PurePosixPath(urlsplit(url).path).suffix in SUFFIXES


@pytest.mark.parametrize("name", NAMES)
def test_labels_scale_and_tags_fit_the_task(name):
    known = entry(name)
    if known.scale or not SHAPES[known.task].closed:
        assert known.labels == {}
    else:
        assert len(set(known.labels.values())) == len(known.labels) >= 2
    if known.task == "tagging":
        assert list(known.labels) == sorted(known.labels)
        assert {tag[2:] for tag in known.tags if tag != "O"} in (set(), set(known.labels))
    if known.metric == "f1":
        assert len(known.labels) == 2
    assert known.first in (0, 1)
    assert known.scale is None or all(type(end) is float for end in known.scale)


@pytest.mark.parametrize("name", NAMES)
def test_entries_are_shown_to_programs_and_people(name):
    shown = json.loads(json.dumps(entry(name).to_dict()))
    assert shown["name"] == name
    assert list(shown["files"]) == list(entry(name).splits)
    assert entry(name).to_text().startswith(f"{name}: ")
    assert entry(name).metric in entry(name).to_text()


def test_the_scored_split_is_never_the_one_models_are_chosen_on():
    assert (entry("nsmc").score_split, entry("nsmc").valid_split) == ("test", None)
    assert (entry("klue-ynat").score_split, entry("klue-ynat").valid_split) == ("validation", None)
    assert (entry("sample-single").score_split, entry("sample-single").valid_split) == ("test", "validation")


def test_unknown_names_name_the_nearest():
    with pytest.raises(DataError, match=r"no data set called 'nmsc'\. Did you mean 'nsmc'\? Known: conll2003, "):
        entry("nmsc")


def test_the_catalog_cannot_be_changed_by_accident():
    catalog().clear()
    assert list(catalog()) == NAMES


def test_places_in_order(monkeypatch, tmp_path, write):
    monkeypatch.setenv("YEONMA_DATA", str(tmp_path / "mine"))
    assert folders("nsmc") == [tmp_path / "mine" / "nsmc", tmp_path / "cache" / "data" / "nsmc"]
    assert folders("glue-sst2")[0] == tmp_path / "mine" / "glue" / "sst2"
    assert folders("kobest-copa")[0] == tmp_path / "mine" / "kobest" / "copa"
    assert folders("klue-ynat")[0] == tmp_path / "mine" / "klue-ynat"
    assert present("nsmc", "train") is None
    cached = write("cache/data/nsmc/train.txt", "")
    assert present("nsmc", "train") == cached
    mine = write("mine/nsmc/train.parquet", "")
    assert present("nsmc", "train") == mine
    assert present("nsmc", "validation") is None
    for name in ("dev.jsonl", "valid.jsonl", "validation.jsonl"):
        latest = write(f"mine/nsmc/{name}", "")
        assert present("nsmc", "validation") == latest


def facts(name):
    """What `yeonma data show` says, by its first word."""
    return dict(line.split("  ", 1) for line in entry(name).to_text().split("\n") if "  " in line)


def test_what_a_data_set_is_shown_with():
    assert facts("kobest-copa")["wording"].strip() == "원인 = 왜냐하면, 결과 = 그래서"
    assert "labels" not in facts("kobest-copa")
    assert facts("glue-stsb")["scale"].strip() == "0 to 5"
    assert facts("korquad")["kept whole"].strip() == "rows of one title"
    assert facts("glue-mnli")["scored by"].strip() == "accuracy on the validation_matched split"
