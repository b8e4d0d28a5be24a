"""Which columns of a file hold the roles of a shape, and the cells of a row by role."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from yeonma.data.shape import Shape
from yeonma.data.shapes import SHAPES
from yeonma.errors import ConfigError, DataError, nearest

IDS = ("id", "guid", "idx")
"""The columns in which an example's own id is looked for; no role has to have one."""

Column = str | tuple[str, ...]
"""A column, dotted where it is a part of one (labels.label), or the columns of a role that has several."""

_DEEPEST = 3


def names_in(values: Mapping[str, Any], depth: int = _DEEPEST) -> list[str]:
    """The columns of a row; where a cell holds named parts, these too, with a dot before them."""
    parts = [
        f"{name}.{part}"
        for name, cell in values.items()
        if isinstance(cell, dict) and depth > 1
        for part in names_in(cell, depth - 1)
    ]
    return [*values, *parts]


def cell_of(values: Mapping[str, Any], column: Column) -> Any:
    """The cell of a column, None where there is none; a list of cells for several columns."""
    if isinstance(column, tuple):
        return [cell_of(values, one) for one in column]
    if column in values:
        return values[column]
    head, dot, rest = column.partition(".")
    inner = values.get(head)
    return cell_of(inner, rest) if dot and isinstance(inner, dict) else None


def columns_of(
    shape: Shape, came: Sequence[str], given: Mapping[str, str], path: Path, *, gold_needed: bool = True
) -> dict[str, Column]:
    """Role → column for a file with the columns `came`: as given, else by the usual names; "id" too if there is one.

    A role that may stand in several columns is given by the name of one, or by what theirs begin with: `ending` for
    ending_1, ending_2, … or ending0, ending1, … or ending_a, ending_b, …
    Raises: ConfigError for a role that does not exist, DataError for a column that does not.
    """
    for role in given:
        if role not in (*shape.roles, "id"):
            raise ConfigError(f"columns: there is no role {role!r}.{nearest(role, [*shape.roles, 'id'])}")
    found: dict[str, Column] = {}
    needed = _needed(shape, came, given)
    for role in needed:
        optional = role == needed[-1] and not gold_needed
        if column := _column(shape, role, came, given, path, optional, found):
            found[role] = column
    for role in shape.roles:
        if not any(role in roles for roles in shape.needed):
            column = _column(shape, role, came, given, path, role not in given, found)
            if column and column not in found.values():
                found[role] = column
    own_id = given.get("id") or _usual(IDS, came)
    if own_id and own_id not in came:
        raise DataError(f"there is no column {own_id!r} (columns.id).{nearest(own_id, came)}", path, 1)
    return found | ({"id": own_id} if own_id else {})


def _needed(shape: Shape, came: Sequence[str], given: Mapping[str, str]) -> tuple[str, ...]:
    """The set of roles that these columns can fill."""
    named = (roles for roles in shape.needed if any(role in given for role in roles))
    there = (roles for roles in shape.needed if _find(shape, roles[0], came))
    return next(named, None) or next(there, None) or shape.needed[-1]


def _column(
    shape: Shape,
    role: str,
    came: Sequence[str],
    given: Mapping[str, str],
    path: Path,
    optional: bool,
    taken: Mapping[str, Column],
) -> Column | None:
    if role in given:
        wanted = given[role]
        found = wanted if wanted in came else _several(wanted, came) if role in shape.several else None
        if found or optional:
            return found
        raise DataError(f"there is no column {wanted!r} (columns.{role}).{nearest(wanted, came)}", path, 1)
    usual = _find(shape, role, came)
    if usual or optional:
        return usual
    hint = _hint(shape, role, came, taken)
    raise DataError(f"no column has a usual name of {role}; came: {', '.join(map(repr, came))}. {hint}.", path, 1)


def _hint(shape: Shape, role: str, came: Sequence[str], taken: Mapping[str, Column]) -> str:
    """How to name the column of a role: the nearest that is left, if any; and the tasks whose roles are all there."""
    free = [column for column in came if column not in taken.values()]
    close = [c for c in free if difflib.get_close_matches(c.strip().lower(), shape.roles[role], n=1, cutoff=0.75)]
    fitting = [
        task
        for task, other in SHAPES.items()
        if other is not shape and any(all(_find(other, each, came) for each in roles) for roles in other.needed)
    ]
    tasks = f", or the task with --task {' or '.join(fitting)}" if fitting else ""
    if not free:
        return f"Every column is another role's: add one{tasks}"
    return f'Say which with data.columns = {{{role} = "{(close or free)[0]}"}}{tasks}'


def _find(shape: Shape, role: str, came: Sequence[str]) -> Column | None:
    """The column of a role by its usual names, or its several columns."""
    names = shape.roles[role]
    if (usual := _usual(names, came)) or role not in shape.several:
        return usual
    return next((columns for name in names if (columns := _several(name.removesuffix("s"), came))), None)


def _several(start: str, came: Sequence[str]) -> tuple[str, ...] | None:
    """The columns called `start` and a number or a letter, in that order, if there are at least two."""
    pattern = re.compile(rf"{re.escape(start)}[ _-]?(?:(\d+)|([a-z]))", re.IGNORECASE)
    matches = [(column, match) for column in came if (match := pattern.fullmatch(column.strip()))]
    order = {column: (int(match[1]) if match[1] else ord(match[2].lower())) for column, match in matches}
    return tuple(sorted(order, key=order.__getitem__)) if len(order) > 1 else None


def _usual(names: Sequence[str], came: Sequence[str]) -> str | None:
    """The column with the likeliest of the usual names, whatever its case."""
    plain = {column.strip().lower(): column for column in reversed(came)}
    return next((plain[name] for name in names if name in plain), None)
