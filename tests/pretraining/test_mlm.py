"""Masked language modelling: what is learnt, folders that others load, runs that continue bit for bit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file

import yeonma
from mlm_builders import TINY, lines
from yeonma import api, pretraining
from yeonma.encoders import pretrained
from yeonma.errors import ConfigError, DataError, InputError, Interrupted, RunError
from yeonma.pretraining.mlm import RUN, pretrain_mlm, result, settings_of
from yeonma.pretraining.mlm_config import check, configure
from yeonma.pretraining.mlm_model import MaskedLM, load
from yeonma.pretraining.mlm_objective import prepare
from yeonma.records import Evaluated, Finished, Stepped
from yeonma.run import Run
from yeonma.text.subword import WordPiece


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text("\n\n".join(lines(400)), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def made(corpus, tmp_path_factory):
    """A folder that was pre-trained from scratch, and its events."""
    folder, events = tmp_path_factory.mktemp("made") / "encoder", []
    learning = {**TINY, "width": 32, "layers": 2, "learning_rate": 0.003, "epochs": 12, "held_out": 0.2}
    pretrain_mlm([corpus], folder, **learning, on_event=events.append)
    return folder, events


# -- the objective -----------------------------------------------------------------------------------------------------


def masking(folder: Path, corpus: Path, **changes):
    run = Run.create(folder / RUN, configure([str(corpus)], {**TINY, **changes}))
    try:
        return prepare(settings_of(run), run, folder)
    finally:
        run.release()


def test_the_head_sees_the_masked_places_only_and_says_what_the_whole_model_says(corpus, tmp_path):
    t = masking(tmp_path, corpus)
    masked = t.masked(t.train[:5], np.random.default_rng(0))
    ids, places = torch.from_numpy(masked.ids), torch.from_numpy(masked.places)
    shapes = []
    decoder = t.model.model.get_output_embeddings()
    decoder.register_forward_hook(lambda module, given, out: shapes.append(tuple(out.shape)))
    t.model.eval()
    with torch.inference_mode():
        told, whole = t.model(ids, places), t.model.model(input_ids=ids).logits
    assert shapes[0] == (1, len(places), len(t.tokenizer))
    torch.testing.assert_close(told, whole.flatten(0, 1)[places], rtol=1e-4, atol=1e-5)


def test_the_head_is_tied_to_the_embeddings_and_they_stand_in_one_group(corpus, tmp_path):
    t = masking(tmp_path, corpus)
    table = t.model.base.get_input_embeddings().weight
    assert t.model.model.get_output_embeddings().weight is table
    weights = [weight for group in t.groups for weight in group.weights]
    assert len({id(weight) for weight in weights}) == len(weights)
    assert [group.name for group in t.groups] == ["head", "layer 1", "embeddings"]
    pooler = {id(weight) for weight in t.model.base.pooler.parameters()}
    assert {id(w) for w in weights} == {id(w) for w in t.model.parameters()} - pooler
    assert any(weight is table for weight in t.groups[-1].weights)
    again = type(t.model)(*_copy_of(t.model))
    problem = again.load_state_dict(t.model.state_dict())
    assert (problem.missing_keys, problem.unexpected_keys) == ([], [])
    assert again.model.get_output_embeddings().weight is again.base.get_input_embeddings().weight


def _copy_of(model: MaskedLM):
    kind = type(model.model)
    return kind(model.model.config), type(model.base)(model.model.config)


def test_masks_change_from_step_to_step_and_epochs_shuffle(corpus, tmp_path):
    t = masking(tmp_path, corpus)
    one = t.masked(t.train[:4], t._random(1, 5, 0)).places.tolist()
    assert one == t.masked(t.train[:4], t._random(1, 5, 0)).places.tolist()
    assert one != t.masked(t.train[:4], t._random(1, 6, 0)).places.tolist()
    first, second = t.plan(0), t.plan(1)
    assert [list(batch) for batch in first] == [list(batch) for batch in t.plan(0)] != [list(b) for b in second]
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == t.train.tolist()
    assert not set(t.train) & set(t.valid)
    assert t.scores() == t.scores()


def test_it_learns_and_the_best_weights_are_kept(made):
    folder, events = made
    scored = [event for event in events if isinstance(event, Evaluated)]
    assert scored[-1].scores["loss"] < 0.6 * scored[0].scores["loss"]
    assert scored[-1].scores["accuracy"] > scored[0].scores["accuracy"]
    assert scored[-1].scores["n"] > 20
    assert all(e.scores["perplexity"] == pytest.approx(np.exp(e.scores["loss"])) for e in scored)
    steps = [event for event in events if isinstance(event, Stepped)]
    assert steps[-1].loss < steps[0].loss
    best = min(scored, key=lambda event: event.scores["loss"])
    end = events[-1]
    assert isinstance(end, Finished)
    assert (end.reason, end.best_step) == ("done", best.step)
    assert result(folder)["held_out"] == best.scores
    assert 15 <= len(scored) <= 25
    kept = load_file(folder / RUN / f"checkpoints/best-{best.step:06d}/model.safetensors")
    saved = load_file(folder / "model.safetensors")
    assert {name.removeprefix("model."): t.tolist() for name, t in kept.items()} == {
        name: t.tolist() for name, t in saved.items()
    }


# -- the folder --------------------------------------------------------------------------------------------------------


def test_others_load_the_folder_with_nothing_missing(made):
    folder, _ = made
    names = {path.name for path in folder.iterdir()}
    assert names >= {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"}
    with pretrained.explained(folder):
        for auto in (transformers.AutoModel, transformers.AutoModelForMaskedLM):
            _, found = auto.from_pretrained(folder, output_loading_info=True)
            assert not found["missing_keys"] and not found["mismatched_keys"], auto
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    assert tokenizer.mask_token == "[MASK]"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "corpus.txt: 400 texts" in card and str(folder.parent) not in card


def test_fine_tuning_begins_with_the_folder(made, tmp_path):
    folder, _ = made
    rows = "".join(f"{line}\t{'새' if '참새' in line else '짐승'}\n" for line in lines(60, 3))
    (tmp_path / "rows.tsv").write_text("text\tlabel\n" + rows, encoding="utf-8")
    tree = {
        "encoder": {"kind": "transformer", "path": str(folder)},
        "data": {"train": str(tmp_path / "rows.tsv"), "max_length": 24},
        "train": {"epochs": 4, "learning_rate": 0.003, "batch_size": 8},
    }
    run = api.finetune(tree, output=tmp_path / "run")
    best = max(e.scores["accuracy"] for e in run.events() if isinstance(e, Evaluated))
    assert best > 0.8
    assert api.load_model(run.folder).predict(["참새가 짹짹하며 노래한다"])[0].value == "새"


def test_an_encoder_is_continued_with_its_own_tokenizer_and_head(made, corpus, tmp_path):
    folder, events = made
    before = min(event.scores["loss"] for event in events if isinstance(event, Evaluated))
    seen = []
    told = []
    pretrain_mlm(
        [corpus], tmp_path / "more", encoder=str(folder), max_length=24, batch_size=8, steps=3, threads=1,
        learning_rate=1e-5, on_event=seen.append, progress=lambda what, *_: told.append(what),
    )  # fmt: skip
    first = next(event for event in seen if isinstance(event, Evaluated))
    assert first.scores["loss"] == pytest.approx(before, rel=0.2)
    assert not any("no head" in what for what in told)
    assert (tmp_path / "more/tokenizer.json").exists()
    assert json.loads((tmp_path / "more/config.json").read_text())["architectures"] == ["BertForMaskedLM"]


SHAPES = {
    "roberta": (transformers.RobertaConfig, transformers.RobertaModel),
    "electra": (transformers.ElectraConfig, transformers.ElectraModel),
    "deberta-v2": (transformers.DebertaV2Config, transformers.DebertaV2Model),
    "modernbert": (transformers.ModernBertConfig, transformers.ModernBertModel),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_encoders_of_other_shapes_are_continued(corpus, tmp_path, shape):
    """A folder that holds the bare encoder: the head is new, and said to be."""
    settings_of_shape, model_of = SHAPES[shape]
    WordPiece.train(lines(300), vocab_size=90).save(tmp_path / shape)
    size = transformers.AutoTokenizer.from_pretrained(tmp_path / shape).vocab_size
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    ids = {"pad_token_id": 0, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2, "eos_token_id": 3}
    torch.manual_seed(0)
    own = settings_of_shape(vocab_size=size, max_position_embeddings=48, **small, **ids)
    model_of(own).save_pretrained(tmp_path / shape)
    told, events = [], []
    pretrain_mlm(
        [corpus], tmp_path / "out", encoder=str(tmp_path / shape), max_length=24, batch_size=8, steps=30, threads=1,
        learning_rate=0.01, on_event=events.append, progress=lambda what, *_: told.append(what),
    )  # fmt: skip
    scored = [event.scores["loss"] for event in events if isinstance(event, Evaluated)]
    assert scored[-1] < scored[0] - 0.5
    assert any("brings no head" in what for what in told)
    _, whole = load(str(tmp_path / "out"))
    assert whole
    with pretrained.explained(tmp_path):
        _, found = transformers.AutoModel.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not found["missing_keys"]


# -- stopping and continuing -------------------------------------------------------------------------------------------


def same(one: Path, other: Path) -> None:
    newest = Run(one / RUN).checkpoints.folders()[-1].name
    assert Run(other / RUN).checkpoints.folders()[-1].name == newest
    parts = [f"{RUN}/checkpoints/{newest}/{name}.safetensors" for name in ("model", "optimizer", "rng")]
    for name in ("model.safetensors", *parts):
        a, b = load_file(one / name), load_file(other / name)
        assert a.keys() == b.keys()
        assert all(torch.equal(a[key], b[key]) for key in a), name


@pytest.mark.parametrize("optimizer", ["adam", "gd"])
@pytest.mark.parametrize("tokenizer", ["wordpiece", "unigram"])
def test_resume_is_bit_equal(corpus, tmp_path, optimizer, tokenizer):
    """Stopped in the middle of an epoch; Unigram, whose training is not exact, is kept and not trained again."""
    chosen = {**TINY, "optimizer": optimizer, "epochs": 4 if optimizer == "gd" else 1, "tokenizer": tokenizer}
    asked = []
    many = 30 if optimizer == "gd" else 5
    with pytest.raises(Interrupted, match="Saved at step"):
        pretrain_mlm([corpus], tmp_path / "cut", **chosen, stop=lambda: asked.append(1) or len(asked) > many)
    kept = tmp_path / "cut" / RUN / "tokenizer"
    (tmp_path / "whole" / RUN).mkdir(parents=True)
    assert not (tmp_path / "cut/config.json").exists()
    assert Run(tmp_path / "cut" / RUN).status()["state"] == "interrupted"
    pretrain_mlm(output=tmp_path / "cut", resume=True)
    (tmp_path / "whole" / RUN).rmdir()
    run = Run.create(tmp_path / "whole" / RUN, configure([str(corpus)], chosen))
    for path in kept.iterdir():
        (run.folder / "tokenizer").mkdir(exist_ok=True)
        (run.folder / "tokenizer" / path.name).write_bytes(path.read_bytes())
    run.release()
    pretrain_mlm(output=tmp_path / "whole", resume=True)
    same(tmp_path / "whole", tmp_path / "cut")


def test_a_corpus_that_changed_is_not_continued(corpus, tmp_path):
    text = tmp_path / "text.txt"
    text.write_bytes(corpus.read_bytes())
    asked = []
    with pytest.raises(Interrupted):
        pretrain_mlm([text], tmp_path / "out", **TINY, stop=lambda: asked.append(1) or len(asked) > 2)
    text.write_text("\n".join(lines(400, 9)), encoding="utf-8")
    with pytest.raises(RunError, match="changed"):
        pretrain_mlm(output=tmp_path / "out", resume=True)
    with pytest.raises(ConfigError, match="other settings"):
        pretrain_mlm([text], tmp_path / "out", **{**TINY, "layers": 2}, resume=True)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"layrs": 3}, r"no setting 'layrs'. Did you mean 'layers'\?"),
        ({"heads": 3}, "shape.heads must divide shape.width; 3 does not divide 16"),
        ({"tokenizer": "mecab"}, "shape.tokenizer"),
        ({"encoder": "no/where"}, "leave out shape.vocab_size"),
        ({"max_length": 4}, "corpus.max_length"),
        ({"given": ["train.bucket=false"]}, "train.bucket"),
        ({"given": ["train.layer_decy=0.9"]}, "Did you mean 'layer_decay'"),
        ({"overrides": {"mask": 1.5}}, "mask"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
    ],
)
def test_settings_that_do_not_fit_are_said_in_one_line(corpus, tmp_path, choices, message):
    with pytest.raises(ConfigError, match=message) as raised:
        pretrain_mlm([corpus], tmp_path / "out", **{**TINY, **choices})
    assert "\n" not in str(raised.value)
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("text", "choices", "kind", "message"),
    [
        (" \n\n", {}, DataError, "blank"),
        ("한 줄 뿐", {"vocab_size": 12}, DataError, "two blocks"),
        (None, {}, DataError, "no such file"),
        ("글 " * 300, {"encoder": "no/where", "vocab_size": None, "layers": None, "width": None, "heads": None},
         ConfigError, "no folder no/where"),
    ],
)  # fmt: skip
def test_input_that_is_wrong_leaves_no_folder(tmp_path, text, choices, kind, message):
    path = tmp_path / "text.txt"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(kind, match=message) as raised:
        pretrain_mlm([path], tmp_path / "out", **{**TINY, **choices})
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_blocks_longer_than_the_encoder_are_refused(made, corpus, tmp_path):
    with pytest.raises(ConfigError, match="at most 24, the positions"):
        pretrain_mlm([corpus], tmp_path / "out", encoder=str(made[0]), max_length=64)


def test_a_folder_that_is_taken_is_kept(made, corpus, tmp_path):
    with pytest.raises(RunError, match="already holds a run"):
        pretrain_mlm([corpus], made[0], **TINY)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(RunError, match="not an empty folder"):
        pretrain_mlm([corpus], tmp_path, **TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(RunError, match="to resume"):
        pretrain_mlm(output=tmp_path / "none", resume=True)


def test_the_function_of_the_package_and_the_settings_of_a_continued_encoder(corpus, tmp_path):
    assert yeonma.pretrain("mlm", [corpus], tmp_path / "out", **TINY, steps=1) == tmp_path / "out"
    with pytest.raises(InputError, match="-o DIR"):
        pretraining.pretrain("mlm", [corpus])
    settings_ = check({"corpus": {"files": ["a"]}, "encoder": "somewhere"})
    assert (settings_.shape, settings_.train.learning_rate) == (None, 1e-4)
    assert check({"corpus": {"files": ["a"]}}).train.learning_rate == 5e-4
    assert check({"corpus": {"files": ["a"]}, "train": {"optimizer": "sgd"}}).train.learning_rate is None
