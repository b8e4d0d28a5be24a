"""Small line charts as inline SVG: a page with curves and no library."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 560, 220, 66, 34, 14
COLOURS = ("#2563eb", "#d97706", "#059669", "#db2777")

Line = tuple[str, Sequence[float], Sequence[float]]


def chart(title: str, x_name: str, lines: Sequence[Line]) -> str:
    """One chart of several named lines (name, x values, y values); an empty string where there are no points."""
    points = [(x, y) for _, xs, ys in lines for x, y in zip(xs, ys, strict=True)]
    if not points:
        return ""
    x_low, x_high = min(x for x, _ in points), max(x for x, _ in points)
    x_high = max(x_high, x_low + 1)
    y_low, y_high = _range([y for _, y in points])

    def place(x: float, y: float) -> str:
        across = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - 12)
        return f"{across:.1f},{HEIGHT - BOTTOM - (y - y_low) / (y_high - y_low) * (HEIGHT - BOTTOM - TOP):.1f}"

    drawn = "".join(_line(i, line, place) for i, line in enumerate(lines))
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{_frame(x_name, (x_low, x_high), (y_low, y_high))}{drawn}</svg>"
        f"<figcaption>{_legend(title, lines)}</figcaption></figure>"
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    return low - margin, high + margin


def _line(number: int, line: Line, place: object) -> str:
    name, xs, ys = line
    marks = " ".join(place(x, y) for x, y in zip(xs, ys, strict=True))  # type: ignore[operator]
    colour = COLOURS[number % len(COLOURS)]
    if len(xs) == 1:
        x, y = marks.split(",")
        return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'
    style = f'fill="none" stroke="{colour}" stroke-width="1.8"'
    return f'<polyline points="{marks}" {style}><title>{escape(name)}</title></polyline>'


def _frame(x_name: str, x: tuple[float, float], y: tuple[float, float]) -> str:
    floor, texts = HEIGHT - BOTTOM, []
    for share in (0.0, 0.5, 1.0):
        level, across = floor - share * (floor - TOP), LEFT + share * (WIDTH - LEFT - 12)
        texts.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{level}" y2="{level}" class="grid"/>')
        texts.append(
            f'<text x="{LEFT - 6}" y="{level + 4}" text-anchor="end">{y[0] + share * (y[1] - y[0]):.3g}</text>'
        )
        anchor = ("start", "middle", "end")[int(share * 2)]
        texts.append(
            f'<text x="{across}" y="{floor + 16}" text-anchor="{anchor}">{x[0] + share * (x[1] - x[0]):.0f}</text>'
        )
    texts.append(f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 3}" text-anchor="middle">{escape(x_name)}</text>')
    return "".join(texts)


def _legend(title: str, lines: Sequence[Line]) -> str:
    names = " ".join(
        f'<span style="color:{COLOURS[i % len(COLOURS)]}">■ {escape(name)}</span>'
        for i, (name, _, _) in enumerate(lines)
    )
    return f"{escape(title)} — {names}"
