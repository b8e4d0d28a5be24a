"""Pretrained transformers on disk or on the hub: found, loaded in float32 without pickles, taken apart into layers."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from yeonma.errors import ConfigError

HUB = "hub:"
POOLER = "pooler."


def place(path: str) -> str | Path:
    """The folder that a path means, or the name behind "hub:".

    Raises: ConfigError for what is neither.
    """
    if path.startswith(HUB):
        return path.removeprefix(HUB)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        name = path.rpartition(":")[2]
        raise ConfigError(f'encoder.path: there is no folder {path}. A model of the hub is named "hub:{name}".')
    for pattern in ("config.json", "*.safetensors"):
        if not [*folder.glob(pattern)]:
            raise ConfigError(f"encoder.path: {folder} holds no {pattern}. {_advice(folder)}")
    return folder


def _advice(folder: Path) -> str:
    if [*folder.glob("*.bin")]:
        return "Its weights are a pickle, which can run code when it is read: save it again as safetensors."
    return "Give the folder that save_pretrained wrote."


@contextlib.contextmanager
def explained(where: str | Path) -> Iterator[None]:
    """Turn what transformers raises about a model into a ConfigError of one line, and keep its notes and bars quiet.

    What it would note about weights is checked here.
    """
    from transformers.utils import logging

    notes: Any = logging
    level, bars = notes.get_verbosity(), notes.is_progress_bar_enabled()
    notes.set_verbosity_error()
    notes.disable_progress_bar()
    try:
        yield
    except ConfigError:
        raise
    except Exception as error:  # the library raises nothing more precise
        line = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ConfigError(f"encoder.path: {where} could not be loaded: {line.strip()}") from error
    finally:
        notes.set_verbosity(level)
        if bars:
            notes.enable_progress_bar()


def model(where: str | Path) -> nn.Module:
    """The encoder with its weights in float32; a pooler that has none is zero.

    Raises: ConfigError when it cannot be loaded, lacks weights, or is no encoder.
    """
    from transformers import AutoModel

    with explained(where):
        how: dict[str, Any] = {"dtype": torch.float32, "use_safetensors": True, "output_loading_info": True}
        loaded, found = AutoModel.from_pretrained(where, **how)
    missing = sorted(name for name in found["missing_keys"] if not name.startswith(POOLER))
    if missing:
        raise ConfigError(f"encoder.path: {where} lacks weights of its own model: {', '.join(missing[:3])}, …")
    if loaded.config.is_encoder_decoder or getattr(loaded.config, "is_decoder", False):
        raise ConfigError(f"encoder.path: {where} is no encoder: its tokens do not see what follows them.")
    for name, weight in loaded.named_parameters():
        if name in found["missing_keys"]:
            nn.init.zeros_(weight)  # a pooler that nobody trained must not look like one
    whole: nn.Module = loaded
    return whole


def empty_model(folder: Path) -> nn.Module:
    """A model of a saved folder's shape, without its weights.

    Raises: ConfigError.
    """
    from transformers import AutoConfig, AutoModel

    with explained(folder):
        auto: Any = AutoModel
        made: nn.Module = auto.from_config(AutoConfig.from_pretrained(folder), dtype=torch.float32)
        return made


def tokenizer(where: str | Path) -> Any:
    """The fast tokenizer.

    Raises: ConfigError when there is none.
    """
    from transformers import AutoTokenizer

    with explained(where):
        found = AutoTokenizer.from_pretrained(where, use_fast=True)
    if not getattr(found, "is_fast", False):
        raise ConfigError(f"encoder.path: {where} has no tokenizer.json; without it no character can be found again.")
    return found


def longest(model: Any) -> int:
    """The most tokens that the model has positions for; RoBERTa's begin behind the padding's."""
    for name, module in model.named_modules():
        if "position" in name and isinstance(module, nn.Embedding) and module.padding_idx is not None:
            return module.num_embeddings - module.padding_idx - 1
    return int(getattr(model.config, "max_position_embeddings", 0) or 1 << 20)


def stack(model: Any) -> nn.ModuleList:
    """The model's layers, from the bottom up.

    Raises: ConfigError for a model whose layers are not found.
    """
    many = int(getattr(model.config, "num_hidden_layers", 0))
    for module in model.modules():
        if isinstance(module, nn.ModuleList) and len(module) == many:
            return module
    raise ConfigError(f"encoder.path: {model.config.model_type} has no list of {many} layers to go by.")


def layers(model: Any) -> list[nn.Module]:
    """The weights of the embeddings, then of the layers; what stands between two of them goes with the one before.

    What stands beside the layers and is read by all of them (DeBERTa's relative positions) goes with the embeddings.
    Raises: ConfigError for a model whose layers are not found.
    """
    above = stack(model)
    inside = {id(weight): number for number, layer in enumerate(above, start=1) for weight in layer.parameters()}
    around = [module for module in model.modules() if above in module.children() and module is not model]
    shared = {id(weight) for module in around for weight in module.parameters()} - inside.keys()
    kept: list[list[nn.Parameter]] = [[] for _ in range(len(above) + 1)]
    reached = 0
    for name, weight in model.named_parameters():
        reached = inside.get(id(weight), reached)
        if not name.startswith(POOLER):
            kept[0 if id(weight) in shared else reached].append(weight)
    return [nn.ParameterList(weights) for weights in kept]
