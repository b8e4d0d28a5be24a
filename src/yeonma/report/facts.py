"""What runs were made of: data, words that were known, which weights were trained, settings, command, machine."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from html import escape
from typing import Any

from yeonma.report import path
from yeonma.report.gather import Shown, Told
from yeonma.report.html import fold, part, table
from yeonma.report.phrases import layer, split, word


def data(shown: Shown) -> str:
    """Where the examples came from, and which of their words the table knows."""
    return part("data", _each(shown, _data))


def trained(shown: Shown) -> str:
    """The head and each layer: how many weights, learning rate, from which epoch."""
    return part("trained", _each(shown, _groups))


def settings(shown: Shown) -> str:
    """The settings with all defaults, and what else it takes to make the run again."""
    return part("settings", _each(shown, _settings)) + part("command", _each(shown, _command))


def _each(shown: Shown, of: object) -> str:
    """The same of every run in detail; folded up where they are several."""
    made = [(told, of(told)) for told in shown.detailed]  # type: ignore[operator]
    if len(made) == 1:
        return str(made[0][1])
    return "".join(fold(escape(told.name), body) for told, body in made)


def _data(told: Told) -> str:
    found, facts = told.run.read("data.json"), told.run.read("coverage.json")
    rows = [
        [split(name).html(), f"{n:,} · {escape(found['sources'].get(name, ''))}"]
        for name, n in found.get("examples", {}).items()
    ]
    rows.append([word("data_rejected"), f"{found.get('rejected', 0):,}"])
    if "known_types" in facts:
        for kind in ("types", "tokens"):
            known, made, total = facts[f"known_{kind}"], facts.get(f"composed_{kind}", 0), facts[kind]
            rows.append([word(f"data_known_{kind}"), f"{known:,} / {total:,} ({known / max(1, total):.1%})"])
            if made:
                rows.append([word(f"data_composed_{kind}"), f"{made:,} / {total:,} ({made / total:.1%})"])
        rows.append([word("data_unknown"), escape(" ".join(facts["unknown"]))])
    if "truncated" in facts:
        cut = facts["truncated"]
        rows.append([word("data_truncated"), f"{cut['train']:,} ({cut['max_length']})"])
    return table(["", ""], rows)


def _groups(told: Told) -> str:
    head = [word(f"trained_{key}") for key in ("layer", "weights", "rate", "epoch")]
    reached = {*path.norms(told.run).drop_nulls("gradient")["layer"]}
    rows = [
        [layer(g["name"]).html(), f"{g['weights']:,}", *_schedule(g, bool(reached) and g["name"] not in reached)]
        for g in told.run.read("groups.json").get("groups", [])
    ]
    return table(head, rows) if rows else ""


def _schedule(group: Mapping[str, Any], unread: bool) -> list[str]:
    """The rate and the first epoch; one that got no gradient though it was to learn is none that the task reads."""
    if not group["first_epoch"]:
        return ["–", word("trained_frozen")]
    if unread and group["first_epoch"] == 1:
        return ["–", word("trained_unread")]
    return [f"{group['learning_rate']:.3g}", str(group["first_epoch"])]


def _settings(told: Told) -> str:
    return f"<pre>{escape((told.run.folder / 'config.toml').read_text(encoding='utf-8'))}</pre>"


def _command(told: Told) -> str:
    made = told.run.read("env.json")
    return (
        f"<pre>{escape(shlex.join(map(str, made.get('command', []))))}</pre>"
        f"<pre>{escape(json.dumps({key: value for key, value in made.items() if key != 'command'}, indent=1))}</pre>"
    )
