"""Loading a data set: a named one or the user's own files become a Dataset with train, valid and test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from yeonma.data.examples import examples
from yeonma.data.labels import LabelNames, Labels
from yeonma.data.lines import BadRow
from yeonma.data.readers import encoding_of, rows
from yeonma.data.shapes import columns_of, shape_of, text_of
from yeonma.data.sources import SPLITS, Source, is_name, source_of
from yeonma.data.splitting import split_off
from yeonma.errors import ConfigError, DataError, nearest
from yeonma.records import Dataset, Example, Rejected

ON_BAD_ROW = ("error", "skip")


def load(
    name: str | None = None,
    *,
    train: str | Path | None = None,
    valid: str | Path | None = None,
    test: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
    labels: LabelNames | None = None,
    task: str = "single",
    on_bad_row: str = "error",
    valid_fraction: float = 0.1,
    seed: int = 42,
    limit: int | None = None,
    splits: Sequence[str] = SPLITS,
) -> Dataset:
    """A data set: `name` from the catalog, or the files `train`, `valid`, `test` (only the first is a must).

    Where there is no validation file, `valid_fraction` of train is split off, label by label, as a pure function of
    `seed`; so too in a named data set whose validation split is the one that is scored.
    columns     role → column where the usual names do not fit
    labels      cell → name, or the names, in the order of the labels; else the catalog's; else what train holds, sorted
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
    files = {"train": train, "valid": valid, "test": test}
    source = source_of(name, files, columns=columns, labels=labels, task=task)
    if "train" not in source.files:
        raise ConfigError("data must have training rows: train = FILE.")
    loader = _Loader(source, skip=on_bad_row == "skip", limit=limit)
    loader.read([split for split in SPLITS if split in source.files and split in ("train", *splits)])
    if "valid" not in source.files:
        loader.split_valid_off(valid_fraction, seed)
    labels_in_order = Labels(loader.source.labels).names or ()
    metric = source.entry.metric if source.entry else "accuracy"
    read = {split: loader.splits[split] for split in SPLITS if split in loader.splits}
    return Dataset(source.name, read, labels_in_order, tuple(loader.rejected), loader.sources, metric)


def load_split(
    source: str | Path,
    split: str = "test",
    *,
    columns: Mapping[str, str] | None = None,
    labels: LabelNames | None = None,
    task: str = "single",
    labelled: bool = True,
    valid_fraction: float = 0.1,
    seed: int = 42,
) -> tuple[Example, ...]:
    """One split: of a named data set exactly as `load` would give it, or a file taken as that split.

    With `labelled` False a row may come without a label (gold None). Other arguments and errors as in `load`; the first
    wrong row is an error.
    """
    if split not in SPLITS:
        raise ConfigError(f"There is no split {split!r}.{nearest(split, SPLITS)}")
    if not is_name(source):
        what = source_of(None, {split: source}, columns=columns, labels=labels, task=task)
        return _Loader(what, required=labelled).read([split])[split]
    what = source_of(str(source), {}, columns=columns, labels=labels, task=task)
    loader = _Loader(what, required=labelled)
    if "valid" in what.files or split == "test":
        return loader.read([split])[split]
    loader.read(["train"])
    return loader.split_valid_off(valid_fraction, seed)[split]


def read_texts(path: str | Path, column: str | None = None) -> Iterator[str]:
    """The texts of a file, labelled or not: those of `column`, else of the column with the usual name.

    Raises: DataError with file and line.
    """
    role = "text"
    for row in rows(path):
        column = column or columns_of(shape_of("single"), list(row.values), {}, Path(path), gold_needed=False)[role]
        try:
            yield text_of({role: row.values[column]}, role)
        except BadRow as bad:
            raise BadRow(bad.message, path, row.line) from bad
        except KeyError:
            known = nearest(column, row.values)
            raise DataError(f"there is no column {column!r}.{known}", path, row.line) from None


@dataclass(slots=True)
class _Loader:
    """Reads splits, and keeps what has been read."""

    source: Source
    required: bool = True
    skip: bool = False
    limit: int | None = None
    splits: dict[str, tuple[Example, ...]] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def read(self, wanted: Sequence[str]) -> dict[str, tuple[Example, ...]]:
        """Read splits in order; where no labels are known, those of the first are the labels of the others."""
        for split in wanted:
            good, bad = self._rows(split)
            self.splits[split] = tuple(good)
            self.rejected += bad
            path, limited = self.source.path(split), split == "train" and len(good) + len(bad) == self.limit
            rejected = f" and {len(bad):,} rejected" if bad else ""
            rows = f"{'the first ' if limited else ''}{len(good):,} rows{rejected}"
            self.sources[split] = f"{path} ({encoding_of(path)}): {rows}"
            found = sorted({example.gold for example in good if isinstance(example.gold, str)})
            self.source = replace(self.source, labels=self.source.labels or found)
        return self.splits

    def _rows(self, split: str) -> tuple[list[Example], list[Rejected]]:
        """The examples of a split's file, and the rows that are none."""
        good: list[Example] = []
        bad: list[Rejected] = []
        path, labels = self.source.path(split), Labels(self.source.labels, required=self.required)
        items = examples(path, split, self.source.shape, labels, self.source.columns)
        for item in islice(items, self.limit if split == "train" else None):
            if not isinstance(item, Rejected):
                good.append(item[1])
            elif self.skip:
                bad.append(item)
            else:
                raise BadRow(item.reason, item.file, item.line)
        if not good:
            raise DataError(f"no row can be used; the first: {bad[0].reason}", path, bad[0].line)
        return good, bad

    def split_valid_off(self, fraction: float, seed: int) -> dict[str, tuple[Example, ...]]:
        """Make a validation split of a part of train."""
        rest, part = split_off(self.splits["train"], fraction, seed)
        self.splits |= {"train": rest, "valid": part}
        file, how = self.sources["train"], f"split off by label with seed {seed}"
        self.sources["train"] = f"{file}, less {len(part):,} {how} as valid: {len(rest):,} rows"
        self.sources["valid"] = f"{len(part):,} rows {how} from train ({fraction:g} of {file})"
        return self.splits
