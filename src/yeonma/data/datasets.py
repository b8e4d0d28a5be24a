"""Loading a data set: a named one or the user's own files become a Dataset with train, valid and test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from yeonma.data.columns import columns_of
from yeonma.data.examples import Item, examples
from yeonma.data.labels import LabelNames, Labels
from yeonma.data.lines import BadRow
from yeonma.data.readers import encoding_of, rows
from yeonma.data.shape import label_names, text_of
from yeonma.data.shapes import shape_of
from yeonma.data.sources import SPLITS, Asked, Source, is_name, source_of
from yeonma.data.splitting import Examples, split_off
from yeonma.errors import ConfigError, DataError, nearest
from yeonma.records import Dataset, Rejected

ON_BAD_ROW = ("error", "skip")

TEST_FRACTION = 0.1
TEST_SEED = 0
"""What is cut off as test where a data set has but one split: the same rows whatever the seed."""


def load(
    name: str | None = None,
    *,
    train: str | Path | None = None,
    valid: str | Path | None = None,
    test: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    labels: LabelNames | None = None,
    task: str = "single",
    scale: tuple[float, float] | None = None,
    first: int | None = None,
    join: str | None = None,
    group: str | None = None,
    on_bad_row: str = "error",
    valid_fraction: float = 0.1,
    seed: int = 42,
    limit: int | None = None,
    splits: Sequence[str] = SPLITS,
) -> Dataset:
    """A data set: `name` from the catalog, or the files `train`, `valid`, `test` (only the first is a must).

    Where there is no validation file, `valid_fraction` of train is split off, label by label or group by group, as a
    pure function of `seed`; so too in a named data set whose validation split is the one that is scored. Where the
    catalog says so (korquad) and the scored split alone is on this machine, a tenth of it is cut off as test, always
    the same groups, and the rest is train.
    columns     role → column where the usual names do not fit; a part of a column is named with a dot (labels.label)
    labels      cell → name, or the names, in the order of the labels; else the catalog's; else what train holds, sorted
    scale       the lowest and highest number, where the label is a number (a regression)
    first       what the label of a choice holds for the first ending: 1, which is usual, or 0
    join        what stands between the tokens of a tagged sentence; a blank is usual
    group       a column whose equal cells (the title of an article, say) stay on one side where a part is split off
    on_bad_row  "error" raises at the first wrong row; "skip" puts wrong rows into `rejected`: every row read is an
                example of a split or stands there
    limit       read only so many rows of train
    splits      which to read; train always is. Training leaves the test split alone
    Raises: DataError with file and line; ConfigError for settings that do not exist or do not fit.
    """
    if on_bad_row not in ON_BAD_ROW:
        raise ConfigError(f"on_bad_row must be a known value; came {on_bad_row!r}.{nearest(on_bad_row, ON_BAD_ROW)}")
    if limit is not None and limit < 1:
        raise ConfigError(f"limit must be at least 1; came {limit}.")
    asked = Asked(task, columns, labels, scale, first, join, group)
    source = source_of(name, {"train": train, "valid": valid, "test": test}, asked)
    if "train" not in source.files:
        raise ConfigError("data must have training rows: train = FILE.")
    loader = _Loader(source, skip=on_bad_row == "skip", limit=limit)
    loader.load(["train", *splits], valid_fraction, seed)
    read = {split: loader.splits[split] for split in SPLITS if split in loader.splits}
    labels_in_order = Labels(loader.source.labels).names or ()
    rejected, sources = tuple(loader.rejected), {split: loader.sources[split] for split in read}
    scale, threshold = source.manner.scale, source.entry.threshold if source.entry else None
    return Dataset(source.name, read, labels_in_order, rejected, sources, source.metric, scale, threshold)


def load_split(
    source: str | Path,
    split: str = "test",
    *,
    columns: Mapping[str, str] | None = None,
    labels: LabelNames | None = None,
    task: str = "single",
    scale: tuple[float, float] | None = None,
    first: int | None = None,
    join: str | None = None,
    group: str | None = None,
    labelled: bool = True,
    valid_fraction: float = 0.1,
    seed: int = 42,
) -> Examples:
    """One split: of a named data set exactly as `load` would give it, or a file taken as that split.

    With `labelled` False a row may come without a label (gold None), and those of a file are not looked at. Other
    arguments and errors as in `load`; the first wrong row is an error.
    """
    if split not in SPLITS:
        raise ConfigError(f"There is no split {split!r}.{nearest(split, SPLITS)}")
    asked = Asked(task, columns, labels, scale, first, join, group)
    if not is_name(source):
        file = source_of(None, {split: source}, asked)
        return _Loader(file, required=labelled, blind=not labelled).read([split])[split]
    loader = _Loader(source_of(str(source), {}, asked), required=labelled)
    if loader.source.lone is None and split != "train" and split in loader.source.files:
        return loader.read([split])[split]
    return loader.load(["train", split], valid_fraction, seed)[split]


def read_texts(path: str | Path, column: str | None = None) -> Iterator[str]:
    """The texts of a file, labelled or not: those of `column`, else of the column with the usual name.

    Raises: DataError with file and line.
    """
    role = "text"
    for row in rows(path):
        if column is None:
            column = str(columns_of(shape_of("single"), list(row.values), {}, Path(path), gold_needed=False)[role])
        try:
            yield text_of({role: row.values[column]}, role)
        except BadRow as bad:
            raise BadRow(bad.message, path, row.line) from bad
        except KeyError:
            known = nearest(column, row.values)
            raise DataError(f"there is no column {column!r}.{known}", path, row.line) from None


@dataclass(slots=True)
class _Loader:
    """Reads splits, and keeps what has been read. `groups` has the group of every example of train, by its id."""

    source: Source
    required: bool = True
    blind: bool = False
    skip: bool = False
    limit: int | None = None
    splits: dict[str, Examples] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    def load(self, wanted: Sequence[str], fraction: float, seed: int) -> dict[str, Examples]:
        """Read train and the others of the splits that are wanted, and make a validation split where there is none."""
        if lone := self.source.lone:
            self._cut(lone, wanted)
        else:
            self.read([split for split in SPLITS if split in wanted and split in self.source.files])
        if "valid" not in self.source.files:
            self._split_valid_off(fraction, seed)
        return self.splits

    def read(self, wanted: Sequence[str]) -> dict[str, Examples]:
        """Read splits in order; where no labels are known, those of the first are the labels of the others."""
        for split in wanted:
            self._keep(split, self.limit if split == "train" else None)
        return self.splits

    def _keep(self, split: str, limit: int | None) -> None:
        """Read the rows of a split's file, all of them or the first."""
        good, bad = self._rows(split, limit)
        self.splits[split] = tuple(item.example for item in good)
        self.rejected += bad
        if self._grouped(split):
            self.groups = {item.example.id: item.group for item in good}
        path, limited = self.source.path(split), len(good) + len(bad) == limit
        rejected = f" and {len(bad):,} rejected" if bad else ""
        rows = f"{'the first ' if limited else ''}{len(good):,} rows{rejected}"
        self.sources[split] = f"{path} ({encoding_of(path)}): {rows}"
        if self.source.shape.closed and not self.source.labels:
            found = sorted({name for item in good for name in label_names(item.example.gold)})
            self.source = replace(self.source, labels=found)

    def _rows(self, split: str, limit: int | None) -> tuple[list[Item], list[Rejected]]:
        """The examples of a split's file, and the rows that are none."""
        good: list[Item] = []
        bad: list[Rejected] = []
        source, path = self.source, self.source.path(split)
        labels, group = Labels(source.labels, required=self.required), source.group if self._grouped(split) else ""
        items = examples(
            path, split, source.shape, labels, source.columns, manner=source.manner, group=group, blind=self.blind
        )
        for item in islice(items, limit):
            if not isinstance(item, Rejected):
                good.append(item)
            elif self.skip:
                bad.append(item)
            else:
                raise BadRow(item.reason, item.file, item.line)
        if not good:
            raise DataError(f"no row can be used; the first: {bad[0].reason}", path, bad[0].line)
        return good, bad

    def _grouped(self, split: str) -> bool:
        """Whether a part may be split off this split by group."""
        return bool(self.source.group) and (split == "train" or split == self.source.lone)

    def _cut(self, lone: str, wanted: Sequence[str]) -> None:
        """Make a train and a test split of the only one on this machine."""
        self._keep(lone, None)
        file = self.sources.pop(lone)
        rest, test = split_off(self.splits.pop(lone), TEST_FRACTION, TEST_SEED, self.groups)
        how = f"by {self.source.group}, as no training split is on this machine"
        self.splits["train"] = rest[: self.limit]
        self.sources["train"] = f"{file}, less {len(test):,} cut off {how}: {len(self.splits['train']):,} rows"
        if "test" in wanted:
            self.splits["test"] = test
            self.sources["test"] = f"{len(test):,} rows cut off {how} ({TEST_FRACTION:g} of {file})"

    def _split_valid_off(self, fraction: float, seed: int) -> None:
        """Make a validation split of a part of train."""
        rest, part = split_off(self.splits["train"], fraction, seed, self.groups or None)
        self.splits |= {"train": rest, "valid": part}
        file, how = self.sources["train"], f"split off by {self.source.group or 'label'} with seed {seed}"
        self.sources["train"] = f"{file}, less {len(part):,} {how} as valid: {len(rest):,} rows"
        self.sources["valid"] = f"{len(part):,} rows {how} from train ({fraction:g} of {file})"
