"""Writes the tables of docs/config.md from the fields of the settings themselves: python docs/settings.py."""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from yeonma import config, plugins
from yeonma.encoders.static import StaticSettings
from yeonma.optim.registry import Form
from yeonma.optim.rules import rules
from yeonma.optim.settings import aliases

PAGE = Path(__file__).parent / "config.md"
BEGIN, END = "<!-- made by docs/settings.py, do not edit by hand -->", "<!-- end of what docs/settings.py made -->"
SIGNS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
TYPES = {bool: "true or false", int: "whole number", float: "number", str: "text", dict: "table", tuple: "list"}


def values(field: FieldInfo) -> str:
    """Which values a setting takes: `"a"`, `"b"`, or a kind with its limits."""
    annotation = next(iter(_alternatives(field.annotation)))
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{json.dumps(choice)}`" for choice in get_args(annotation))
    kind = "table" if _is_table(annotation) else TYPES[get_origin(annotation) or annotation]
    known = [(sign, getattr(each, name, None)) for each in field.metadata for name, sign in SIGNS.items()]
    return f"{kind} {', '.join(f'{sign} {limit:,}' for sign, limit in known if limit is not None)}".rstrip()


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _alternatives(annotation: Any) -> Iterator[Any]:
    """The types of `X | None` but None."""
    if get_origin(annotation) in (Union, types.UnionType):
        yield from (each for each in get_args(annotation) if each is not type(None))
    else:
        yield annotation


def shown(value: Any) -> str:
    """A default as TOML writes it, or a dash where there is none; that of a table of settings stands at these."""
    if value is None or isinstance(value, BaseModel):
        return "–"
    return "`{}`" if value == {} else f"`{json.dumps(value, ensure_ascii=False)}`"


def default(field: FieldInfo) -> Any:
    """What a setting is when nothing is written."""
    return field.get_default(call_default_factory=True)


def table(schema: type[BaseModel], leave_out: Iterable[str] = ()) -> str:
    """A Markdown table of a schema's settings."""
    rows = [
        [f"`{name}`", values(field), shown(default(field)), (field.description or "").replace("__", r"\_\_")]
        for name, field in schema.model_fields.items()
        if name not in leave_out
    ]
    return markdown(["setting", "values", "default", "meaning"], rows) if rows else "No settings of its own."


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "or") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def tables() -> str:
    """All tables, each under its heading."""
    sections = {name: getattr(config.Config(), name) for name in ("data", "encoder", "head", "train", "checkpoint")}
    parts = [f"## Top level\n\n{table(config.Config, leave_out=sections)}"]
    for name, section in sections.items():
        parts.append(f"## `[{name}]`\n\n{first_line(type(section))}\n\n{table(type(section))}")
        if name == "encoder":
            parts.append(f"### All encoders over word vectors\n\n{table(StaticSettings)}")
            parts += [f'### `kind = "{kind}"`\n\n{own_table(kind)}' for kind in plugins.BUILT_IN["encoder"]]
    return "\n\n".join([*parts, f"## Optimizers\n\n{optimizer_table()}"])


def first_line(documented: type) -> str:
    """The first line of a docstring."""
    return (documented.__doc__ or "").strip().split("\n")[0]


def own_table(kind: str) -> str:
    """The settings that an encoder adds to those of all encoders, or has another default for."""
    own = plugins.load("encoder", kind).Settings
    shared = StaticSettings.model_fields if issubclass(own, StaticSettings) else {}
    return table(own, leave_out=[n for n in shared if default(shared[n]) == default(own.model_fields[n])])


def optimizer_table() -> str:
    """Every rule in both forms."""
    rows = [
        [f"`{rule.name}`", *(form(rule.forms.get(name)) for name in ("deck", "torch"))] for rule in rules().values()
    ]
    return markdown(["optimizer", '`form = "deck"`', '`form = "torch"`'], rows)


def form(known: Form | None) -> str:
    """A form's default learning rate and its settings, each with the other names it goes by."""
    if known is None:
        return "–"
    settings = [f"`learning_rate = {known.lr:g}`"]
    for name, value in known.hyper.items():
        others = ", ".join(other for other, meant in aliases(known).items() if meant == name)
        settings.append(f"`{name} = {value:g}`" + (f" ({others})" if others else ""))
    return "; ".join(settings)


def updated(page: str) -> str:
    """The page with the tables of today between its two marks."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE}")
