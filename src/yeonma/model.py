"""A model: an encoder under a task's head; it predicts, and is saved and loaded whole."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from yeonma import __version__, batches, plugins
from yeonma.config import Config
from yeonma.encoders import Encoder
from yeonma.errors import RunError
from yeonma.files import read_json, staged_folder
from yeonma.records import Batch, Example, Prediction, Progress, silent
from yeonma.tasks import Task

FORBIDDEN = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".joblib")


class Model(nn.Module):
    """Encoder + head. `max_length` in tokens is the one it was trained with."""

    def __init__(
        self, encoder: Encoder, task: Task, *, hidden: int = 0, dropout: float = 0.1, max_length: int = 128
    ) -> None:
        super().__init__()
        self.encoder, self.task, self.max_length = encoder, task, max_length
        self.head = task.head(encoder.width, hidden, dropout)
        self.head_settings = {"hidden": hidden, "dropout": dropout}

    def forward(self, batch: Batch) -> Tensor:
        """The head's scores of a batch."""
        return self.head(self.encoder(batch))  # type: ignore[no-any-return]

    @torch.inference_mode()
    def predictions(
        self, prepared: batches.Prepared, ids: Sequence[str], progress: Progress = silent
    ) -> list[Prediction]:
        """A prediction for every prepared example, in their order whatever the batches were."""
        found: list[Prediction | None] = [None] * len(ids)
        for done, (item, answer) in enumerate(self._answers(prepared), start=1):
            found[item] = Prediction(ids[item], *answer)
            if done % 256 == 0 or done == len(ids):
                progress("predicting", done, len(ids), "examples")
        return [prediction for prediction in found if prediction is not None]

    def _answers(self, prepared: batches.Prepared) -> Iterator[tuple[int, tuple[Any, ...]]]:
        was_training = self.training
        self.eval()
        try:
            for chosen in batches.in_order(prepared.lengths):
                batch = batches.collate(self.encoder, prepared, chosen)
                yield from zip(batch.items.tolist(), self.task.decode(self(batch)), strict=True)
        finally:
            self.train(was_training)

    def predict(self, texts: Sequence[str | tuple[str, ...]], progress: Progress = silent) -> list[Prediction]:
        """Answers for plain texts (or tuples of texts), in their order.

        Raises: TypeError when one string is given instead of a list of them.
        """
        if isinstance(texts, str):
            raise TypeError("predict takes a list of texts: predict([text])")
        examples = [Example(str(i), (t,) if isinstance(t, str) else tuple(t)) for i, t in enumerate(texts)]
        prepared = batches.prepare(self.encoder, self.task, examples, self.max_length, cache=False)
        return self.predictions(prepared, [e.id for e in examples], progress)

    def save_pretrained(self, folder: str | Path, card: str = "") -> None:
        """Write config.json, model.safetensors, labels.json, the tokenizer's files, words.txt and README.md.

        Raises: DiskError.
        """
        with staged_folder(Path(folder)) as stage:
            self.encoder.save_assets(stage)
            save_file({name: t.contiguous() for name, t in self.state_dict().items()}, stage / "model.safetensors")
            (stage / "config.json").write_text(
                json.dumps(self.description(), indent=2, ensure_ascii=False), encoding="utf-8"
            )
            (stage / "labels.json").write_text(json.dumps(self.task.labels, ensure_ascii=False), encoding="utf-8")
            (stage / "README.md").write_text(card or _card(self), encoding="utf-8")

    def description(self) -> dict[str, Any]:
        """What config.json holds."""
        return {
            "yeonma_version": __version__,
            "task": self.task.kind,
            "encoder": {"kind": self.encoder.kind, **self.encoder.settings.model_dump()},
            "head": self.head_settings,
            "max_length": self.max_length,
        }

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
        description = read_json(folder / "config.json")
        try:
            encoder_class = plugins.load("encoder", description["encoder"].pop("kind"))
            encoder = encoder_class.load_assets(encoder_class.Settings(**description["encoder"]), folder)
            task = plugins.load("task", description["task"])(read_json(folder / "labels.json"))
            model = cls(encoder, task, max_length=description["max_length"], **description["head"])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise RunError(f"{folder / 'config.json'} does not describe a yeonma model: {error!r}.") from error
        load_weights(model, folder / "model.safetensors")
        return model.eval()


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a state dict, every tensor of it and nothing else.

    Raises: RunError naming the tensors that are missing, left over or misshapen.
    """
    try:
        state = load_file(path)
        problem = model.load_state_dict(state, strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise RunError(f"{path} cannot be loaded: {str(error).splitlines()[-1].strip()}") from error
    if problem.missing_keys or problem.unexpected_keys:
        raise RunError(
            f"{path} does not fit the model: missing {problem.missing_keys}, left over {problem.unexpected_keys}."
        )


def build(config: Config, labels: Sequence[str], train: Sequence[Example], progress: Progress = silent) -> Model:
    """A fresh model for training; random numbers come from torch's global generator."""
    task: Task = plugins.load("task", config.task)(labels)
    encoder_class = plugins.load("encoder", config.encoder.kind)
    settings = encoder_class.Settings(**(config.encoder.model_extra or {}))
    texts = [text for example in train for row in task.inputs(example) for text in row]
    where = {"vectors": config.encoder.vectors, "tokenizer": config.encoder.tokenizer}
    encoder = encoder_class.prepare(settings, texts, progress=progress, **where)
    model = Model(encoder, task, max_length=config.data.max_length, **config.head.model_dump())
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
