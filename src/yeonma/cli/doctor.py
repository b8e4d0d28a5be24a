"""yeonma doctor: what this installation has, and whether it works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False) -> None:
    """Show versions, processor, folders, and check each part on a small piece of work. Exit code 2 when one fails."""
    from yeonma.cli.screen import print_json
    from yeonma.environment import environment

    facts = {**environment(), **_places()}
    results = {name: _tried(check) for name, check in CHECKS.items()}
    bad = [name for name, result in results.items() if result.startswith("FAILED")]
    if as_json:
        print_json({"environment": facts, "checks": results, "ok": not bad})
    else:
        for name, value in {
            **{k: v for k, v in facts.items() if k not in ("packages", "command")},
            **facts["packages"],
        }.items():
            typer.echo(f"{name:<20} {value}")
        typer.echo("")
        for name, result in results.items():
            typer.echo(f"{name:<20} {result}")
    if bad:
        raise typer.Exit(2)


def _places() -> dict[str, str]:
    import os

    import torch

    from yeonma.files import cache_folder

    return {
        "cache": str(cache_folder()),
        "YEONMA_DATA": os.environ.get("YEONMA_DATA", "(not set)"),
        "torch threads": str(torch.get_num_threads()),
        "CUDA": "yes" if torch.cuda.is_available() else "no",
    }


def _tried(check: Callable[[], str]) -> str:
    from yeonma.errors import MissingExtra

    try:
        return f"ok: {check()}"
    except MissingExtra as error:
        return f"not installed: {error}"
    except Exception as error:  # a doctor reports whatever is wrong
        return f"FAILED: {type(error).__name__}: {error}"


def _mecab() -> str:
    from yeonma.text import make_tokenizer

    return " ".join(piece.form for piece in make_tokenizer("mecab").pieces("연마한 칼이 잘 든다"))


def _kiwi() -> str:
    from yeonma.text import make_tokenizer

    return " ".join(piece.form for piece in make_tokenizer("kiwi").pieces("연마한 칼이 잘 든다"))


def _kernels() -> str:
    import torch

    from yeonma import optim

    weight = torch.nn.Parameter(torch.ones(4))
    weight.grad = torch.ones(4)
    optim.make("adam", [weight], lr=0.1).step()
    assert abs(float(weight.detach()[0]) - 0.9) < 1e-5, weight
    return "one Adam step from 1 with gradient 1 and rate 0.1 ends at 0.9"


def _sample() -> str:
    from yeonma import data

    return ", ".join(f"{split} {len(rows)}" for split, rows in data.load("sample-single").splits.items())


CHECKS: dict[str, Callable[[], str]] = {
    "mecab": _mecab,
    "kiwi": _kiwi,
    "optimizer kernels": _kernels,
    "bundled sample": _sample,
}
