"""A model: an encoder under a task's head; it predicts, and is saved and loaded whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from yeonma import __version__, batches, plugins
from yeonma.config import Config
from yeonma.encoders import Encoder, Start
from yeonma.errors import RunError
from yeonma.files import read_json, staged_folder
from yeonma.precision import autocast, fast_float32
from yeonma.records import Batch, Dataset, Example, Prediction, Progress, silent
from yeonma.tasks import Task

FORBIDDEN = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".joblib")


class Model(nn.Module):
    """Encoder + head. `max_length` and `stride`, in tokens, are those it was trained with (`batches.prepare`).

    precision  in which numbers a heavy encoder predicts, as it was trained: "auto", "fp32" or "bf16"
    """

    def __init__(
        self,
        encoder: Encoder,
        task: Task,
        *,
        max_length: int = 128,
        stride: int | None = None,
        precision: str = "auto",
    ) -> None:
        super().__init__()
        self.encoder, self.task, self.max_length, self.stride = encoder, task, max_length, stride
        self.precision = precision
        self.head = task.head(encoder.width)

    def forward(self, batch: Batch) -> Any:
        """The head's scores of a batch, as the task reads them."""
        return self.head(self.encoder(batch))

    def prepare(self, examples: Sequence[Example], progress: Progress = silent, cache: bool = True) -> batches.Prepared:
        """Tokenize examples as the model reads them."""
        return batches.prepare(self.encoder, self.task, examples, self.max_length, self.stride, progress, cache)

    @torch.inference_mode()
    def predictions(
        self, prepared: batches.Prepared, examples: Sequence[Example], progress: Progress = silent
    ) -> list[Prediction]:
        """A prediction for every prepared example, in their order whatever the batches were."""
        found = self.read(prepared, progress)
        bounds = zip(examples, prepared.starts.tolist(), prepared.starts[1:].tolist(), strict=False)
        return [self.task.answer(e, prepared.windows[start:end], found[start:end]) for e, start, end in bounds]

    @torch.inference_mode()
    def read(self, prepared: batches.Prepared, progress: Progress = silent) -> list[Any]:
        """What the head says of every row, in their order whatever the batches were."""
        found: list[Any] = [None] * len(prepared.windows)
        for done, (row, read) in enumerate(self._read(prepared), start=1):
            found[row] = read
            if done % 256 == 0 or done == len(found):
                progress("predicting", done, len(found), "texts")
        return found

    def _read(self, prepared: batches.Prepared) -> Iterator[tuple[int, Any]]:
        was_training = self.training
        self.eval()
        try:
            with fast_float32(), autocast(self.precision if self.encoder.heavy else "fp32"):
                for rows in batches.in_order(prepared.lengths, self.encoder.batch_tokens):
                    batch = batches.collate(self.encoder, prepared, rows)
                    yield from zip(rows.tolist(), self.task.read(self(batch), batch), strict=True)
        finally:
            self.train(was_training)

    def predict(self, texts: Sequence[str | tuple[str, ...]], progress: Progress = silent) -> list[Prediction]:
        """Answers for plain texts (or tuples of texts), in their order.

        A tuple holds what an example of the task holds: two texts of a pair, a question and its context, a premise and
        its endings.
        Raises: TypeError when one string is given instead of a list of them; ConfigError for texts that do not fit.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts: predict([text])")
        examples = [Example(str(i), (t,) if isinstance(t, str) else tuple(t)) for i, t in enumerate(texts)]
        for example in examples:
            self.task.must_fit(example.texts)
        return self.predictions(self.prepare(examples, cache=False), examples, progress)

    def save_pretrained(self, folder: str | Path, card: str = "") -> None:
        """Write config.json, model.safetensors, labels.json, the tokenizer's files, words.txt and README.md.

        Raises: DiskError.
        """
        with staged_folder(Path(folder)) as stage:
            self.encoder.save_assets(stage)
            weights = {self.encoder.public_name(name): t.contiguous() for name, t in self.state_dict().items()}
            save_file(weights, stage / "model.safetensors", metadata={"format": "pt"})
            (stage / "config.json").write_text(
                json.dumps(self.description(), indent=2, ensure_ascii=False), encoding="utf-8"
            )
            (stage / "labels.json").write_text(json.dumps(self.task.labels, ensure_ascii=False), encoding="utf-8")
            (stage / "README.md").write_text(card or _card(self), encoding="utf-8")

    def description(self) -> dict[str, Any]:
        """What config.json holds: under "yeonma" what is ours, beside it what others look for."""
        own = {
            "version": __version__,
            "task": self.task.kind,
            "task_settings": self.task.settings(),
            "encoder": {"kind": self.encoder.kind, **self.encoder.settings.model_dump()},
            "max_length": self.max_length,
            "stride": self.stride,
            "precision": self.precision,
        }
        return {**self.encoder.public_config(), "yeonma": own}

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Load a model folder.

        Raises: RunError when it is missing, of another kind, or when a weight is missing, left over or misshapen.
        """
        folder = Path(folder)
        if folder.suffix in FORBIDDEN:
            raise RunError(
                f"{folder} is a pickle, which can run code when it is read. Give a folder with model.safetensors."
            )
        try:
            own = read_json(folder / "config.json")["yeonma"]
            encoder_class = plugins.load("encoder", own["encoder"].pop("kind"))
            encoder = encoder_class.load_assets(encoder_class.Settings(**own["encoder"]), folder)
            task = plugins.load("task", own["task"])(read_json(folder / "labels.json"), **own["task_settings"])
            read = {name: own[name] for name in ("max_length", "stride", "precision")}
            model = cls(encoder, task, **read)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RunError(f"{folder / 'config.json'} does not describe a yeonma model: {error!r}.") from error
        load_weights(model, folder / "model.safetensors", encoder.public_name)
        return model.eval()


def load_weights(model: nn.Module, path: Path, name_of: Callable[[str], str] = str) -> None:
    """Load a state dict, every tensor of it and nothing else; `name_of` gives a weight's name in the file.

    Raises: RunError naming the tensors that are missing, left over or misshapen.
    """
    own = {name_of(name): name for name in model.state_dict()}
    try:
        state = {own.get(name, name): tensor for name, tensor in load_file(path).items()}
        problem = model.load_state_dict(state, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise RunError(f"{path} cannot be loaded: {str(error).splitlines()[-1].strip()}") from error
    if problem.missing_keys or problem.unexpected_keys:
        raise RunError(
            f"{path} does not fit the model: missing {problem.missing_keys}, left over {problem.unexpected_keys}."
        )


def start_of(config: Config) -> Start:
    """What the config says of where the encoder starts."""
    return Start(config.encoder.vectors, config.encoder.tokenizer, config.encoder.path)


def build(config: Config, dataset: Dataset, progress: Progress = silent) -> Model:
    """A fresh model for training; random numbers come from torch's global generator."""
    train = dataset.splits["train"]
    numbers = {"scale": dataset.scale, "threshold": dataset.threshold}
    task: Task = plugins.load("task", config.task)(dataset.labels, **numbers, **config.head.model_dump())
    encoder_class = plugins.load("encoder", config.encoder.kind)
    settings = encoder_class.Settings(**(config.encoder.model_extra or {}))
    texts = [text for example in train for text in example.texts]
    encoder = encoder_class.prepare(settings, texts, start_of(config), task.parts, progress)
    read: dict[str, Any] = {"max_length": config.data.max_length, "stride": config.data.stride}
    model = Model(encoder, task, precision=config.train.precision, **read)
    if config.train.class_weights == "balanced":
        task.weigh(train)
    return model


def _card(model: Model) -> str:
    labels = ", ".join(model.task.labels)
    return (
        f"---\nlibrary_name: yeonma\ntags: [yeonma, {model.task.kind}]\n---\n\n"
        f"# {model.encoder.kind} for {model.task.kind}\n\n"
        f"Labels: {labels}\n\n```python\nimport yeonma\n\n"
        'model = yeonma.load("this folder")\nmodel.predict(["…"])\n```\n'
    )
