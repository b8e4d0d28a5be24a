"""What the figures show: every rule, its rate, its formula, by the functions that train."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.text import Text

from yeonma.optim.rules import get, rules
from yeonma.optim.surfaces import SURFACES, get_surface, trace
from yeonma.pictures import batches, forms, lookahead, tree
from yeonma.pictures.album import figures
from yeonma.pictures.stills import choice, outcome, still, twin
from yeonma.pictures.style import Look, write_figure

BOTH = Look()


def texts(figure):
    return [each.get_text() for each in figure.findobj(Text) if each.get_text()]


def test_every_figure_is_drawn_in_both_languages(chosen, tmp_path):
    for name, draw in figures(chosen).items():
        (path,) = write_figure(draw, tmp_path, name, kinds=("svg",))
        text = path.read_text(encoding="utf-8")
        assert "<text" in text
        assert any("가" <= letter <= "힣" for letter in text), name
    assert set(figures(chosen)) >= {"family", "gd-and-sgd", "momentum-and-nag", "deck-and-torch", *SURFACES}


# -- stills ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SURFACES)
def test_a_still_names_every_rule_and_its_rate(chosen, name):
    shown = texts(still(SURFACES[name], chosen[name], BOTH))
    for path in chosen[name].values():
        assert path.rule.title in shown
        assert shown.count(f"α = {path.rate:g}") == [p.rate for p in chosen[name].values()].count(path.rate)
    assert set(choice(SURFACES[name])) <= set(shown)
    assert "the best of 57 rates from 0.0001 to 1000" in choice(SURFACES[name]).en


def test_sgd_is_said_to_walk_as_gd(chosen):
    paths = chosen["bowl"]
    assert twin(paths["sgd"], paths) is paths["gd"]
    assert [name for name, path in paths.items() if twin(path, paths)] == ["sgd"]
    assert any(text.startswith("as GD") for text in texts(still(SURFACES["bowl"], paths, BOTH)))


def test_outcomes_are_told_apart(chosen):
    assert outcome(chosen["saddle"]["gd"]).en.startswith("leaves the picture at step ")
    assert outcome(chosen["bowl"]["gd"]).en.startswith("there from step ")
    assert outcome(chosen["rosenbrock"]["gd"]).en.startswith("not there after 200")


# -- family ------------------------------------------------------------------------------------------------------------


def check_places(places):
    assert list(places) == list(rules())
    for name, rule in rules().items():
        assert all(places[parent][0] < places[name][0] for parent in rule.parents)
    for (x, y), (u, v) in itertools.combinations(places.values(), 2):
        assert x != u or abs(y - v) >= 1, "two cards would lie on each other"


def test_the_tree_has_parents_to_the_left_and_no_card_on_another():
    check_places(tree.arranged(rules()))


def test_the_tree_takes_a_newcomer(newcomer):
    check_places(tree.arranged(rules()))
    shown = texts(tree.family(BOTH))
    assert "Newcomer" in shown
    assert "Δ = −α g / |g|" in shown


def test_the_tree_says_what_each_rule_adds_and_its_formula():
    shown = "\n".join(texts(tree.family(BOTH))).replace("\n", " ")
    for rule in rules().values():
        assert all(adds in shown for adds in rule.parents.values()), rule.name
        assert tree.formula(rule.form("deck")).replace("\n", " ") in shown


# -- GD beside SGD -----------------------------------------------------------------------------------------------------


def test_a_batch_of_all_examples_has_the_gradient_of_the_cost():
    fit, (a, b), h = batches.example_fit(), (0.3, -0.2), 1e-6
    along = ((fit.cost(a + h, b) - fit.cost(a - h, b)) / 2 / h, (fit.cost(a, b + h) - fit.cost(a, b - h)) / 2 / h)
    np.testing.assert_allclose(fit.gradient(a, b, slice(None)), along, rtol=1e-6)
    np.testing.assert_allclose(fit.gradient(*fit.best, slice(None)), 0, atol=1e-12)


def test_an_epoch_of_batches_holds_every_example_once():
    drawn = batches.shuffled(8)
    epochs = [np.concatenate([next(drawn) for _ in range(8)]) for _ in range(2)]
    assert all(sorted(epoch) == list(range(64)) for epoch in epochs)
    assert list(epochs[0]) != list(epochs[1])


def test_paths_read_alike_many_examples_and_sgd_is_ahead_at_first_and_gd_in_the_end():
    fit = batches.example_fit()
    walked = batches.paths(fit)
    assert {size: (len(path) - 1) * size for size, path in walked.items()} == dict.fromkeys((64, 8, 1), batches.READ)
    above = {size: fit.cost(*path.T) - fit.cost(*fit.best) for size, path in walked.items()}
    assert above[1][64] < above[8][8] < above[64][1]
    assert above[64][-1] < above[1][-640:].mean()


# -- Momentum beside NAG -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["momentum", "nag"])
def test_the_step_is_the_lecture_s(rule):
    """V' = m V − α ∇(where), W' = W + V'."""
    at = lookahead.corners(rule)
    where = lookahead.WEIGHT + (0.9 * lookahead.VELOCITY if rule == "nag" else 0)
    pull = -lookahead.RATE * np.array(get_surface(lookahead.SURFACE).gradient(*where))
    np.testing.assert_allclose(at["taken"], where)
    np.testing.assert_allclose(at["pull"], pull)
    np.testing.assert_allclose(at["after"], lookahead.WEIGHT + 0.9 * lookahead.VELOCITY + pull)


# -- the two forms -----------------------------------------------------------------------------------------------------


def test_both_forms_have_one_floor_and_the_same_epsilon_inside_has_another():
    floor = get("adam").form("torch").hyper["eps"]
    at = np.array([floor])
    assert forms.step_size("adam", "torch", at) == pytest.approx(1 / 2)
    assert forms.step_size("adam", "deck", at) == pytest.approx(1 / np.sqrt(2))
    assert forms.step_size("adam", "deck", at, eps=floor) == pytest.approx(floor / np.sqrt(floor), rel=1e-6)


def test_a_falling_rate_is_felt_at_once_or_by_and_by():
    deck, torch = forms.falling("momentum", "deck"), forms.falling("momentum", "torch")
    np.testing.assert_allclose(deck[: forms.CUT - 1], torch[: forms.CUT - 1])
    before, after = forms.CUT - 2, forms.CUT - 1
    assert torch[after] == pytest.approx(torch[before] / 10, rel=0.01)
    assert deck[after] > 0.8 * deck[before]
    assert deck[-1] == pytest.approx(torch[-1], rel=0.2)


def test_a_picture_s_path_is_the_rule_s(chosen):
    path = chosen["beale"]["nadam"]
    np.testing.assert_allclose(path.walk.points, trace("nadam", "beale", lr=path.rate, steps=200), rtol=1e-9)
