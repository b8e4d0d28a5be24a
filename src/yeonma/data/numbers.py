"""From a cell to a number: the label of a regression, and the whole numbers of other shapes."""

from __future__ import annotations

from typing import Any

from yeonma.data.lines import BadRow


def number_of(cell: Any, scale: tuple[float, float], *, required: bool) -> float | None:
    """The number in the label cell of a regression; None for one that is missing or withheld (-1) and not required.

    Raises: BadRow without a place for what is no number or lies outside the scale.
    """
    low, high = scale
    must = f"the label must be a number from {low:g} to {high:g}"
    if is_missing(cell):
        if required:
            raise BadRow("the label is missing.")
        return None
    try:
        number = float(cell) if isinstance(cell, str | int | float) and not isinstance(cell, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None:
        raise BadRow(f"{must}; came {type(cell).__name__} {str(cell)[:60]!r}.{_part(cell)}")
    if low <= number <= high:
        return number
    if number == -1 and low > -1:
        if required:
            raise BadRow("the label is withheld (-1).")
        return None
    raise BadRow(f"{must}; came {number:g}.")


def _part(cell: Any) -> str:
    return f" Name a part of it with a dot: label = 'COLUMN.{next(iter(cell), '')}'." if isinstance(cell, dict) else ""


def is_missing(cell: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, blanks."""
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def whole_number(cell: Any) -> int | None:
    """The whole number in a cell (7, "7", 7.0), or None."""
    if isinstance(cell, bool):
        return None
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str) and cell.strip().removeprefix("-").isdecimal() and len(cell) < 20:
        return int(cell)
    return cell if isinstance(cell, int) else None
