"""yeonma optim: the update rules as a list, one by one, and in pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="The update rules: formulas, costs, family, pictures.", no_args_is_help=True, rich_markup_mode=None
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
InForm = Annotated[str, typer.Option("--form", help="deck | torch")]


@app.command("list")
def list_(form: InForm = "deck", as_json: AsJson = False) -> None:
    """List the rules: formula, numbers kept for each weight, bytes that a step reads and writes for each weight."""
    from yeonma.cli.screen import print_json
    from yeonma.optim.facts import all_facts

    known = all_facts(form)
    if as_json:
        print_json({"form": form, "optimizers": known})
        return
    typer.echo(f"{'name':<10} {'kept':>4} {'bytes':>5}  formula")
    for rule in known:
        first, *others = rule["formula"].splitlines()
        typer.echo(f"{rule['name']:<10} {rule['numbers_per_weight']:>4} {rule['bytes_per_step']:>5}  {first}")
        for line in others:
            typer.echo(f"{'':<22} {line}")


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="NAME")], form: InForm = "deck", as_json: AsJson = False) -> None:
    """Show one rule: formula, settings with defaults and other names, state, cost, family, papers."""
    from yeonma.cli.screen import print_json
    from yeonma.optim.facts import facts
    from yeonma.optim.rules import get

    known = facts(get(name), form)
    if as_json:
        print_json(known)
        return
    typer.echo("\n".join(_described(known)))


def _described(known: Mapping[str, Any]) -> Iterator[str]:
    """The lines that `show` prints."""
    yield f"{known['title']} ({known['paper']}), form {known['form']!r}"
    yield ""
    yield from (f"  {line}" for line in known["formula"].splitlines())
    yield ""
    yield from _wrapped("source", known["source"])
    for number, setting in enumerate(known["settings"]):
        also = f"also {', '.join(setting['aliases'])}" if setting["aliases"] else ""
        line = f"{'' if number else 'settings':<10} {setting['name']:<14} {setting['default']:<10g} {also}"
        yield line.rstrip()
    kept = [*known["state"]["per_weight"], *(f"{slot} (one for a tensor)" for slot in known["state"]["per_tensor"])]
    yield f"{'state':<10} {', '.join(kept) or 'none'}"
    yield (
        f"{'cost':<10} numbers kept for each weight: {known['numbers_per_weight']}; a step reads and writes "
        f"{known['bytes_per_step']} bytes for each (float32)"
    )
    for parent, adds in known["parents"].items():
        yield from _wrapped("from", f"{parent}: {adds}")
    for child, adds in known["children"].items():
        yield from _wrapped("to", f"{child}: {adds}")


def _wrapped(head: str, text: str) -> Iterator[str]:
    """Text beside its heading, 100 columns wide."""
    import textwrap

    lines = textwrap.wrap(text, 89)
    yield from (f"{head if number == 0 else '':<10} {line}" for number, line in enumerate(lines))


@app.command()
def plot(
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder of the pictures.", metavar="DIR")] = Path(
        "optimizers"
    ),
    as_json: AsJson = False,
) -> None:
    """Draw how the rules move: family, paths on five surfaces, and a page with an animation that needs no network."""
    from yeonma.cli.screen import bars, print_json
    from yeonma.pictures import write_pictures

    with bars() as progress:
        written = write_pictures(output, progress)
    if as_json:
        print_json({"written": [str(path) for path in written]})
        return
    for path in written:
        typer.echo(path)
