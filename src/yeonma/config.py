"""A run's settings: TOML in, checked by one schema, written back resolved."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from yeonma.errors import ConfigError, nearest
from yeonma.files import write_text


class Section(BaseModel):
    """A table of the config: unknown keys are refused, values are checked on assignment too."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class DataConfig(Section):
    """Where the examples come from and how they are read."""

    name: str | None = Field(None, description="a data set of the catalog")
    train: str | None = Field(None, description="a file: csv, tsv, jsonl, parquet, or fastText's __label__")
    valid: str | None = Field(None, description="a file; left out, it is split off the training data")
    test: str | None = Field(None, description="a file that `yeonma evaluate` scores; training never reads it")
    columns: dict[str, str] = Field(default_factory=dict, description="role = column, e.g. {text = 'document'}")
    labels: dict[str, str] = Field(
        default_factory=dict, description="cell = name, e.g. {0 = 'negative', 1 = 'positive'}"
    )
    valid_fraction: float = Field(0.1, gt=0, lt=1, description="share of train split off for validation")
    scale: tuple[float, float] | None = Field(None, description="labels are numbers from the first to the second")
    first: int | None = Field(None, ge=0, le=1, description="choice: how labels number the first ending, 0 or 1")
    join: str | None = Field(None, description="tagging: what stands between the tokens of a file")
    group: str | None = Field(None, description="a column whose values must not stand in two splits")
    max_length: int = Field(128, ge=1, le=1_000_000, description="tokens; what follows is cut and reported")
    stride: int | None = Field(
        None, ge=0, description="read long texts in windows that share so many tokens; qa and tagging always do"
    )
    on_bad_row: Literal["error", "skip"] = Field("error", description="skip: rows go to rejected.jsonl")
    limit: int | None = Field(None, ge=1, description="read only the first rows of train")

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if self.name and (self.train or self.valid or self.test):
            raise ValueError("data.name and data files exclude each other: give one of them")
        return self

    def name_of(self, split: str) -> str:
        """What a split's scores go by: the name of the data set, else the split's own file, else that of train."""
        return self.name or getattr(self, split) or str(self.train)


class EncoderConfig(BaseModel):
    """Which encoder reads the texts. Further keys belong to the encoder itself and are checked by it."""

    model_config = ConfigDict(extra="allow", validate_assignment=True, allow_inf_nan=False)

    kind: str = Field(
        "bilstm-attention", description="bag | cnn | bilstm-attention | ngram | transformer | stack | wide-deep"
    )
    path: str | None = Field(None, description="transformer: its folder, or hub:NAME")
    vectors: str | None = Field(None, description="a vectors folder or file to start from")
    tokenizer: str | None = Field(None, description="left out: the vectors' own, else mecab")
    freeze: str = Field("none", description="none | embeddings | lower:K (these and K layers) | all | gradual")

    @field_validator("freeze")
    @classmethod
    def _freezes(cls, what: str) -> str:
        known = ("none", "embeddings", "lower:K", "all", "gradual")
        if what.startswith("lower"):
            if not re.fullmatch("lower:[1-9][0-9]{0,3}", what):
                raise ValueError('"lower:K" needs a number of layers for K, 1 or more, for example "lower:2"')
        elif what not in known:
            raise ValueError(f"nothing of that name can be frozen.{nearest(what, known)}")
        return what


class HeadConfig(Section):
    """The task's head on top of the encoder."""

    hidden: int = Field(0, ge=0, description="units of a ReLU layer before the output; 0 = none")
    dropout: float = Field(0.1, ge=0, lt=1, description="before each of the head's layers")
    crf: bool = Field(False, description="tagging: learn which tags follow which")
    answer_tokens: int = Field(30, ge=1, description="qa: an answer's most tokens")


class TrainConfig(Section):
    """How to descend."""

    optimizer: str = Field("adam", description="gd sgd momentum nag adagrad rmsprop adadelta adam nadam")
    form: Literal["deck", "torch"] = Field("deck", description="where epsilon stands, and the velocity form")
    optimizer_args: dict[str, Any] = Field(
        default_factory=dict, description="e.g. {beta1 = 0.9} or {betas = [0.9, 0.999]}"
    )
    learning_rate: float | None = Field(
        None, gt=0, description="left out: the rule's default (transformer: a twentieth)"
    )
    layer_decay: float = Field(1.0, gt=0, le=1, description="a layer's rate, as a share of the one above it")
    embedding_lr: float | None = Field(None, gt=0, description="rate of the embeddings; left out: by layer_decay")
    head_lr: float | None = Field(None, gt=0, description="rate of the head; left out: learning_rate")
    weight_decay: float = Field(0.0, ge=0, description="decoupled")
    schedule: Literal["constant", "linear", "cosine"] = Field("linear", description="of the rate, after the warm-up")
    warmup_ratio: float = Field(0.1, ge=0, lt=1, description="share of the steps in which the rate rises from 0")
    epochs: int = Field(3, ge=1, description="passes over the training examples")
    examples: int | None = Field(
        None, ge=1, description="see so many examples in all and no more, instead of epochs; a step of gd sees all"
    )
    cpu_seconds: float | None = Field(
        None, gt=0, description="make steps for so many seconds of the processor, instead of epochs"
    )
    batch_size: int = Field(64, ge=1, description="examples a step (gd: a micro-batch)")
    batch_tokens: int | None = Field(None, ge=1, description="tokens a batch, padding counted, instead of batch_size")
    bucket: bool = Field(True, description="batches of like lengths; false: random batches")
    max_grad_norm: float = Field(1.0, ge=0, description="0 = no clipping")
    class_weights: Literal["none", "balanced"] = Field("none", description="balanced: rare classes weigh more")
    patience: int = Field(0, ge=0, description="stop after so many evaluations without a better score; 0 = never")
    eval_steps: int | None = Field(None, ge=1, description="left out: at the end of every epoch")
    evaluations: int | None = Field(None, ge=1, description="score so often, at equal distances, instead of eval_steps")
    metric: str | None = Field(None, description="what chooses the best checkpoint; left out: the data set's own")
    precision: Literal["auto", "fp32", "bf16"] = Field("auto", description="auto: bf16 products where the CPU has them")
    threads: int = Field(0, ge=0, le=1024, description="CPU threads; 0 = all")

    @model_validator(mode="after")
    def _fits(self) -> TrainConfig:
        from yeonma.optim import get
        from yeonma.optim.settings import resolve as check

        if self.batch_tokens and not self.bucket:
            raise ValueError("train.batch_tokens needs train.bucket = true: random batches are cut by examples")
        if self.examples and self.cpu_seconds:
            raise ValueError("train.examples and train.cpu_seconds exclude each other: give one of them")
        if taken := {"lr", "params", "name", "form", "weight_decay"} & set(self.optimizer_args):
            raise ValueError(f"train.optimizer_args must not hold {sorted(taken)}: they have settings of their own")
        check(get(self.optimizer).form(self.form), self.optimizer_args)
        return self

    @field_validator("optimizer")
    @classmethod
    def _known(cls, name: str) -> str:
        from yeonma.optim.rules import rules

        if name.lower() not in rules():
            raise ValueError(f"there is no optimizer called {name!r}.{nearest(name, rules())}")
        return name.lower()


class CheckpointConfig(Section):
    """How often the run is made safe."""

    every_steps: int = Field(500, ge=1, description="a checkpoint after so many steps")
    after_seconds: float = Field(
        30.0, ge=0, description="and after an evaluation, when the last one is older than this"
    )
    keep: int = Field(2, ge=1, description="how many stay on the disk")


class Config(Section):
    """All settings of a run."""

    task: str = Field("single", description="single | pair | choice | qa | tagging")
    seed: int = Field(42, ge=0, lt=2**31, description="start of all random numbers")
    data: DataConfig = DataConfig()
    encoder: EncoderConfig = EncoderConfig()
    head: HeadConfig = HeadConfig()
    train: TrainConfig = TrainConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()

    @model_validator(mode="after")
    def _moving(self) -> Config:
        if self.train.embedding_lr and re.match("embeddings|lower|all", self.encoder.freeze):
            raise ValueError(
                f"train.embedding_lr is a rate of embeddings that encoder.freeze = {self.encoder.freeze!r} keeps as "
                "they are: leave one of them out"
            )
        return self


def presets() -> list[str]:
    """The names of the bundled presets."""
    return sorted(
        p.name.removesuffix(".toml") for p in resources.files("yeonma.presets").iterdir() if p.name.endswith(".toml")
    )


def read_preset(name: str) -> dict[str, Any]:
    """A bundled preset as a nested dict.

    Raises: ConfigError, naming the nearest preset.
    """
    if name not in presets():
        raise ConfigError(f"There is no preset called {name!r}.{nearest(name, presets())}")
    return tomllib.loads((resources.files("yeonma.presets") / f"{name}.toml").read_text(encoding="utf-8"))


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a nested dict.

    Raises: ConfigError with file and line.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist. `yeonma init -o {path}` writes one.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error


def set_value(tree: dict[str, Any], assignment: str) -> None:
    """Apply one `key.subkey=value` to a nested dict; the value is read as TOML, else as a plain string.

    Raises: ConfigError when there is no `=`.
    """
    key, equals, text = assignment.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set takes key=value, for example --set train.epochs=5. It got {assignment!r}.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    *path, last = key.strip().split(".")
    for name in path:
        tree = tree.setdefault(name, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {assignment}: {name!r} is a value, not a table.")
    tree[last] = value


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested dict as dotted keys."""
    found: dict[str, Any] = {}
    for key, one in tree.items():
        found.update(flat(one, f"{prefix}{key}.") if isinstance(one, Mapping) else {f"{prefix}{key}": one})
    return found


def merge(*trees: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dicts laid over each other; later ones win. A source of data replaces the other kind of source."""
    result: dict[str, Any] = {}
    for tree in trees:
        for key, value in tree.items():
            both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
            result[key] = merge(result[key], value) if both else value
    return result


def resolve(tree: Mapping[str, Any]) -> Config:
    """Check a nested dict against the schema and fill in the encoder's own defaults.

    Raises: ConfigError, one line for each wrong setting.
    """
    from yeonma import plugins

    config: Config = checked(Config, tree, "")
    plugins.load("task", config.task)
    encoder = plugins.load("encoder", config.encoder.kind)
    settings = encoder.Settings
    if usual := encoder.train_defaults(tree.get("train", {})):
        config = checked(Config, merge({"train": usual}, tree), "")
    own = checked(settings, config.encoder.model_extra or {}, "encoder.", also=EncoderConfig.model_fields)
    shared = {name: getattr(config.encoder, name) for name in EncoderConfig.model_fields}
    return config.model_copy(update={"encoder": EncoderConfig(**shared, **own.model_dump())})


def checked(schema: type[Any], tree: Mapping[str, Any], prefix: str, also: Iterable[str] = ()) -> Any:
    """A nested dict as an instance of a schema; `prefix` stands before a setting's name in what is said of it.

    Raises: ConfigError, one line for each wrong setting, naming the nearest of the schema's and `also`.
    """
    try:
        return schema.model_validate(tree)
    except ValidationError as error:
        problems = [_explain(problem, schema, prefix, also) for problem in error.errors()]
        raise ConfigError("\n".join(problems)) from error


def _explain(problem: Any, schema: type[BaseModel], prefix: str, also: Iterable[str]) -> str:
    place = prefix + ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = [*_fields(schema, problem["loc"][:-1]), *also]
        return f"{place}: there is no such setting.{nearest(str(problem['loc'][-1]), known)}"
    came = "" if isinstance(problem["input"], dict) else f" It got {problem['input']!r}."
    return f"{place or 'config'}: {problem['msg'].removeprefix('Value error, ')}.{came}".replace("..", ".")


def _fields(schema: type[BaseModel], path: Iterable[Any]) -> list[str]:
    for name in path:
        field = schema.model_fields.get(str(name))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            return []
        schema = field.annotation
    return list(schema.model_fields)


def to_toml(config: Config) -> str:
    """The resolved config as TOML; settings that are None are left out."""
    import tomli_w

    return tomli_w.dumps(config.model_dump(exclude_none=True))


def write(config: Config, path: Path) -> None:
    """Write the resolved config, whole or not at all."""
    write_text(path, to_toml(config))


def to_commented_toml(config: Config) -> str:
    """The resolved config as TOML with each setting's meaning beside it; settings that are None stand commented out."""
    import tomli_w

    from yeonma import plugins

    own = plugins.load("encoder", config.encoder.kind).Settings.model_fields
    lines = [f"task = {_value(config.task, tomli_w)}", f"seed = {config.seed}"]
    for name in ("data", "encoder", "head", "train", "checkpoint"):
        section = getattr(config, name)
        lines += ["", f"[{name}]"]
        for key, value in section.model_dump().items():
            field = type(section).model_fields.get(key) or own[key]
            setting = f"# {key} =" if value is None else f"{key} = {_value(value, tomli_w)}"
            lines.append(f"{setting}  # {field.description}" if field.description else setting)
    return "\n".join(lines) + "\n"


def _value(value: Any, tomli_w: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {_value(item, tomli_w)}" for key, item in value.items()) + "}"
    return str(tomli_w.dumps({"v": value}, multiline_strings=False)).removeprefix("v = ").strip().replace("\n", " ")
