"""The run folder: what fine-tuning writes and everything else reads. Only `Run` and `Checkpoints` know its files."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yeonma import config
from yeonma.checkpoints import Checkpoints
from yeonma.environment import environment
from yeonma.errors import RunError, RunInUse
from yeonma.files import disk_errors, read_json, share, staged_file, tidy, write_json, write_text
from yeonma.records import Dataset, Evaluated, Event, Finished, Rejected, Saved, Stepped

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

ANSWERS = {
    "id", "texts", "gold", "predicted", "right", "error", "probability", "tokens", "unknown", "gold_spans",
    "predicted_spans", "data",
}  # fmt: skip
"""The columns of predictions.parquet: see `answered.table`."""
KINDS: dict[str, type] = {"stepped": Stepped, "evaluated": Evaluated, "saved": Saved, "finished": Finished}


class Run:
    """A run folder: config, environment, status, events, checkpoints/, model/, embeddings/, probes/, eval/, report/."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.checkpoints = Checkpoints(self.folder / "checkpoints")
        self._lock: Any = None

    # -- opening ---------------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, folder: str | Path, settings: config.Config) -> Run:
        """Start a run in a new or empty folder, locked against a second writer.

        Raises: RunError when the folder holds something, or another process works in it.
        """
        run = cls(folder)
        run.must_be_free()
        run.lock()
        config.write(settings, run.folder / "config.toml")
        write_json(run.folder / "env.json", environment())
        return run

    def must_be_free(self) -> None:
        """Raise a RunError where the folder holds a run or anything else."""
        if (self.folder / "config.toml").exists():
            raise RunError(
                f"{self.folder} already holds a run. Continue it with --resume, or choose another folder with -o."
            )
        if self.folder.exists() and (
            not self.folder.is_dir() or any(not path.name.startswith(".") for path in self.folder.iterdir())
        ):
            raise RunError(f"{self.folder} exists and is not an empty folder. Choose another one with -o.")

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """A run to read, or to continue after `lock()`.

        Raises: RunError when there is none.
        """
        run = cls(folder)
        if not (run.folder / "config.toml").is_file():
            raise RunError(
                f"{folder} is not a run folder: it has no config.toml. `yeonma finetune -o {folder}` makes one."
            )
        return run

    def lock(self) -> None:
        """Make this process the only writer until it ends.

        Raises: RunInUse naming the process that works here.
        """
        from filelock import FileLock, Timeout

        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = FileLock(self.folder / ".lock")
            try:
                self._lock.acquire(timeout=0)
            except Timeout as error:
                owner = self.status().get("pid", "unknown")
                raise RunInUse(
                    f"{self.folder} is in use by process {owner}. Wait for it, or choose another folder."
                ) from error
        tidy(self.folder)

    def has_trained(self) -> bool:
        """Whether a step was logged, a checkpoint or a model written."""
        return bool(self.checkpoints.folders()) or self.model_folder.exists() or (self.folder / "events.jsonl").exists()

    def discard(self) -> None:
        """Remove the folder again: nothing was trained in it."""
        self.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def release(self) -> None:
        """Let another process write here."""
        if self._lock is not None:
            self._lock.release()

    def config(self) -> config.Config:
        """The resolved settings."""
        return config.resolve(config.read_toml(self.folder / "config.toml"))

    # -- status and events -----------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What status.json says; empty before the first one."""
        return self.read("status.json")

    def set_status(self, state: str, **more: Any) -> None:
        """Write status.json: state is running, done, interrupted or failed."""
        write_json(self.folder / "status.json", {"state": state, "pid": os.getpid(), "heartbeat": time.time(), **more})

    def note(self, text: str) -> None:
        """Append a line for people, with the time, to train.log."""
        with disk_errors(self.folder), (self.folder / "train.log").open("a", encoding="utf-8") as stream:
            stream.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {text}\n")

    def log(self, event: Event) -> None:
        """Append one event; a reader tolerates a cut last line."""
        line = json.dumps({"kind": type(event).__name__.lower(), **asdict(event)}, ensure_ascii=False)
        with disk_errors(self.folder), (self.folder / "events.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def events(self) -> Iterator[Event]:
        """The events so far, in order."""
        path = self.folder / "events.jsonl"
        lines = path.read_bytes().splitlines() if path.exists() else []
        for number, line in enumerate(lines, start=1):
            try:
                values = json.loads(line)
            except ValueError:
                return
            try:
                yield KINDS[values.pop("kind")](**values)
            except (KeyError, TypeError, AttributeError) as error:
                raise RunError(f"{path}:{number}: is not an event that this version knows: {error!r}.") from error

    def forget_after(self, step: int) -> None:
        """Drop the events of steps that a resumed run will take again."""
        kept = [e for e in self.events() if e.step <= step and not isinstance(e, Finished)]
        lines = [json.dumps({"kind": type(e).__name__.lower(), **asdict(e)}, ensure_ascii=False) for e in kept]
        write_text(self.folder / "events.jsonl", "".join(line + "\n" for line in lines))

    # -- results ---------------------------------------------------------------------------------------------------

    @property
    def model_folder(self) -> Path:
        """Where the finished model stands."""
        return self.folder / "model"

    def save_embeddings(self, when: str, table: Any, words: Sequence[str]) -> None:
        """Write embeddings/{before,after}.safetensors and words.txt, a word a line: a break inside of one becomes ⏎."""
        from safetensors.torch import save_file

        with staged_file(self.folder / "embeddings" / f"{when}.safetensors") as stage:
            save_file({"embeddings": table.detach().cpu().contiguous()}, stage)
        write_text(self.folder / "embeddings" / "words.txt", "\n".join(word.replace("\n", "⏎") for word in words))

    def save_probe(self, step: int, tensors: Mapping[str, Any]) -> None:
        """Write probes/step-N.safetensors; not flushed to the disk: a lost one costs a point of a picture."""
        from safetensors.torch import save_file

        probes = self.folder / "probes"
        path = probes / f"step-{step:06d}.safetensors"
        with disk_errors(self.folder):
            probes.mkdir(exist_ok=True)
            save_file(dict(tensors), path)
            share(path, probes.stat().st_mode & 0o666)

    def keep_norms(self) -> None:
        """Leave the norms by layer in the probes, which are small, and no more; a probe that a power cut cut goes."""
        from safetensors.numpy import save_file

        for path in self._probes().values():
            try:
                found = tensors(path)
            except RunError:
                path.unlink(missing_ok=True)
                continue
            kept = {name: one for name, one in found.items() if name.partition(".")[0] in ("grad_norm", "update_norm")}
            with staged_file(path) as stage:
                save_file(kept, stage)

    def save_data(self, dataset: Dataset) -> None:
        """Write data.json: where each split came from, how many examples, which labels, how many rows were left out."""
        counts = {split: len(examples) for split, examples in dataset.splits.items()}
        description = {"name": dataset.name, "labels": list(dataset.labels), "examples": counts}
        write_json(
            self.folder / "data.json",
            {
                **description,
                "rejected": len(dataset.rejected),
                "sources": dict(dataset.sources),
                "metric": dataset.metric,
            },
        )

    def save_encoder_facts(self, facts: Mapping[str, Any]) -> None:
        """Write coverage.json: which words of the data the table knows, and how many texts are cut."""
        write_json(self.folder / "coverage.json", dict(facts))

    def save_groups(self, groups: Sequence[Mapping[str, Any]]) -> None:
        """Write groups.json: which weights were trained, at which rate and from which epoch on."""
        write_json(self.folder / "groups.json", {"groups": [dict(group) for group in groups]})

    def read(self, name: str) -> dict[str, Any]:
        """One of the run's JSON files; empty where it is not written yet."""
        path = self.folder / name
        found = read_json(path) if path.exists() else {}
        if not isinstance(found, dict):
            raise RunError(f"{path} must hold a JSON object; it holds {found!r}. Restore it or train again.")
        return found

    def save_rejected(self, rows: Iterable[Rejected]) -> None:
        """Write rejected.jsonl where rows were left out."""
        lines = [json.dumps(asdict(row), ensure_ascii=False, default=str) for row in rows]
        if lines:
            write_text(self.folder / "rejected.jsonl", "\n".join(lines) + "\n")

    def save_scores(self, data: str, split: str, scores: Mapping[str, Any]) -> None:
        """Add the scores of one split to eval/scores.json."""
        write_json(self.folder / "eval" / "scores.json", {**self.scores(), f"{data}:{split}": dict(scores)})

    def scores(self) -> dict[str, Any]:
        """All scores so far, by "data:split"."""
        return self.read("eval/scores.json")

    def save_curve(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Write curve.json: what was seen and spent up to each evaluation, and its score. Comparing writes it."""
        write_json(self.folder / "curve.json", {"evaluations": [dict(point) for point in points]})

    def curve(self) -> list[dict[str, Any]]:
        """The evaluations of curve.json so far."""
        return list(self.read("curve.json").get("evaluations", []))

    def save_result(self, result: Mapping[str, Any]) -> None:
        """Write result.json: a run of a comparison has ended, well or not, and is never made again."""
        write_json(self.folder / "result.json", dict(result))

    def save_answers(self, ids: Sequence[str], answers: Sequence[str], added: np.ndarray) -> None:
        """Write eval/answers.parquet: for each test example the answer, and what it adds to the sums of the score."""
        import polars as pl

        rows = pl.DataFrame({"id": ids, "answer": answers, "added": added})
        with staged_file(self.folder / "eval" / "answers.parquet") as stage:
            rows.write_parquet(stage)

    def drop(self, *names: str) -> None:
        """Remove folders of a finished run that nobody will read."""
        for name in names:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def save_predictions(self, rows: pl.DataFrame) -> None:
        """Write eval/predictions.parquet (see `answered.table`), and of the wrong ones eval/errors.csv.

        There the most confident come first, and the texts of an example stand in one column.
        """
        import polars as pl

        with staged_file(self.folder / "eval" / "predictions.parquet") as stage:
            rows.write_parquet(stage)
        wrong = rows.filter(~pl.col("right")).sort("probability", descending=True, maintain_order=True)
        columns = ("id", pl.col("texts").list.join(" ⏎ ").alias("text"), "gold", "predicted", "probability")
        with staged_file(self.folder / "eval" / "errors.csv") as stage:
            wrong.select(*columns).write_csv(stage)

    def predictions(self) -> pl.DataFrame | None:
        """The answers of the last evaluation; None where there is none.

        Raises: RunError for a broken file, or one of an older version.
        """
        import polars as pl

        path = self.folder / "eval" / "predictions.parquet"
        if not path.exists():
            return None
        try:
            rows = pl.read_parquet(path)
        except pl.exceptions.PolarsError as error:
            raise RunError(f"{path} cannot be read: {error}. Evaluate the run again.") from error
        if missing := ANSWERS - {*rows.columns}:
            raise RunError(f"{path} has no column {', '.join(sorted(missing))}. Evaluate the run again.")
        return rows

    def embeddings(self, when: str) -> np.ndarray | None:
        """The word table (V, width) "before" or "after" training, float32; None where it was not kept.

        Raises: RunError for a broken file.
        """
        path = self.folder / "embeddings" / f"{when}.safetensors"
        found = tensors(path) if path.exists() else {"embeddings": None}
        if "embeddings" not in found:
            raise RunError(f"{path} holds no word table. Train again.")
        return found["embeddings"]

    def words(self) -> list[str]:
        """The names of the table's rows; empty where it was not kept.

        Raises: RunError for a broken file.
        """
        path = self.folder / "embeddings" / "words.txt"
        try:
            return path.read_bytes().decode("utf-8").split("\n") if path.exists() else []
        except UnicodeDecodeError as error:
            raise RunError(f"{path} is not UTF-8: {error}. Train again.") from error

    def probes(self) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
        """What the loop recorded for the page, by step: see docs/architecture.md.

        Raises: RunError for a broken file.
        """
        for step, path in self._probes().items():
            yield step, tensors(path)

    def _probes(self) -> dict[int, Path]:
        """The files of probes by step."""
        files = (self.folder / "probes").glob("step-*.safetensors")
        return dict(sorted((int(path.stem[5:]), path) for path in files if path.stem[5:].isdecimal()))


def tensors(path: Path) -> dict[str, np.ndarray]:
    """A file of tensors.

    Raises: RunError for a broken one.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found: dict[str, np.ndarray] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read: {error}. Train again.") from error
    return found
