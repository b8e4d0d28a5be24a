"""The documentation is true: help texts, commands, links, names, the table of settings, the picture of the house."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import test_architecture as house
from yeonma import config, data, errors, plugins
from yeonma.cli import app
from yeonma.optim.facts import facts
from yeonma.optim.rules import rules
from yeonma.pictures import tuning

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.ko.md"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"(?<![A-Za-z0-9_.,])[+-]?\d[\d.,]*\d(?![A-Za-z0-9_])")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")

readmes = pytest.mark.parametrize("readme", READMES, ids=lambda path: path.name)
pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language]


def helps() -> list[tuple[Path, str, str]]:
    """(page, command, shown text) of every block that shows a help text."""
    shown = [(page, *text.split("\n", 1)) for page in PAGES for text in blocks(page, "console")]
    return [(page, first[2:], rest) for page, first, rest in shown if first.endswith(" --help")]


def test_both_readmes_show_help_texts():
    assert {page for page, _, _ in helps()} >= set(READMES)


@pytest.mark.parametrize(("page", "command", "shown"), helps(), ids=lambda value: getattr(value, "name", value)[:30])
def test_a_shown_help_text_is_the_real_one(page, command, shown):
    code = "from yeonma.cli import app; app(prog_name='yeonma')"
    done = subprocess.run(
        [sys.executable, "-c", code, *shlex.split(command)[1:]],
        env={**os.environ, "COLUMNS": "100"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.strip() == done.stdout.strip()


def commands(page: Path) -> list[str]:
    """The yeonma commands of a page's shell blocks."""
    lines = [line for text in blocks(page, "sh") for line in text.splitlines()]
    return [line[line.index("yeonma ") :] for line in lines if re.match(r"(\w+=\S+ )*yeonma ", line)]


@pytest.mark.parametrize("command", sorted({command for page in PAGES for command in commands(page)}))
def test_a_shown_command_is_understood(command):
    """Names and options exist; nothing is run."""
    entry, words = typer.main.get_command(app), shlex.split(command)[1:]
    while words and words[0] in getattr(entry, "commands", {}):
        entry = entry.commands[words.pop(0)]
    assert not hasattr(entry, "commands"), f"{command}: no such command"
    entry.make_context("yeonma", words)


def leaves(group, name: str = "") -> list[str]:
    inner = getattr(group, "commands", None)
    return [name] if inner is None else [leaf for key, one in inner.items() for leaf in leaves(one, f"{name} {key}")]


@readmes
def test_the_readme_names_all_there_is(readme):
    text = readme.read_text(encoding="utf-8")
    words = set(re.findall(r"[\w.-]+", " ".join(re.findall(r"`+([^`]+)`+", text))))
    known = [leaf.split()[-1] for leaf in leaves(typer.main.get_command(app))]
    known += [*rules(), *plugins.names("encoder"), *plugins.names("tokenizer"), *plugins.names("task")]
    known += [*plugins.names("pretrain"), *data.catalog(), *config.presets()]
    assert [name for name in known if name not in words] == []


def exit_codes(error: type[errors.YeonmaError]) -> set[int]:
    return {error.exit_code}.union(*(exit_codes(kind) for kind in error.__subclasses__()))


@readmes
def test_the_readme_names_the_exit_codes(readme):
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", readme.read_text(encoding="utf-8"), re.MULTILINE)}
    assert listed == exit_codes(errors.YeonmaError) - {errors.YeonmaError.exit_code} | {0}


@readmes
def test_the_make_targets_exist(readme):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z]+)(?=[`\n])", readme.read_text(encoding="utf-8"))):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@readmes
def test_the_test_commands_stand_where_a_machine_finds_them(readme):
    after = readme.read_text(encoding="utf-8").split("<!-- test commands -->\n")[1]
    assert FENCE.match(after).group(2) == (
        "python3 -m venv .venv && . .venv/bin/activate\npip install -c constraints.txt -e '.[dev]'\nmake test\n"
    )


def measured_rows(readme: Path) -> list[tuple[str, str]]:
    return re.findall(r"^(\|.*)\[[^]]*\]\((results/[^)]+)\) \|$", readme.read_text(encoding="utf-8"), re.MULTILINE)


@readmes
def test_every_measured_number_stands_in_its_source(readme):
    """Those of two digits or more, in the rows that end with a link to a table of results."""
    rows = measured_rows(readme)
    assert len(rows) >= 7
    for shown, source in rows:
        measured = set(NUMBER.findall((ROOT / source).read_text(encoding="utf-8")))
        assert [number for number in NUMBER.findall(shown) if number not in measured] == [], shown


def test_the_twins_have_one_structure():
    english, korean = (readme.read_text(encoding="utf-8") for readme in READMES)
    assert FENCE.findall(english) == FENCE.findall(korean)
    shapes = [re.findall(r"^(#+ |\|)", FENCE.sub("", text), re.MULTILINE) for text in (english, korean)]
    assert shapes[0] == shapes[1]
    rows = [[sorted(NUMBER.findall(row)) for row, _ in measured_rows(readme)] for readme in READMES]
    assert rows[0] == rows[1]


@pages
def test_every_relative_link_leads_somewhere(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    links = [link.partition("#")[0] for link in LINK.findall(text) if not re.match(r"\w+:", link)]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@pages
def test_named_files_exist(page):
    """Every path in backticks that begins with a folder of the repository."""
    text = page.read_text(encoding="utf-8")
    paths = re.findall(r"`((?:src|tests|docs|benchmarks|results)/[\w./-]*)`", text)
    assert [path for path in paths if not (ROOT / path).exists()] == []


def script(name: str):
    """A script of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """A folder with the pictures of docs/pictures/ drawn again."""
    return script("pictures").draw(tmp_path_factory.mktemp("pictures"))[0].parent


def test_the_table_of_settings_is_of_today():
    settings = script("settings")
    page = settings.PAGE.read_text(encoding="utf-8")
    assert page == settings.updated(page), "run: python docs/settings.py"


OPTIMIZERS = (ROOT / "docs" / "optimizers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(rules()))
def test_the_page_of_optimizers_shows_the_formulas_of_the_functions(name):
    """Deck form first, torch's after it; one block where both are the same."""
    rule = rules()[name]
    section = OPTIMIZERS.split(f"\n### {rule.title}\n")[1].split("\n### ")[0].split("\nEvery rule also takes")[0]
    formulas = [rule.form(form).equations for form in ("deck", "torch")]
    assert [text.strip() for kind, text in FENCE.findall(section) if kind == "text"] == list(dict.fromkeys(formulas))
    assert all(adds in section for adds in rule.parents.values())


@pytest.mark.parametrize("name", list(rules()))
def test_the_page_of_optimizers_says_what_a_step_costs(name):
    known = facts(rules()[name])
    state = ", ".join(known["state"]["per_weight"]) or "none"
    assert f"| `{name}` | {state} | {known['numbers_per_weight']} | {known['bytes_per_step']} |" in OPTIMIZERS


def test_the_page_of_optimizers_says_how_its_pictures_were_tuned():
    said = f"{len(tuning.RATES)} learning rates from {tuning.RATES[0]:g} to {tuning.RATES[-1]:g}"
    assert said in " ".join(OPTIMIZERS.split())
    assert f"were walked for {tuning.STEPS} steps" in " ".join(OPTIMIZERS.split())
    assert tuning.LIMIT == 1 / 5


def test_the_page_of_optimizers_shows_the_defaults_of_the_deck_form():
    for name, values in {"Adagrad": "1e-20", "RMSProp": "1e-16; γ 0.9", "AdaDelta": "1e-6; γ 0.9; α 1"}.items():
        assert f"| {name} | ε inside, {values} |" in OPTIMIZERS
        form = rules()[name.lower()].form("deck")
        assert float(values.split(";")[0]) == form.hyper["eps"]
        assert form.hyper.get("alpha", form.hyper.get("rho", 0.9)) == 0.9
    assert rules()["adam"].form("deck").hyper["eps"] == 1e-16


@pytest.mark.parametrize("name", ["family", "ravine", "deck-and-torch", "momentum-and-nag"])
def test_the_drawn_pictures_are_small_and_of_today(name, pictures):
    """Their words and numbers are; points may move with a version of the library that draws."""
    kept = (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    assert len(kept.encode()) < 160_000
    fresh = (pictures / f"{name}.svg").read_text(encoding="utf-8")
    texts = [re.findall(r"<(?:text|tspan)[^>]*>([^<]+)<", svg) for svg in (kept, fresh)]
    assert texts[0] == texts[1], "run: python docs/pictures.py"


def picture() -> dict[int, str]:
    """Floor → what the picture of the house draws on it."""
    drawn = next(text for text in blocks(ROOT / "docs" / "architecture.md", "") if text.startswith("src/yeonma/"))
    floors = re.split(r"^ ?(\d+) ", drawn, flags=re.MULTILINE)[1:]
    return {int(floor): text for floor, text in zip(floors[::2], floors[1::2], strict=True)}


def test_the_picture_draws_every_room_on_its_floor():
    drawn = {room: floor for floor, text in picture().items() for room in re.findall(r"^ *(\w+)(?:/|\.py)", text, re.M)}
    built = {house.room(module) for module in house.modules()} - {""}
    assert drawn == {room: house.FLOORS[room] for room in built}


def test_the_picture_names_the_arrows_of_one_floor():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    drawn = set(re.findall(r"^\| `(\w+) → (\w+)`", text, re.MULTILINE))
    arrows = {
        (house.room(one), house.room(other)) for one, path in house.modules().items() for other in house.imports(path)
    }
    level = {(a, b) for a, b in arrows if a and b and a != b and house.FLOORS[a] == house.FLOORS[b]}
    assert drawn == level


@pytest.mark.slow
@readmes
def test_the_sample_runs_as_shown(readme, tmp_path):
    """The first run on the bundled sample, from the shell and from Python, in a folder beside the sources."""
    (tmp_path / "src").symlink_to(ROOT / "src")
    shell = next(text for text in blocks(readme, "sh") if "data check sample-single" in text)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", shell], cwd=tmp_path, env=environment, check=True)
    script = "\n".join(blocks(readme, "python"))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
