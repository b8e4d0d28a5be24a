"""What is known about a rule as plain values, all of it read from its function and the register: list, show, pages."""

from __future__ import annotations

from typing import Any

from yeonma.errors import ConfigError, nearest
from yeonma.optim.registry import Form, Rule, rules
from yeonma.optim.settings import COMMON, aliases


def facts(rule: Rule, form: str = "deck") -> dict[str, Any]:
    """Formula, settings, state, cost and family of a rule in one of its forms, ready for JSON.

    bytes_per_step counts what a float32 step reads and writes for each weight; parents and children say what each
    younger rule adds to the older one.
    Raises: ConfigError when the rule has no such form.
    """
    written = rule.form(form)
    return {
        "name": rule.name,
        "title": rule.title,
        "form": written.name,
        "formula": written.equations,
        "source": written.source,
        "paper": rule.paper,
        "full_batch": rule.full_batch,
        "settings": _settings(written),
        "state": {"per_weight": list(written.elements), "per_tensor": list(written.scalars)},
        "numbers_per_weight": len(written.elements),
        "bytes_per_step": written.traffic(),
        "parents": dict(rule.parents),
        "children": {child.name: child.parents[rule.name] for child in rules().values() if rule.name in child.parents},
    }


def all_facts(form: str = "deck") -> list[dict[str, Any]]:
    """The facts of every rule that has the form, in the order of the register.

    Raises: ConfigError when no rule has such a form.
    """
    known = [facts(rule, form) for rule in rules().values() if form in rule.forms]
    if not known:
        raise ConfigError(f"There is no form {form!r}.{nearest(form, {f for r in rules().values() for f in r.forms})}")
    return known


def _settings(form: Form) -> list[dict[str, Any]]:
    """Every setting with its default and the other names it goes by."""
    defaults = {**COMMON, "lr": form.lr, **form.hyper}
    other = aliases(form)
    return [
        {"name": name, "default": value, "aliases": [alias for alias, meant in other.items() if meant == name]}
        for name, value in defaults.items()
    ]
