"""The shapes of tasks: which roles a row plays, which columns usually hold them, and how they become texts and gold."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yeonma.data.labels import Labels
from yeonma.data.lines import BadRow
from yeonma.errors import ConfigError, DataError, nearest
from yeonma.records import Span

Gold = str | float | tuple[Span, ...] | None


@dataclass(frozen=True, slots=True)
class Shape:
    """One task's rows.

    roles  role → the names its column usually has, likeliest first
    gold   the role that holds the answer: it may be absent where none is needed
    read   role → cell, labels → texts and gold; raises BadRow without a place
    """

    roles: Mapping[str, tuple[str, ...]]
    gold: str
    read: Callable[[Mapping[str, Any], Labels], tuple[tuple[str, ...], Gold]]


IDS = ("id", "guid", "idx")
"""The columns in which an example's own id is looked for; no role has to have one."""

_TEXT = ("text", "document", "sentence", "review", "title", "content", "comment", "utterance", "문장", "리뷰", "내용")
_LABEL = ("label", "labels", "category", "class", "sentiment", "target", "gold", "라벨", "레이블", "분류")


def text_of(cells: Mapping[str, Any], role: str) -> str:
    """The text in a role's cell; a blank one is a text, a missing one is not.

    Raises: BadRow without a place.
    """
    cell = cells[role]
    if isinstance(cell, str):
        return cell
    if cell is None:
        raise BadRow(f"the {role} is missing.")
    raise BadRow(f"the {role} must be text; came {type(cell).__name__} {str(cell)[:40]!r}.")


def _single(cells: Mapping[str, Any], labels: Labels) -> tuple[tuple[str, ...], Gold]:
    return (text_of(cells, "text"),), labels.read(cells.get("label"))


SHAPES: dict[str, Shape] = {
    "single": Shape(roles={"text": _TEXT, "label": _LABEL}, gold="label", read=_single),
}


def shape_of(task: str) -> Shape:
    """The shape of a task's rows.

    Raises: ConfigError, naming the nearest known task.
    """
    if task not in SHAPES:
        raise ConfigError(f"There is no task {task!r} whose rows can be read.{nearest(task, SHAPES)}")
    return SHAPES[task]


def columns_of(
    shape: Shape, came: Sequence[str], given: Mapping[str, str], path: Path, *, gold_needed: bool = True
) -> dict[str, str]:
    """Role → column for a file with the columns `came`: as given, else by the usual names; "id" too if there is one.

    Raises: ConfigError for a role that does not exist, DataError for a column that does not.
    """
    for role in given:
        if role not in (*shape.roles, "id"):
            raise ConfigError(f"columns: there is no role {role!r}.{nearest(role, [*shape.roles, 'id'])}")
    found = {role: column for role in shape.roles if (column := _column(shape, role, came, given, path, gold_needed))}
    own_id = given.get("id") or _usual(IDS, came)
    if own_id and own_id not in came:
        raise DataError(f"there is no column {own_id!r} (columns.id).{nearest(own_id, came)}", path, 1)
    return found | ({"id": own_id} if own_id else {})


def _column(
    shape: Shape, role: str, came: Sequence[str], given: Mapping[str, str], path: Path, gold_needed: bool
) -> str | None:
    if role in given and given[role] in came:
        return given[role]
    if role == shape.gold and not gold_needed:
        return None if role in given else _usual(shape.roles[role], came)
    if role in given:
        raise DataError(f"there is no column {given[role]!r} (columns.{role}).{nearest(given[role], came)}", path, 1)
    if usual := _usual(shape.roles[role], came):
        return usual
    close = [c for c in came if difflib.get_close_matches(c.strip().lower(), shape.roles[role], n=1, cutoff=0.75)]
    hint = f'Say which with columns = {{{role} = "{(close or list(came))[0]}"}}'
    raise DataError(f"no column is called like a {role}; came: {', '.join(map(repr, came))}. {hint}.", path, 1)


def _usual(names: Sequence[str], came: Sequence[str]) -> str | None:
    """The column with the likeliest of the usual names, whatever its case."""
    plain = {column.strip().lower(): column for column in reversed(came)}
    return next((plain[name] for name in names if name in plain), None)
