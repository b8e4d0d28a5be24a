"""A preset, a config and single choices laid over each other: the settings of a run, and where it stands."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yeonma import config as configs


def settings(config: str | Path | Mapping[str, Any] | None = None, **choices: Any) -> configs.Config:
    """The settings that a preset, a config and single choices come to, checked as a whole; see `laid`.

    Raises: ConfigError.
    """
    return configs.resolve(laid(config, **choices))


def laid(
    config: str | Path | Mapping[str, Any] | None = None,
    *,
    preset: str | None = None,
    data: str | None = None,
    task: str | None = None,
    encoder: str | None = None,
    encoder_path: str | Path | None = None,
    vectors: str | Path | None = None,
    optimizer: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A preset, a config and single choices over each other, later ones winning, with no default filled in.

    Where no task is named it is that of the named data set; a path alone means the encoder "transformer".
    Raises: ConfigError.
    """
    tree = configs.read_preset(preset) if preset else {}
    if config is not None:
        tree = configs.merge(tree, config if isinstance(config, Mapping) else configs.read_toml(Path(config)))
    if not all(isinstance(tree.get(section, {}), Mapping) for section in ("data", "encoder", "train")):
        return configs.resolve(tree).model_dump()  # says which table is none
    chosen: dict[str, Any] = {"encoder": {}, "train": {}}
    if task:
        chosen["task"] = task
    if encoder_path:
        chosen["encoder"]["path"] = str(encoder_path)
        encoder = encoder or "transformer"
    if encoder:
        chosen["encoder"]["kind"] = encoder
        if tree.get("encoder", {}).get("kind", encoder) != encoder:
            tree["encoder"] = {k: v for k, v in tree["encoder"].items() if k in configs.EncoderConfig.model_fields}
    if vectors:
        chosen["encoder"]["vectors"] = str(vectors)
    if optimizer:
        chosen["train"]["optimizer"] = optimizer
    if data:
        tree["data"] = {k: v for k, v in tree.get("data", {}).items() if k not in ("name", "train", "valid", "test")}
        chosen["data"] = source(data)
    whole = configs.merge(tree, chosen, overrides or {})
    named = isinstance(whole.get("data"), Mapping) and whole["data"].get("name")
    return whole if "task" in whole or not named else {**whole, "task": _task_of(named)}


def _task_of(name: str) -> str:
    """The task of a named data set."""
    from yeonma.data import entry

    return entry(name).task


def source(data: str) -> dict[str, str]:
    """`--data`: a name of the catalog, or a file.

    Raises: DataError for what is neither, naming the nearest known name.
    """
    from yeonma.data.sources import is_name

    return {"name": data} if is_name(data) else {"train": data}


def new_folder(config: configs.Config) -> Path:
    """runs/DATA-ENCODER-OPTIMIZER, with a number behind it where that is taken."""
    data = config.data.name or Path(str(config.data.train)).stem
    name = f"{data}-{config.encoder.kind}-{config.train.optimizer}"
    taken = (Path("runs") / (name if n == 1 else f"{name}-{n}") for n in itertools.count(1))
    return next(folder for folder in taken if not folder.exists())
