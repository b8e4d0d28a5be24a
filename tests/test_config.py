"""The config: defaults, presets, overrides, errors that name the nearest setting, and the way back to TOML."""

from __future__ import annotations

import tomllib

import pytest

from yeonma import chosen
from yeonma import config as configs
from yeonma.errors import ConfigError


@pytest.mark.parametrize("name", configs.presets())
def test_presets_resolve_and_read_back(name, tmp_path):
    config = chosen.settings(preset=name, data="nsmc")
    configs.write(config, tmp_path / "run.toml")
    assert configs.resolve(configs.read_toml(tmp_path / "run.toml")) == config
    commented = configs.to_commented_toml(config)
    assert configs.resolve(tomllib.loads(commented)) == config
    assert "# " in commented


def test_the_books_preset_is_the_books():
    config = chosen.settings(preset="ratsgo-6.3", data="nsmc")
    assert config.encoder.padding == "visible"
    assert (config.train.learning_rate, config.train.batch_size, config.train.epochs) == (1e-4, 128, 10)
    assert config.train.form == "torch"
    assert (config.head.hidden, config.encoder.attention, config.encoder.merge) == (512, 256, "sum")


def test_later_choices_win(tmp_path):
    (tmp_path / "run.toml").write_text('[encoder]\nkind = "cnn"\nfilters = 7\n[train]\nepochs = 9\n')
    overrides: dict = {}
    configs.set_value(overrides, "train.epochs=4")
    configs.set_value(overrides, "data.columns={text = 'document'}")
    config = chosen.settings(tmp_path / "run.toml", data="nsmc", optimizer="Nadam", overrides=overrides)
    assert (config.encoder.filters, config.train.epochs, config.train.optimizer) == (7, 4, "nadam")
    assert config.data.columns == {"text": "document"}


def test_another_encoder_leaves_the_old_ones_settings():
    assert chosen.settings(preset="ratsgo-6.3", data="nsmc", encoder="bag").encoder.kind == "bag"


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"train": {"optimiser": "adam"}}, "train.optimiser.*Did you mean 'optimizer'"),
        ({"train": {"optimizer": "adamm"}}, "Did you mean 'adam'"),
        ({"encoder": {"kind": "cnnn"}}, "Did you mean 'cnn'"),
        ({"encoder": {"kind": "cnn", "filter": 3}}, "encoder.filter.*Did you mean 'filters'"),
        ({"encoder": {"kind": "cnn", "filters": 0}}, "encoder.filters.*greater than or equal to 1"),
        ({"task": "singel"}, "Did you mean 'single'"),
        ({"train": {"epochs": 0}}, "train.epochs"),
        ({"train": {"learning_rate": float("nan")}}, "train.learning_rate"),
        ({"train": {"schedule": "triangle"}}, "train.schedule.*'constant', 'linear' or 'cosine'"),
        ({"data": {"name": "nsmc", "train": "a.tsv"}}, "exclude each other"),
        ({"data": {"valid_fraction": 1.5}}, "data.valid_fraction"),
        ({"seed": "today"}, "seed"),
        ({"encoder": {"freeze": "embedding"}}, "encoder.freeze.*Did you mean 'embeddings'.*It got 'embedding'"),
        ({"encoder": {"freeze": "lower"}}, "encoder.freeze: .lower:K. needs a number of layers.*1 or more"),
        ({"encoder": {"freeze": "lower:0"}}, "encoder.freeze.*1 or more"),
        ({"encoder": {"freeze": "lower:-1"}}, "encoder.freeze.*1 or more"),
        ({"encoder": {"freeze": "lower:2.5"}}, "encoder.freeze.*1 or more"),
        ({"encoder": {"freeze": "lower:9" + "9" * 9000}}, "encoder.freeze.*1 or more"),
        ({"encoder": {"freeze": True}}, "encoder.freeze"),
        ({"train": {"layer_decay": 0}}, "train.layer_decay.*greater than 0"),
        ({"train": {"layer_decay": 1.1}}, "train.layer_decay.*less than or equal to 1"),
        ({"train": {"embedding_lr": 0}}, "train.embedding_lr.*greater than 0"),
        ({"train": {"head_lr": float("inf")}}, "train.head_lr"),
        ({"train": {"embedding_lr": 1e-4}, "encoder": {"freeze": "lower:2"}}, "train.embedding_lr.*leave one"),
        ({"modle": {}}, "there is no such setting"),
    ],
)
def test_wrong_settings_are_named(tree, said):
    with pytest.raises(ConfigError, match=said):
        configs.resolve(tree)


@pytest.mark.parametrize("what", ["none", "embeddings", "lower:1", "lower:12", "all", "gradual"])
def test_what_can_be_frozen(what):
    assert configs.resolve({"encoder": {"freeze": what}}).encoder.freeze == what


@pytest.mark.parametrize("text", ["train.epochs", "=3", "task.kind=1"])
def test_bad_overrides(text):
    with pytest.raises(ConfigError, match="--set"):
        configs.set_value({"task": "single"}, text)


def test_unreadable_files(tmp_path):
    with pytest.raises(ConfigError, match="does not exist"):
        configs.read_toml(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("task = \n")
    with pytest.raises(ConfigError, match=r"bad.toml: not valid TOML.*line 1"):
        configs.read_toml(tmp_path / "bad.toml")
