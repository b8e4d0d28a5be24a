"""Checkpoints of a run, whole or not there: what training goes on from, and the weights of the best evaluation."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from yeonma.errors import RunError
from yeonma.files import broken_files, read_json, staged_folder


class Checkpoints:
    """The folders step-N, from which training goes on, and best-N, with the weights of the best evaluation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, step: int, tensors: Mapping[str, Mapping[str, Any]], state: Mapping[str, Any], keep: int) -> Path:
        """Write step-N, one safetensors file per entry of `tensors` and state.json; drop the oldest."""
        from safetensors.torch import save_file

        folder = self.folder / f"step-{step:06d}"
        with staged_folder(folder) as stage:
            for name, values in tensors.items():
                save_file({key: value.contiguous() for key, value in values.items()}, stage / f"{name}.safetensors")
            (stage / "state.json").write_text(json.dumps(state), encoding="utf-8")
        kept = self.folders()[-keep:]
        best = {f"best-{read_json(each / 'state.json').get('best_step', 0):06d}" for each in kept}
        for old in self.folder.iterdir():
            if old not in kept and old.name not in best and not old.name.startswith("."):
                shutil.rmtree(old, ignore_errors=True)
        return folder

    def folders(self) -> list[Path]:
        """The folders step-N, oldest first, whole or not."""
        return sorted(self.folder.glob("step-*"), key=_step)

    def newest(self) -> tuple[Path | None, list[str]]:
        """The newest one that verifies, and what was wrong with newer ones."""
        notes: list[str] = []
        for folder in reversed(self.folders()):
            problems = broken_files(folder)
            if not problems:
                return folder, notes
            notes.append(f"{folder.name} is not whole ({'; '.join(problems)}) and was passed over")
        return None, notes

    def drop_after(self, step: int) -> None:
        """Remove those that a resumed run passed over: it will write them again."""
        for folder in self.folders():
            if _step(folder) > step:
                shutil.rmtree(folder, ignore_errors=True)

    def save_best(self, step: int, weights: Mapping[str, Any]) -> None:
        """Keep the weights of the best evaluation so far; older ones go when no checkpoint needs them any more."""
        from safetensors.torch import save_file

        with staged_folder(self.folder / f"best-{step:06d}") as stage:
            save_file({key: value.contiguous() for key, value in weights.items()}, stage / "model.safetensors")

    def best(self, step: int) -> Path:
        """The file of the best weights.

        Raises: RunError when it is missing or broken.
        """
        folder = self.folder / f"best-{step:06d}"
        problems = broken_files(folder)
        if problems:
            raise RunError(f"{folder}: {'; '.join(problems)}. The run must be started again.")
        return folder / "model.safetensors"


def _step(folder: Path) -> int:
    return int(folder.name.removeprefix("step-"))
