"""What a setting may be called."""

import pytest

from yeonma.errors import ConfigError
from yeonma.optim import get
from yeonma.optim.rules import rules
from yeonma.optim.settings import ALIASES, NOT_NEGATIVE, SHARES, aliases, fold, resolve, settings_of


@pytest.mark.parametrize(
    ("name", "form", "given", "settings"),
    [
        ("adam", "deck", {"alpha": 0.1, "β1": 0.5, "ε": 0.2}, {"lr": 0.1, "beta1": 0.5, "eps": 0.2}),
        ("sgd", "deck", {"η": 1}, {"lr": 1.0}),
        ("momentum", "deck", {"m": 0.5, "eta": 0.1}, {"momentum": 0.5, "lr": 0.1}),
        # torch's `alpha` of RMSProp is the deck's γ; there it is never the learning rate
        ("rmsprop", "deck", {"alpha": 0.5}, {"alpha": 0.5}),
        ("rmsprop", "torch", {"gamma": 0.5, "learning_rate": 0.1}, {"alpha": 0.5, "lr": 0.1}),
        ("adadelta", "deck", {"γ": 0.5, "alpha": 0.1}, {"rho": 0.5, "lr": 0.1}),
        ("nadam", "torch", {"psi": 0.1, "betas": [0.8, 0.9]}, {"momentum_decay": 0.1, "beta1": 0.8, "beta2": 0.9}),
    ],
)
def test_symbols_of_the_deck_and_names_of_torch(name, form, given, settings):
    assert resolve(get(name).form(form), given) == settings


def test_an_alias_means_one_thing_in_every_rule():
    for rule in rules().values():
        for form in rule.forms.values():
            own = {"lr", *form.hyper}
            for other, name in aliases(form).items():
                assert name in own
                assert other not in own
                assert sum(target in own for target in ALIASES[other]) == 1


def test_every_hyper_parameter_of_the_nine_has_a_range():
    for rule in rules().values():
        for form in rule.forms.values():
            assert set(form.hyper) <= {*SHARES, *NOT_NEGATIVE}


def test_alpha_given_with_its_alias_is_refused():
    with pytest.raises(ConfigError, match="alpha was given twice"):
        resolve(get("rmsprop").form("deck"), {"alpha": 0.9, "gamma": 0.8})


def test_a_group_holds_betas_and_gives_them_back():
    form = get("adam").form("deck")
    group = fold({"lr": 0.1, "weight_decay": 0.5, "l2": 0.25, **form.hyper})
    assert group["betas"] == (0.9, 0.999)
    settings = settings_of(form, group)
    assert settings == (0.1, 0.95, 0.25, form.hyper)
