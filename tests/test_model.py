"""A model predicts in order, and is saved and loaded whole or refused with the reason."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from builders import config, dataset, examples
from yeonma.errors import RunError
from yeonma.model import Model, build


@pytest.fixture
def model():
    torch.manual_seed(3)
    return build(config(encoder__kind="bilstm-attention"), dataset()).eval()


def test_predictions_come_in_the_order_of_the_texts(model):
    texts = [e.texts[0] for e in examples(50, 9)]
    together = model.predict(texts)
    assert [p.id for p in together] == [str(i) for i in range(50)]
    for text, prediction in zip(texts, together, strict=True):
        alone = model.predict([text])[0]
        assert alone.value == prediction.value
        assert alone.score == pytest.approx(prediction.score, abs=1e-5)
        assert sum(prediction.scores.values()) == pytest.approx(1, abs=1e-5)


def test_one_string_is_not_a_list_of_texts(model):
    with pytest.raises(TypeError, match="list"):
        model.predict("한 문장")


def test_saved_and_loaded_it_predicts_the_same(model, tmp_path):
    model.save_pretrained(tmp_path / "model")
    again = Model.from_pretrained(tmp_path / "model")
    texts = [e.texts[0] for e in examples(20, 5)]
    assert model.predict(texts) == again.predict(texts)
    assert {p.name for p in (tmp_path / "model").iterdir()} >= {
        "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "labels.json", "README.md"
    }  # fmt: skip


def damage(folder, what):
    if what == "weights missing":
        (folder / "model.safetensors").unlink()
    elif what == "weights cut":
        data = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    elif what in ("tensor missing", "tensor left over", "tensor misshapen"):
        tensors = load_file(folder / "model.safetensors")
        if what == "tensor missing":
            del tensors["encoder.onward.weight_ih_l0"]
        elif what == "tensor left over":
            tensors["encoder.other"] = torch.zeros(2)
        else:
            tensors["encoder.onward.weight_ih_l0"] = torch.zeros(2)
        save_file(tensors, folder / "model.safetensors")
    elif what == "config cut":
        (folder / "config.json").write_text("{")
    elif what == "config of something else":
        (folder / "config.json").write_text(json.dumps({"model_type": "bert"}))
    elif what == "words missing":
        (folder / "words.txt").unlink()
    elif what == "labels missing":
        (folder / "labels.json").unlink()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("weights missing", "model.safetensors"), ("weights cut", "model.safetensors"),
        ("tensor missing", "encoder.onward.weight_ih_l0"), ("tensor left over", "encoder.other"),
        ("tensor misshapen", "encoder.onward.weight_ih_l0"), ("config cut", "config.json"),
        ("config of something else", "config.json"), ("words missing", "words.txt"), ("labels missing", "labels.json"),
    ],
)  # fmt: skip
def test_a_damaged_folder_is_refused_with_the_reason(model, tmp_path, what, said):
    model.save_pretrained(tmp_path / "model")
    damage(tmp_path / "model", what)
    with pytest.raises(RunError, match=said):
        Model.from_pretrained(tmp_path / "model")


@pytest.mark.parametrize("name", ["model.bin", "model.pt", "model.pkl"])
def test_pickles_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x80\x04.")
    with pytest.raises(RunError, match="pickle"):
        Model.from_pretrained(tmp_path / name)
