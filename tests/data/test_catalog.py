"""The catalog: one contract test over every entry, so that adding a data set is adding a table."""

from __future__ import annotations

import json
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest

from yeonma.data.catalog import catalog, entry
from yeonma.data.places import folders, present
from yeonma.data.readers import TEXT_FORMATS
from yeonma.data.shapes import SHAPES
from yeonma.errors import DataError

NAMES = ["nsmc", "klue-ynat", "glue-sst2", "glue-cola", "sample-single"]


def test_the_names_users_may_type():
    assert list(catalog()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_entry_holds_together(name):
    known = entry(name)
    assert set(known.columns) <= {*SHAPES[known.task].roles, "id"}
    assert set(SHAPES[known.task].roles) <= set(known.columns)
    assert known.metric in ("accuracy", "macro_f1", "mcc")
    assert "train" in known.splits
    assert set(known.splits) <= {"train", "validation", "test"}
    assert known.score_split in known.splits
    assert known.valid_split in (None, "validation")
    assert known.valid_split != known.score_split
    assert len(known.labels) >= 2
    assert len(set(known.labels.values())) == len(known.labels)
    assert set(known.urls) <= set(known.splits)
    assert set(known.sha256) <= set(known.urls)
    assert known.description.endswith(".")
    assert known.licence
    for url in known.urls.values():
        assert urlsplit(url).scheme == "https"
        assert PurePosixPath(urlsplit(url).path).suffix in (*TEXT_FORMATS, ".parquet")


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
    with pytest.raises(DataError, match=r"no data set called 'nmsc'\. Did you mean 'nsmc'\? Known: glue-cola, "):
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
