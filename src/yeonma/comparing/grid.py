"""A grid of settings becomes cells: each a name and what it sets over the base config."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yeonma import plugins
from yeonma.comparing.spaces import value
from yeonma.config import EncoderConfig, merge
from yeonma.errors import ConfigError

AXES = {
    "optimizers": "train.optimizer",
    "encoders": "encoder.kind",
    "vectors": "encoder.vectors",
    "freeze": "encoder.freeze",
    "tokenizers": "encoder.tokenizer",
}
NOTHING = ("encoder.vectors", "encoder.tokenizer", "encoder.path")
"""Settings of which "none" means that they are left out."""
UNFIT = {"ngram": ("vectors", "tokenizer", "path", "freeze"), "transformer": ("vectors", "tokenizer"), "stack": ()}
"""Shared encoder settings that an encoder has no use for; those over word vectors have none for a path."""
SECTIONS = ("data", "encoder", "head", "train")
DEFAULT_KIND = "bilstm-attention"

Cell = Mapping[str, Any]
"""What a cell sets: dotted key → value."""


def split(text: str) -> list[Any]:
    """The values of `a,b,c`, each read as `--set` reads it; commas inside brackets do not part."""
    return [value(each) for each in re.split(r",(?![^\[{]*[\]}])", text) if each.strip()]


def axes(lists: Mapping[str, Sequence[Any] | None], further: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """The values of each setting that the grid varies, by dotted key.

    lists  by the names of AXES; optimizers may be ["all"]
    Raises: ConfigError for a key that is given twice, has no list of values, or is no setting but a section.
    """
    found: dict[str, list[Any]] = {}
    pairs = [*((AXES[name], values) for name, values in lists.items() if values), *further.items()]
    for key, values in pairs:
        _must_be_values(key, values)
        if key in found or not values:
            raise ConfigError(f"The grid needs at least one value of {key}, in one place.")
        found[key] = _all_optimizers() if key == "train.optimizer" and list(values) == ["all"] else list(values)
    return found


def _must_be_values(key: str, values: Any) -> None:
    if key in SECTIONS:
        raise ConfigError(f"{key} cannot stand in the grid: it is a section; name its settings, as in {key}.NAME.")
    if isinstance(values, str | Mapping) or not isinstance(values, Sequence):
        raise ConfigError(f"{key} must have a list of values to compare: [{values!r}, …].")
    if key == "encoder.kind" and not all(isinstance(each, str) for each in values):
        raise ConfigError(f"encoder.kind must be names of encoders; it got {values!r}.")


def _all_optimizers() -> list[str]:
    from yeonma.optim.rules import rules

    return list(rules())


def cells(base: Mapping[str, Any], grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of the values, but each once: what an encoder has no use for makes no second cell."""
    made: list[dict[str, Any]] = []
    for combination in itertools.product(*grid.values()):
        cell: dict[str, Any] = {}
        for key, one in zip(grid, combination, strict=True):
            cell.update(_encoder(one) if key == "encoder.kind" else {key: one})
        kind = cell.get("encoder.kind") or kind_of(base)
        cell = {key: one for key, one in cell.items() if key.removeprefix("encoder.") not in unfit(kind)}
        if cell not in made:
            made.append(cell)
    return made


def _encoder(name: str) -> dict[str, Any]:
    """A kind of encoder; a folder or hub:NAME is a transformer."""
    path = name.startswith("hub:") or (name not in plugins.names("encoder") and Path(name).exists())
    return {"encoder.kind": "transformer", "encoder.path": name} if path else {"encoder.kind": name}


def kind_of(tree: Mapping[str, Any]) -> str:
    """The encoder that a config names."""
    return str(tree.get("encoder", {}).get("kind", DEFAULT_KIND))


def unfit(kind: str) -> tuple[str, ...]:
    """The shared settings that an encoder has no use for."""
    return UNFIT.get(kind, ("path",))


def laid(base: Mapping[str, Any], cell: Cell, kinds: Sequence[str]) -> dict[str, Any]:
    """The base config with a cell's settings over it, as a nested dict.

    kinds  all encoders of the grid: a setting that this cell's does not know and another one does is left out
    """
    tree = merge(base, nested(cell))
    kind, encoder = kind_of(tree), tree.get("encoder", {})
    others = [other for other in kinds if other != kind]
    own = {*EncoderConfig.model_fields, *_fields(kind)}
    elsewhere = {name for other in others for name in _fields(other)}
    dropped = unfit(kind) if others else ()
    tree["encoder"] = {
        name: one
        for name, one in encoder.items()
        if not (name in elsewhere and name not in own)
        and not (name in dropped and f"encoder.{name}" not in cell)
        and not (one == "none" and f"encoder.{name}" in NOTHING)
    }
    return tree


def _fields(kind: str) -> Sequence[str]:
    return list(plugins.load("encoder", kind).Settings.model_fields)


def nested(flat: Cell) -> dict[str, Any]:
    """Dotted keys as a nested dict."""
    tree: dict[str, Any] = {}
    for key, one in flat.items():
        *path, last = key.split(".")
        place = tree
        for name in path:
            place = place.setdefault(name, {})
        place[last] = one
    return tree


def plain(tree: Any) -> Any:
    """The same as a file holds it: lists for tuples, text for paths, and nothing for None."""
    if isinstance(tree, Mapping):
        return {str(key): plain(one) for key, one in tree.items() if one is not None}
    if isinstance(tree, list | tuple):
        return [plain(one) for one in tree]
    return str(tree) if isinstance(tree, Path) else tree


def name_of(cell: Cell, taken: Sequence[str]) -> str:
    """A name for a cell's folder, made of its values."""
    words = []
    for key, one in cell.items():
        if key == "encoder.kind" and "encoder.path" in cell:
            continue
        word = Path(one).name if isinstance(one, str) and key in NOTHING else str(one)
        plain = key in AXES.values() or key == "encoder.path"
        words.append(word if plain and word != "none" else f"{key.rpartition('.')[2]}={word}")
    name = re.sub(r"[^\w.=+-]+", "-", "+".join(words)).strip("-.") or "base"
    numbered = (name if number == 1 else f"{name}-{number}" for number in itertools.count(1))
    return next(each for each in numbered if each not in taken)
