"""Grids become cells, cells become settings and names."""

from __future__ import annotations

import pytest

from yeonma.comparing import grid
from yeonma.errors import ConfigError
from yeonma.optim.rules import rules


def test_all_optimizers_are_all_of_them():
    found = grid.cells({}, grid.axes({"optimizers": ["all"]}, {}))
    assert [cell["train.optimizer"] for cell in found] == list(rules())


def test_every_combination_once():
    found = grid.cells({}, grid.axes({"optimizers": ["adam", "sgd"]}, {"train.batch_size": [8, 16]}))
    assert [tuple(cell.values()) for cell in found] == [("adam", 8), ("adam", 16), ("sgd", 8), ("sgd", 16)]


def test_what_an_encoder_has_no_use_for_makes_no_second_cell():
    found = grid.cells({}, grid.axes({"encoders": ["bag", "ngram"], "vectors": ["A", "B"]}, {}))
    assert found == [
        {"encoder.kind": "bag", "encoder.vectors": "A"},
        {"encoder.kind": "bag", "encoder.vectors": "B"},
        {"encoder.kind": "ngram"},
    ]


def test_a_folder_is_a_transformer(tmp_path):
    found = grid.cells({}, grid.axes({"encoders": [str(tmp_path), "hub:a/b"]}, {}))
    assert [cell["encoder.kind"] for cell in found] == ["transformer", "transformer"]
    assert [grid.name_of(cell, []) for cell in found] == [tmp_path.name, "b"]


def test_a_key_twice_is_refused():
    with pytest.raises(ConfigError, match=r"train\.optimizer"):
        grid.axes({"optimizers": ["adam"]}, {"train.optimizer": ["sgd"]})


def test_names_say_what_is_set_and_are_never_taken():
    assert grid.name_of({"train.optimizer": "adam", "train.batch_size": 8}, []) == "adam+batch_size=8"
    assert grid.name_of({"encoder.vectors": "runs/a b"}, []) == "a-b"
    assert grid.name_of({"encoder.vectors": "none"}, []) == "vectors=none"
    assert grid.name_of({"train.optimizer": "adam"}, ["adam", "adam-2"]) == "adam-3"
    assert grid.name_of({}, []) == "base"
    assert "/" not in grid.name_of({"encoder.path": "../../x"}, [])


def test_settings_of_one_encoder_leave_the_others_alone():
    base = {"encoder": {"kind": "bilstm-attention", "dim": 50, "units": 7, "vectors": "V", "tokenizer": "jamo"}}
    kinds = ["bag", "bilstm-attention", "ngram"]
    assert grid.laid(base, {"encoder.kind": "ngram"}, kinds)["encoder"] == {"kind": "ngram"}
    bag = grid.laid(base, {"encoder.kind": "bag"}, kinds)["encoder"]
    assert bag == {"kind": "bag", "dim": 50, "vectors": "V", "tokenizer": "jamo"}
    assert grid.laid(base, {"encoder.vectors": "none"}, kinds)["encoder"]["kind"] == "bilstm-attention"
    assert "vectors" not in grid.laid(base, {"encoder.vectors": "none"}, kinds)["encoder"]


def test_a_setting_that_nobody_knows_is_kept_to_be_refused():
    tree = grid.laid({"encoder": {"dimm": 5}}, {"encoder.kind": "bag"}, ["bag", "cnn"])
    assert tree["encoder"]["dimm"] == 5


def test_values_are_read_as_set_reads_them():
    assert grid.split("1,a,true,[1,2]") == [1, "a", True, [1, 2]]
