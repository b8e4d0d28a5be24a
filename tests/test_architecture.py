"""The walls of the house: imports run down, without circles; the command line is light; `__all__` is exact."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import yeonma

SOURCE = Path(yeonma.__file__).parent
FLOORS = {
    "records": 1, "errors": 1, "files": 1, "environment": 1, "processes": 1,
    "text": 2, "data": 2, "optim": 2, "vectors": 2, "vector_files": 2, "vector_text": 2, "vector_binary": 2,
    "vector_fasttext": 2, "subwords": 2, "neighbours": 2, "intrinsic": 2, "correlation": 2, "stats": 2, "plugins": 2,
    "tasks": 3, "encoders": 3, "config": 3, "presets": 3, "pictures": 3,
    "model": 4, "batches": 4, "run": 4, "chosen": 4, "checkpoints": 3,
    "groups": 5, "probes": 5, "precision": 4, "snapshot": 5, "scoring": 5, "exporting": 5,
    "watch": 5, "plain_head": 5, "answered": 5, "explaining": 5,
    "finetuning": 6, "linear": 6, "wide_deep": 6, "train": 6, "pretraining": 6, "report": 6,
    "comparing": 7, "serve": 7,
    "api": 8, "studies": 8, "cli": 9, "__main__": 10,
}  # fmt: skip
# On one floor only these arrows run.
SAME_FLOOR = {
    ("data", "text"), ("text", "plugins"), ("vectors", "text"), ("vectors", "vector_files"), ("vectors", "subwords"),
    ("vector_files", "vector_text"), ("vector_files", "vector_binary"), ("vector_files", "vector_fasttext"),
    ("vector_files", "subwords"), ("vector_binary", "vector_text"), ("vector_fasttext", "subwords"),
    ("vectors", "neighbours"), ("intrinsic", "neighbours"), ("files", "processes"),
    ("intrinsic", "vectors"), ("intrinsic", "data"), ("intrinsic", "text"), ("intrinsic", "correlation"),
    ("encoders", "config"), ("config", "plugins"),
    ("model", "batches"), ("model", "precision"), ("files", "errors"), ("plugins", "errors"), ("records", "errors"),
    ("pretraining", "train"), ("finetuning", "train"), ("studies", "api"), ("linear", "train"),
    ("wide_deep", "train"), ("wide_deep", "finetuning"), ("wide_deep", "linear"),
}  # fmt: skip


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        parts = ("yeonma", *path.relative_to(SOURCE).with_suffix("").parts)
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path) -> set[str]:
    """Every yeonma module a file imports, at the top or inside a function; type-checking blocks are left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("yeonma")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("yeonma"):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in modules() else str(node.module) for name in names}
    return found


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


@pytest.mark.parametrize("module", sorted(modules()))
def test_no_import_runs_up_a_floor(module):
    here = room(module)
    if not here:
        return
    for other in map(room, imports(modules()[module])):
        if other in ("", here):
            continue
        same = FLOORS[here] == FLOORS[other] and (here, other) in SAME_FLOOR
        assert FLOORS[other] < FLOORS[here] or same, (
            f"{module} (floor {FLOORS[here]}) imports {other} ({FLOORS[other]})"
        )


def test_tasks_and_encoders_never_see_each_other():
    for module, path in modules().items():
        other = {"tasks": "encoders", "encoders": "tasks"}.get(room(module))
        assert other not in {room(name) for name in imports(path)}, module


def test_report_and_serve_never_import_train():
    for module, path in modules().items():
        if room(module) in ("report", "serve"):
            assert "train" not in {room(name) for name in imports(path)}, module


def test_there_are_no_circles():
    arrows = {module: imports(path) - {module} for module, path in modules().items()}
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join((*trail, module))
        if module in done or module not in arrows:
            return
        for other in arrows[module]:
            if not module.startswith(f"{other}."):  # a package's own __init__ hands names on
                visit(other, (*trail, module))
        done.add(module)

    for module in arrows:
        visit(module, ())


@pytest.mark.parametrize(
    "command",
    [["--help"], ["finetune", "--help"], ["compare", "--help"], ["data", "--help"], ["optim", "--help"], ["--version"]],
)
def test_help_is_light(command):
    heavy = (
        "torch",
        "transformers",
        "numba",
        "polars",
        "pyarrow",
        "sklearn",
        "matplotlib",
        "numpy",
        "mecab",
    )
    code = (
        "import json, sys\nfrom yeonma.cli import app\n"
        f"try:\n    app({command!r})\nexcept SystemExit:\n    pass\n"
        f"print(json.dumps([name for name in {heavy!r} if name in sys.modules]))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(shown.splitlines()[-1]) == []


@pytest.mark.parametrize(
    "package", ["yeonma", *(f"yeonma.{m.name}" for m in pkgutil.iter_modules([str(SOURCE)]) if m.ispkg)]
)
def test_all_is_exact(package):
    module = importlib.import_module(package)
    listed = getattr(module, "__all__", None)
    if listed is None:
        return
    assert len(listed) == len(set(listed)), "each name once"
    for name in listed:
        assert hasattr(module, name), name
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    public = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("yeonma")
        for alias in node.names
    }
    assert {name for name in public if not name.startswith("_")} <= set(listed)


@pytest.mark.parametrize("module", sorted(modules()))
def test_line_one_says_what_stands_there(module):
    first = modules()[module].read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith('"""'), module
    assert len(first) > 20, module
