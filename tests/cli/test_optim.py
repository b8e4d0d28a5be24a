"""yeonma optim: the list, one rule, and the pictures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yeonma.optim.registry import RULES, rule
from yeonma.optim.rules import get, rules
from yeonma.optim.surfaces import SURFACES
from yeonma.pictures import album


@pytest.fixture
def newcomer():
    """A rule registered for one test, in the deck form alone."""

    @rule("Newcomer", lr=0.1, parents={"sgd": "keeps a sum"}, paper="Nobody 2030", total=0.0)
    def newcomer(g, s, t, lr):
        """Σ ← Σ + g
        Δ = −α Σ

        Nobody 2030, A Sum.
        """
        return -lr * (s.total + g), s._replace(total=s.total + g)

    yield
    del RULES["newcomer"]


@pytest.mark.parametrize("form", ["deck", "torch"])
def test_list(yeonma, form):
    listed = yeonma("optim", "list", "--form", form, "--json").json
    assert listed["form"] == form
    assert [each["name"] for each in listed["optimizers"]] == list(rules())
    shown = yeonma("optim", "list", "--form", form)
    assert (shown.code, shown.err) == (0, "")
    for each in listed["optimizers"]:
        row = f"{each['name']:<10} {each['numbers_per_weight']:>4} {each['bytes_per_step']:>5}  "
        assert row + each["formula"].splitlines()[0] in shown.out
        assert all(line in shown.out for line in each["formula"].splitlines())


def test_a_rule_registered_a_moment_ago_is_listed(yeonma, newcomer):
    names = [each["name"] for each in yeonma("optim", "list", "--json").json["optimizers"]]
    assert names == [*rules()]
    assert names[-1] == "newcomer"
    assert "newcomer      1    20  Σ ← Σ + g" in yeonma("optim", "list").out
    assert "to         newcomer: keeps a sum" in yeonma("optim", "show", "sgd").out
    assert yeonma("optim", "show", "newcomer").code == 0
    torch = [each["name"] for each in yeonma("optim", "list", "--form", "torch", "--json").json["optimizers"]]
    assert "newcomer" not in torch


@pytest.mark.parametrize("name", list(rules()))
def test_show(yeonma, name):
    for form in ("deck", "torch"):
        known = yeonma("optim", "show", name, "--form", form, "--json").json
        assert known["formula"] == get(name).form(form).equations
        shown = yeonma("optim", "show", name.upper(), "--form", form).out
        assert shown.startswith(f"{known['title']} ({known['paper']}), form '{form}'\n")
        for line in known["formula"].splitlines():
            assert f"  {line}\n" in shown
        for setting in known["settings"]:
            assert f" {setting['name']} " in shown
            assert f"{setting['default']:g}" in shown
            assert ", ".join(setting["aliases"]) in shown
        assert f"{known['bytes_per_step']} bytes" in shown
        assert max(map(len, shown.splitlines())) <= 120


def test_show_names_the_family(yeonma):
    shown = yeonma("optim", "show", "adam").out
    assert "from       momentum: averages the gradients\n" in shown
    assert "to         nadam: " in shown
    assert "arXiv:1412.6980" in shown


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (("show", "rmspop"), "Did you mean 'rmsprop'?"),
        (("show", "adam", "--form", "dek"), "Did you mean 'deck'?"),
        (("list", "--form", "troch"), "Did you mean 'torch'?"),
    ],
)
def test_what_is_unknown_ends_with_two_and_the_nearest_name(yeonma, argv, message):
    told = yeonma("optim", *argv)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert message in told.err


def test_plot_says_what_it_wrote(yeonma, monkeypatch):
    """One figure and the page: all of them take their time."""
    every = album.figures
    monkeypatch.setattr(album, "figures", lambda chosen: {"bowl": every(chosen)["bowl"]})
    done = yeonma("optim", "plot")
    assert done.code == 0
    assert done.out.split() == ["optimizers/bowl.svg", "optimizers/bowl.png", "optimizers/optimizers.html"]
    assert all(Path(name).stat().st_size > 10_000 for name in done.out.split())
    assert json.loads(yeonma("optim", "plot", "--json").out) == {"written": done.out.split()}


@pytest.mark.slow
def test_plot_writes_every_picture(yeonma):
    done = yeonma("optim", "plot", "-o", "new/pictures")
    assert done.code == 0
    figures = ("family", "gd-and-sgd", "momentum-and-nag", "deck-and-torch", *SURFACES)
    names = [f"{name}.{kind}" for name in figures for kind in ("svg", "png")] + ["optimizers.html"]
    assert done.out.splitlines() == [f"new/pictures/{name}" for name in names]
    assert sorted(path.name for path in Path("new/pictures").iterdir()) == sorted(names)
    assert all(path.stat().st_size > 10_000 for path in Path("new/pictures").iterdir())
    assert {path.read_bytes()[:4] for path in Path("new/pictures").glob("*.png")} == {b"\x89PNG"}


def test_plot_into_a_file_ends_with_five(yeonma):
    Path("taken").write_text("mine")
    told = yeonma("optim", "plot", "-o", "taken")
    assert (told.code, told.out) == (5, "")
    assert told.err == "error: taken could not be written: File exists. Choose another place with -o.\n"
    assert Path("taken").read_text() == "mine"
