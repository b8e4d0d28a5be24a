"""What is said of a rule comes from its function and the register."""

import inspect

import pytest

from yeonma.errors import ConfigError
from yeonma.optim.facts import all_facts, facts
from yeonma.optim.rules import get, rules


@pytest.mark.parametrize("name", list(rules()))
@pytest.mark.parametrize("form", ["deck", "torch"])
def test_facts_are_those_of_the_function(name, form):
    written, known = get(name).form(form), facts(get(name), form)
    document = inspect.getdoc(written.function)
    assert document.startswith(known["formula"])
    assert " ".join(document.removeprefix(known["formula"]).split()) == known["source"]
    assert "Δ" in known["formula"]
    defaults = {each["name"]: each["default"] for each in known["settings"]}
    assert defaults == {"lr": written.lr, "weight_decay": 0.0, "l2": 0.0, **written.hyper}
    assert [*known["state"]["per_weight"], *known["state"]["per_tensor"]] == list(written.slots)


@pytest.mark.parametrize(
    ("names", "kept", "moved"),
    [("gd sgd", 0, 12), ("momentum nag adagrad rmsprop", 1, 20), ("adadelta adam nadam", 2, 28)],
)
def test_costs(names, kept, moved):
    for name in names.split():
        for form in ("deck", "torch"):
            known = facts(get(name), form)
            assert (known["numbers_per_weight"], known["bytes_per_step"]) == (kept, moved)


def test_parents_and_children_say_the_same():
    known = {each["name"]: each for each in all_facts()}
    assert list(known) == list(rules())
    for name, each in known.items():
        assert all(known[parent]["children"][name] == adds for parent, adds in each["parents"].items())
        assert all(known[child]["parents"][name] == adds for child, adds in each["children"].items())


def test_aliases_are_named():
    settings = {each["name"]: each["aliases"] for each in facts(get("rmsprop"))["settings"]}
    assert {"gamma", "γ"} <= set(settings["alpha"])
    assert "alpha" not in settings["lr"]
    assert "ε" in settings["eps"]


def test_an_unknown_form_is_refused():
    with pytest.raises(ConfigError, match="Did you mean 'torch'"):
        all_facts("torhc")
