"""Finding and fetching the files of a named data set: a download appears whole and checked, or not at all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from yeonma.data.catalog import Entry, entry
from yeonma.data.examples import Item, examples
from yeonma.data.labels import Labels
from yeonma.data.places import cached, folders, present
from yeonma.data.readers import SUFFIXES
from yeonma.data.shapes import shape_of
from yeonma.errors import DataError
from yeonma.files import read_json, sha256, staged_file, write_json
from yeonma.records import Progress, Rejected, silent

PINS = "pins.json"
"""Beside downloaded files: the sha256 of each as it first came."""

_SECONDS = 60.0
_BLOCK = 1 << 20


class Fetched(dict[str, Path]):
    """The files of a data set by split; `notes` says of each how it came."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []


def find(entry: Entry, split: str) -> Path:
    """The file of a split.

    Raises: DataError that says how to get it.
    """
    if path := present(entry.name, split):
        return path
    looked = ", ".join(str(folder) for folder in folders(entry.name))
    how = f"Run: yeonma data fetch {entry.name}" if split in entry.urls else _by_hand(entry, split)
    raise DataError(
        f"The {split} split of {entry.name} is not on this machine; looked in {looked}. {how}. "
        f"Or set YEONMA_DATA to a folder that holds {entry.name}/{split}.parquet."
    )


def _by_hand(entry: Entry, split: str) -> str:
    others = " ".join(suffix for suffix in SUFFIXES if suffix != ".parquet")
    return f"Get it from {entry.home} and put it at {cached(entry.name) / split}.parquet (or {others})"


def fetch(name: str, progress: Progress = silent) -> Fetched:
    """Download the splits of a data set that are not on this machine, or were altered there.

    A download is checked against the catalog's sha256, or where there is none, against the first one's, which is kept.
    Raises: DataError when a split has no address, cannot be reached, is cut, is no data or not what it was; DiskError.
    """
    wanted = entry(name)
    fetched = Fetched()
    for split in wanted.splits:
        path = present(name, split)
        if path and not _altered(path):
            fetched.notes.append(f"{split} was there already: {path}")
        elif split not in wanted.urls:
            raise DataError(f"The {split} split of {name} cannot be downloaded. {_by_hand(wanted, split)}.")
        else:
            path, note = _download(wanted, split, progress)
            fetched.notes.append(note)
        fetched[split] = path
    return fetched


def _download(wanted: Entry, split: str, progress: Progress) -> tuple[Path, str]:
    """Put one split's file in its place in the cache, whole and checked, or nothing."""
    url = wanted.urls[split]
    path = cached(wanted.name) / (split + PurePosixPath(urlsplit(url).path).suffix.lower())
    with staged_file(path) as stage:
        digest = hashlib.sha256()
        with stage.open("wb") as out:
            for block in _blocks(url, f"{wanted.name} {split}", progress):
                digest.update(block)
                out.write(block)
        _must_be_data(wanted, split, stage, path.suffix)
        note = _check(wanted, split, path, digest.hexdigest())
    return path, note


def _blocks(url: str, what: str, progress: Progress) -> Iterator[bytes]:
    """What an address gives, in pieces.

    Raises: DataError when it cannot be reached or ends too early.
    """
    import http.client
    import urllib.request

    done = 0
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:
            length = answer.headers.get("Content-Length")
            total = int(length) if length else None
            while block := answer.read(_BLOCK):
                done += len(block)
                progress(what, done, total, "bytes")
                yield block
    except (OSError, http.client.HTTPException) as error:
        raise DataError(
            f"{what} could not be downloaded from {url}: {error}. Is there a network? Try again."
        ) from error
    if total is not None and done != total:
        raise DataError(f"{what}: the download from {url} ended after {done:,} of {total:,} bytes. Try again.")


def _must_be_data(wanted: Entry, split: str, stage: Path, suffix: str) -> None:
    """The first row must read, so that an owner's page of apology is not kept as data."""
    labels = Labels(wanted.labels, required=False)
    read = examples(stage, split, shape_of(wanted.task), labels, wanted.columns, manner=wanted.manner, suffix=suffix)
    try:
        first: Item | Rejected = next(read)
    except DataError as error:
        first = Rejected(str(stage), error.line or 1, error.message)
    if isinstance(first, Rejected):
        what = f"What {wanted.urls[split]} gave is not the {split} split of {wanted.name}"
        raise DataError(f"{what}: line {first.line}: {first.reason}")


def _check(wanted: Entry, split: str, path: Path, came: str) -> str:
    """Compare a download's hash with the catalog's or the kept one, or keep it; returns a note in words.

    Raises: DataError with both hashes.
    """
    pins = path.with_name(PINS)
    kept: Mapping[str, Any] = read_json(pins) if pins.exists() else {}
    must = wanted.sha256.get(split) or kept.get(path.name)
    if must is None:
        write_json(pins, {**kept, path.name: came})
        return f"{split}: {path}. Its sha256 {came} was not known before; it is kept in {pins}, and holds from now on"
    if must != came:
        known = "the catalog" if split in wanted.sha256 else f"the first download, kept in {pins}"
        what = f"The {split} split of {wanted.name} must have the sha256 {must} ({known})"
        advice = "If its owner has published a new version and you want it, remove the kept hash"
        raise DataError(f"{what}; {wanted.urls[split]} gave {came}. {advice}.")
    return f"{split}: {path}, sha256 {came} as expected"


def _altered(path: Path) -> bool:
    """Whether a downloaded file no longer has the hash it came with."""
    pins = path.with_name(PINS)
    must = read_json(pins).get(path.name) if pins.exists() else None
    return must is not None and must != sha256(path)
