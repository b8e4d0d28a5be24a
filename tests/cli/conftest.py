"""The command line run in process, in a folder of its own, with tiny data and a finished run beside it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from builders import examples
from yeonma import api, data
from yeonma.cli import main
from yeonma.records import Example

SMALL = {
    "encoder": {"kind": "bag", "tokenizer": "whitespace", "dim": 8, "min_count": 1},
    "train": {"batch_size": 8, "epochs": 8, "learning_rate": 0.05},
}
"""Settings with which the made data are learnt in a second."""


class Result(NamedTuple):
    """What a command left: its exit code, and the texts on stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object that stdout must hold, and nothing else."""
        lines = self.out.splitlines()
        assert len(lines) == 1, self.out
        value = json.loads(lines[0], parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        assert isinstance(value, dict)
        return value


Command = Callable[..., Result]


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train, valid and test in three formats, a config, and `run`, trained on them."""
    folder = tmp_path_factory.mktemp("forge")
    for seed, (split, count) in enumerate({"train": 120, "valid": 40, "test": 40}.items(), start=1):
        write_rows(folder, split, examples(count, seed))
    tree = {**SMALL, "data": {split: f"{split}.tsv" for split in ("train", "valid", "test")}}
    with contextlib.chdir(folder):
        api.finetune(tree, output="run")
    return folder


def write_rows(folder: Path, name: str, rows: list[Example]) -> None:
    """Write examples as .tsv, .csv and .jsonl."""
    table = [{"text": example.texts[0], "label": example.gold} for example in rows]
    for suffix, dialect in ((".tsv", csv.excel_tab), (".csv", csv.excel)):
        with (folder / f"{name}{suffix}").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, ("text", "label"), dialect=dialect, lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
    (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")


@pytest.fixture
def place(forge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a test: a copy of the data files and of `run`."""
    folder = tmp_path / "place"
    shutil.copytree(forge, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def yeonma(place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """`yeonma(*argv, stdin=b"")`: run a command as the shell would; whatever it raises but its exit fails the test."""

    def run(*argv: str | Path, stdin: bytes | str = b"") -> Result:
        given = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "argv", ["yeonma", *map(str, argv)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given), encoding="utf-8"))
        capfd.readouterr()
        try:
            main()
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
        out, err = capfd.readouterr()
        return Result(code, out, err)

    return run


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The bundled corpus."""
    return Path(data.__file__).parent / "sample" / "corpus.txt"
