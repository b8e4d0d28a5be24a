"""The command line: one file per command, words for people. Heavy imports stand inside the commands."""

from __future__ import annotations

import os
import sys

import typer

from yeonma import __version__
from yeonma.cli import compare, data, doctor, evaluate, export, finetune, init, optim, predict, pretrain, report
from yeonma.errors import YeonmaError

app = typer.Typer(
    name="yeonma",
    help="Hone a pretrained embedding for one job: pre-train, fine-tune, evaluate, use.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("init")(init.init)
app.add_typer(data.app, name="data")
app.command("pretrain")(pretrain.pretrain)
app.command("finetune")(finetune.finetune)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("compare")(compare.compare)
app.command("export")(export.export)
app.command("report")(report.report)
app.add_typer(optim.app, name="optim")
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"yeonma {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and exit."
    ),
) -> None:
    pass


def main() -> None:
    """Run a command. Exit codes: 0 done, 2 bad input, 3 diverged, 4 memory, 5 disk, 130 interrupted but saved.

    YEONMA_DEBUG=1 shows the traceback of an error.
    """
    debug = bool(os.environ.get("YEONMA_DEBUG"))
    try:
        app(prog_name="yeonma")
    except YeonmaError as error:
        if debug:
            raise
        _fail(str(error), error.exit_code)
    except MemoryError:
        _fail("Memory ran out. Lower train.batch_size, or give fewer rows.", 4)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or 'A file'}: {error.strerror}.", 5)


def _fail(message: str, code: int) -> None:
    typer.echo(f"error: {message}", err=True)
    sys.exit(code)
