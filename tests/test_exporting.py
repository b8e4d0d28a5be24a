"""Tuned vectors come out of a run as they are: every word, float32 to the bit, n-grams too."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file

import yeonma
from builders import examples
from yeonma import api, exporting
from yeonma.errors import ConfigError, DataError, InputError
from yeonma.subwords import Ngrams, Subwords
from yeonma.text.tokenizers import Whitespace
from yeonma.vector_files import WRITERS
from yeonma.vectors import Vectors

NEVER = "한번도안나온낱말"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with data, starting vectors of which one word is in no text, and runs made from them."""
    folder = tmp_path_factory.mktemp("export")
    rows = examples(60)
    (folder / "train.tsv").write_text(
        "text\tlabel\n" + "".join(f"{e.texts[0]}\t{e.gold}\n" for e in rows), encoding="utf-8"
    )
    words = [NEVER, *sorted({word for e in rows for word in e.texts[0].split()})[3:]]
    matrix = np.random.default_rng(0).normal(size=(len(words), 6)).astype(np.float32)
    ngrams = Ngrams(minn=1, maxn=2, buckets=500)
    ids = np.unique(ngrams.hashed(words)[0])
    more = Subwords(ngrams, ids, np.random.default_rng(1).normal(size=(len(ids), 6)).astype(np.float32))
    Vectors(words, matrix, np.arange(len(words)), {}, Whitespace(), more).save(folder / "start")
    for name, encoder, train in (
        ("plain", {}, {}), ("decay", {}, {"weight_decay": 0.1}), ("buckets", {"unknown": "buckets"}, {}),
        ("subwords", {"unknown": "subwords"}, {"weight_decay": 0.1}),
        ("l2", {"rows": "dense"}, {"optimizer_args": {"l2": 0.01}}),
    ):  # fmt: skip
        own = {"kind": "bag", "vectors": str(folder / "start"), **encoder}
        tree = {"encoder": own, "train": {"epochs": 2, "learning_rate": 0.05, **train}}
        api.finetune({**tree, "data": {"train": str(folder / "train.tsv")}}, output=folder / name)
    return folder


@pytest.mark.parametrize("name", ["plain", "decay", "l2", "buckets", "subwords"])
def test_every_word_is_exported_and_those_never_met_as_they_were(place, tmp_path, name):
    start, tuned = Vectors.load(place / "start"), Vectors.load(yeonma.export(place / name, tmp_path / "v"))
    assert list(tuned.words) == list(start.words)
    assert tuned.counts.tolist() == start.counts.tolist()
    assert tuned.tokenizer.fingerprint() == start.tokenizer.fingerprint()
    moved = (tuned.matrix != start.matrix).any(axis=1)
    assert moved.tolist() == [word != NEVER for word in start.words]
    table = load_file(place / name / "embeddings" / "after.safetensors")["embeddings"]
    assert tuned.matrix[1:].tobytes() == table[3 : 2 + len(start.words)].tobytes()


def test_tuned_n_grams_give_an_unknown_word_the_vector_that_the_model_reads(place, tmp_path):
    tuned = Vectors.load(yeonma.export(place / "subwords", tmp_path / "v"))
    model = api.load_model(place / "subwords")
    read = model.encoder.tokenize([("처음보는낱말",)], 8)
    rows = model.encoder.collate(read, 1)["ngrams"]
    assert rows.any()
    vector = model.encoder.table.weight[1] + model.encoder.ngrams(rows)[0]
    assert np.allclose(tuned.vector("처음보는낱말"), vector.detach(), atol=1e-6)


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_a_file_has_the_same_numbers(place, tmp_path, format):
    whole = Vectors.load(yeonma.export(place / "plain", tmp_path / "v"))
    path = yeonma.export(place / "plain", tmp_path / "file", format=format)
    read = Vectors.load(path)
    assert (list(read.words), read.matrix.tobytes()) == (list(whole.words), whole.matrix.tobytes())


def test_left_out_the_output_stands_in_the_run(place, tmp_path):
    shutil.copytree(place / "plain", tmp_path / "run")
    paths = {format: yeonma.export(tmp_path / "run", format=format).name for format in exporting.FORMATS}
    assert paths == {
        "folder": "vectors", "word2vec": "vectors.vec", "word2vec-binary": "vectors.bin", "glove": "vectors.txt",
    }  # fmt: skip
    assert set(exporting.FORMATS) == {"folder", *WRITERS}


def test_a_model_folder_alone_is_enough(place, tmp_path):
    tuned = Vectors.load(yeonma.export(place / "plain" / "model", tmp_path / "v"))
    assert tuned.words[0] == NEVER
    assert tuned.config["method"] == "fine-tuning"


def test_without_the_starting_vectors_the_words_stand_in_the_run(place, tmp_path):
    shutil.copytree(place / "plain", tmp_path / "run")
    text = (tmp_path / "run" / "config.toml").read_text(encoding="utf-8")
    (tmp_path / "run" / "config.toml").write_text(text.replace("/start", "/gone"), encoding="utf-8")
    said: list[str] = []
    path = yeonma.export(tmp_path / "run", tmp_path / "v", progress=lambda what, *rest: said.append(what))
    assert "gone: there is no such folder" in said[-1]
    tuned = Vectors.load(path)
    assert tuned.counts is None
    assert tuned.matrix.tobytes() == Vectors.load(yeonma.export(place / "plain", tmp_path / "w")).matrix.tobytes()


def test_with_weight_decay_and_no_data_the_words_met_are_not_known(place, tmp_path):
    shutil.copytree(place / "decay", tmp_path / "run")
    text = (tmp_path / "run" / "config.toml").read_text(encoding="utf-8")
    (tmp_path / "run" / "config.toml").write_text(text.replace("/train.tsv", "/gone.tsv"), encoding="utf-8")
    with pytest.raises(DataError, match=r"gone\.tsv: there is no such file"):
        yeonma.export(tmp_path / "run", tmp_path / "v")
    assert not (tmp_path / "v").exists()


def test_what_cannot_be_exported_is_said(place, tmp_path):
    with pytest.raises(ConfigError, match="'onnx' came. ONNX is not there yet"):
        yeonma.export(place / "plain", to="onnx")
    with pytest.raises(ConfigError, match="no format called 'word2vek'. Did you mean 'word2vec'"):
        yeonma.export(place / "plain", format="word2vek")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    with pytest.raises(InputError, match="holds something else"):
        yeonma.export(place / "plain", tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_a_file_that_is_none_of_the_format_is_left_alone(place, tmp_path, format):
    path = tmp_path / "mine"
    for content in ("영화 정말 좋다\n연기 최고\n", "영화 12\n연기 7\n", "12 7\n영화\n", "1 2 3\n4 5 6\n", "\n", "영화"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="mine is there and holds no word vectors"):
            yeonma.export(place / "plain", path, format=format)
        assert path.read_text(encoding="utf-8") == content
    for other in sorted(WRITERS.keys() - {format}):
        yeonma.export(place / "plain", tmp_path / other, format=other)
        with pytest.raises(InputError, match="holds no word vectors in the format"):
            yeonma.export(place / "plain", tmp_path / other, format=format)


@pytest.mark.parametrize("format", sorted(WRITERS))
def test_an_older_export_and_an_empty_file_are_replaced(place, tmp_path, format):
    path = tmp_path / "file"
    path.touch()
    for words in (["가"], [f"w{number}" for number in range(4000)]):
        exporting.write(Vectors(words, np.full((len(words), 40), 1 / 3, np.float32)), path, format)
    yeonma.export(place / "plain", path, format=format)
    assert Vectors.load(path).dim == 6
