"""The rules of a comparison in both languages, from the numbers that results.json holds of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yeonma.pictures.words import Both
from yeonma.report.phrases import say

Plan = Mapping[str, Any]
Space = tuple[float, float, bool]


def rules(results: Mapping[str, Any]) -> str:
    """The rules as a list."""
    return f"<ul>{''.join(f'<li>{line.html()}</li>' for line in lines(results))}</ul>"


def lines(results: Mapping[str, Any]) -> Iterator[Both]:
    """The rules; in English they are those that the study printed."""
    plan = results["plan"]
    first, seeds = plan["first_seed"], plan["seeds"]
    yield say("study_rule_cells", count=len(plan["cells"]), names=", ".join(plan["cells"]))
    yield _budget(plan)
    if plan["trials"]:
        yield say("study_rule_tuning", trials=plan["trials"], seed=first, free=plan["free_trials"])
        yield say("study_rule_space", spaces=_searched(plan))
    else:
        yield say("study_rule_untuned")
    span = f"{first + 1} … {first + seeds}" if seeds > 1 else f"{first + 1}"
    yield say("study_rule_finals", count=seeds, seeds=span)
    yield say("study_rule_scored", count=plan["evaluations"])
    yield from (say("study_rule_test"), say("study_rule_failures"), _sight(plan, results["detectable_sd"]))


def _budget(plan: Plan) -> Both:
    if plan["examples"]:
        return say("study_rule_budget_examples", examples=f"{plan['examples']:,}")
    return say("study_rule_budget_seconds", seconds=f"{plan['cpu_seconds']:g}")


def _searched(plan: Plan) -> Both:
    found = [_space(key, space) for key, space in plan["spaces"].items()]
    return Both(*("; ".join(each) for each in zip(*found, strict=True)))


def _space(key: str, space: Mapping[str, Any]) -> Both:
    if space["choices"]:
        parts = [str(choice) for choice in space["choices"]]
        either = say("study_or")
        return Both(*(f"{key}: {f' {word} '.join(parts)}" for word in either))
    scale = say("study_log_uniform" if space["log"] else "study_uniform")
    return Both(*(f"{key}: {space['low']:g} … {space['high']:g}, {word}" for word in scale))


def _sight(plan: Plan, effect: float | None) -> Both:
    """Which difference to the best cell so many seeds can show."""
    comparisons = len(plan["cells"]) - 1
    if comparisons < 1:
        return say("study_rule_alone")
    said: dict[str, object] = {"count": comparisons, "s": "s" if comparisons > 1 else ""}
    if effect is None:
        return say("study_rule_one_seed", **said)
    key = "study_rule_few" if plan["too_few_seeds"] else "study_rule_sight"
    return say(key, seeds=plan["seeds"], effect=f"{effect:.1f}", **said)


def spaces(results: Mapping[str, Any]) -> dict[str, Space]:
    """The searched settings that are numbers: lowest and highest value, and whether the scale is logarithmic."""
    found = results["plan"]["spaces"]
    return {key: (each["low"], each["high"], each["log"]) for key, each in found.items() if not each["choices"]}
