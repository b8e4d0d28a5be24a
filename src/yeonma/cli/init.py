"""yeonma init: a commented config, from three questions or from flags."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer


def init(
    task: Annotated[
        str | None, typer.Option(help="single | pair | choice | qa | tagging. Left out: the data set's own.")
    ] = None,
    data: Annotated[str | None, typer.Option(help="A data set of the catalog, or a file.", metavar="NAME|FILE")] = None,
    preset: Annotated[str | None, typer.Option(help="Settings to start from: ratsgo-6.3, ratsgo-6.3-fixed.")] = None,
    encoder: Annotated[
        str | None, typer.Option(help="bag | cnn | bilstm-attention | ngram | transformer | stack | wide-deep")
    ] = None,
    encoder_path: Annotated[
        str | None, typer.Option(help="A pretrained transformer: its folder, or hub:NAME.", metavar="DIR|hub:NAME")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", metavar="FILE")] = Path(
        "run.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Write over an existing file.")] = False,
) -> None:
    """Write a commented config. Without flags it asks three questions: task, data, encoder."""
    from yeonma import chosen, plugins
    from yeonma import config as configs
    from yeonma.errors import ConfigError
    from yeonma.files import write_text

    if output.exists() and not force:
        raise ConfigError(f"{output} exists. Choose another file with -o, or write over it with --force.")
    if not any((task, data, preset, encoder, encoder_path)) and sys.stdin.isatty():
        task = typer.prompt(f"Task ({', '.join(plugins.names('task'))})", default="single")
        data = typer.prompt("Data set name or file", default=f"sample-{task}")
        encoder = typer.prompt(f"Encoder ({', '.join(plugins.names('encoder'))})", default="bilstm-attention")
    data = data or (None if preset else f"sample-{task or 'single'}")
    config = chosen.settings(preset=preset, data=data, task=task, encoder=encoder, encoder_path=encoder_path)
    write_text(output, configs.to_commented_toml(config))
    typer.echo(f"Wrote {output}. Next: yeonma finetune {output} -o runs/first", err=True)
