"""yeonma data: the named data sets and the data doctor."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Named data sets, and the data doctor.", no_args_is_help=True, rich_markup_mode=None)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the data sets yeonma knows by name."""
    from yeonma import data
    from yeonma.cli.screen import print_json

    entries = data.catalog().values()
    if as_json:
        print_json({"data": [entry.to_dict() for entry in entries]})
        return
    for entry in entries:
        typer.echo(f"{entry.name:<16} {entry.task:<8} {entry.metric:<10} {entry.description}")


@app.command()
def show(name: Annotated[str, typer.Argument(metavar="NAME")], as_json: AsJson = False) -> None:
    """Show what is known of one data set: columns, labels, metric, licence, caveats, where it lies."""
    from yeonma import data
    from yeonma.cli.screen import print_json

    entry = data.entry(name)
    if as_json:
        print_json(entry.to_dict())
        return
    typer.echo(entry.to_text())


@app.command()
def fetch(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Download a data set into the cache; the first download's hash is kept, and a later one must equal it."""
    from yeonma import data
    from yeonma.cli.screen import bars

    with bars() as progress:
        fetched = data.fetch(name, progress)
    for split, path in fetched.items():
        typer.echo(f"{split:<8} {path}")
    for note in fetched.notes:
        typer.echo(note, err=True)


@app.command()
def check(
    files: Annotated[
        list[str], typer.Argument(metavar="NAME|FILE...", help="A data set's name, or files: train [valid [test]].")
    ],
    task: Annotated[str, typer.Option(help="single | pair | choice | qa | tagging")] = "single",
    text: Annotated[str | None, typer.Option(help="The text column.", metavar="NAME")] = None,
    label: Annotated[str | None, typer.Option(help="The label column.", metavar="NAME")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Any other role's column. May be repeated.", metavar="ROLE=NAME")
    ] = None,
    scale: Annotated[
        tuple[float, float] | None, typer.Option(help="The label is a number from the first to the second.")
    ] = None,
    first: Annotated[int | None, typer.Option(help="choice: how labels number the first ending, 0 or 1.")] = None,
    join: Annotated[str | None, typer.Option(help="tagging: what stands between tokens.")] = None,
    tokenizer: Annotated[str, typer.Option(help="What counts tokens for the truncation share.")] = "whitespace",
    max_length: Annotated[int, typer.Option(help="Tokens a model would read.")] = 128,
    as_json: AsJson = False,
) -> None:
    """Look for what is wrong with data before training on it. Exit code 2 when there are errors."""
    from yeonma import data
    from yeonma.cli.screen import bars, print_json
    from yeonma.errors import ConfigError
    from yeonma.text import make_tokenizer

    reader = make_tokenizer(tokenizer)
    columns = {role: name for role, name in (("text", text), ("label", label)) if name}
    for assignment in column or []:
        role, equals, name = assignment.partition("=")
        if not equals:
            raise ConfigError(f"--column takes ROLE=NAME, for example --column text1=premise. It got {assignment!r}.")
        columns[role] = name
    with bars() as progress:
        checkup = data.check(
            files,
            task=task,
            columns=columns,
            scale=scale,
            first=first,
            join=join,
            max_length=max_length,
            lengths=lambda t: len(reader.pieces(t)),
            progress=progress,
        )
    if as_json:
        print_json(checkup.to_dict())
    else:
        typer.echo(checkup.to_text())
    if checkup.errors:
        raise typer.Exit(2)
