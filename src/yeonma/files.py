"""How every file appears: staged beside its place, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from typing import Any

from yeonma.errors import DiskError, RunError
from yeonma.processes import gone, signature

MANIFEST = "manifest.json"
WEEK = 7 * 24 * 3600.0
WRONG_PLACE = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EROFS}


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn the system's errors about `path` into a DiskError that says what to do.

    Raises: DiskError.
    """
    from safetensors import SafetensorError  # how safetensors says that it could not write

    try:
        yield
    except (OSError, SafetensorError) as error:
        number = getattr(error, "errno", None)
        full = number == errno.ENOSPC or "No space left" in str(error)
        reason = "the disk is full" if full else getattr(error, "strerror", None) or str(error)
        advice = "Choose" if number in WRONG_PLACE else "Free space or choose"
        raise DiskError(f"{path} could not be written: {reason}. {advice} another place with -o.") from error


def sync(path: Path) -> None:
    """Ask the system to put a file or a folder's list of names on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """The hash of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def share(path: Path, mode: int) -> None:
    """Let others read a file as the mask says: safetensors writes for its owner alone. Some disks have no modes."""
    with suppress(OSError):
        path.chmod(mode)


@contextmanager
def staged_file(path: Path) -> Iterator[Path]:
    """Give a temporary path in the same folder; on success it takes the name `path`, on any error it is removed.

    Raises: DiskError.
    """
    stage = path.with_name(f".{path.name}.{signature()}.part")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        settle(leftovers(path))
        try:
            stage.unlink(missing_ok=True)
            stage.touch()
            mode = stage.stat().st_mode
            yield stage
            share(stage, mode)
            sync(stage)
            os.replace(stage, path)
            sync(path.parent)
        finally:
            with suppress(OSError):
                stage.unlink(missing_ok=True)


@contextmanager
def staged_folder(folder: Path) -> Iterator[Path]:
    """Give an empty temporary folder; on success it is hashed, flushed and takes the place of `folder`.

    The manifest (sha256 of every file) is written last, so a folder with a manifest that verifies is whole.
    Raises: DiskError.
    """
    stage = folder.with_name(f".{folder.name}.{signature()}.part")
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        settle(leftovers(folder))
        shutil.rmtree(stage, ignore_errors=True)
        stage.mkdir()
        try:
            yield stage
            write_manifest(stage)
            for name in [p for p in stage.rglob("*") if p.is_dir()] + [stage]:
                sync(name)
            replace_folder(stage, folder)
        finally:
            shutil.rmtree(stage, ignore_errors=True)


def replace_folder(stage: Path, folder: Path) -> None:
    """Rename `stage` to `folder`; an older `folder` is moved aside first and removed afterwards.

    A kill between the two renames leaves the older folder under its hidden name; `settle` puts it back.
    """
    old = folder.with_name(f".{folder.name}.{signature()}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    os.replace(stage, folder)
    sync(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def tidy(parent: Path) -> None:
    """Clear what killed writers left below a folder: half files go, a folder that was moved aside comes back."""
    settle([*parent.glob("**/.*.part"), *parent.glob("**/.*.old")])


def leftovers(path: Path) -> list[Path]:
    """What writers of a file or folder that are no more left beside it."""
    return [each for each in beside(path) if abandoned(each)]


def beside(path: Path) -> list[Path]:
    """The hidden files or folders of all writers of a file or folder."""
    return [each for each in path.parent.glob(f".{escape(path.name)}.*") if each.suffix in (".part", ".old")]


def abandoned(leftover: Path) -> bool:
    """Whether its process has ended here; of other machines, and of before a restart, whether it lies for a week."""
    with suppress(OSError):
        return gone(leftover.name.split(".")[-2]) or time.time() - leftover.stat().st_mtime > WEEK
    return False


def settle(leftovers: Iterable[Path]) -> None:
    """Remove half files, and put back a folder that was moved aside where no newer one took its place.

    What another process settles meanwhile, or what belongs to somebody else, is left.
    """
    for leftover in leftovers:
        name = leftover.name.removeprefix(".").rsplit(".", 2)[0]
        with suppress(OSError):
            if leftover.suffix == ".old" and not leftover.with_name(name).exists():
                os.replace(leftover, leftover.with_name(name))
            elif leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)


def write_manifest(folder: Path) -> None:
    """Hash and flush every file of a folder and write the list beside them."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    listing = {p.relative_to(folder).as_posix(): sha256(p) for p in files}
    (folder / MANIFEST).write_text(json.dumps(listing, indent=1, ensure_ascii=False), encoding="utf-8")
    mode = (folder / MANIFEST).stat().st_mode
    for path in [*files, folder / MANIFEST]:
        share(path, mode)
        sync(path)


def broken_files(folder: Path) -> list[str]:
    """What is wrong with a folder against its manifest, in words; an empty list means whole."""
    try:
        listing = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return [f"{MANIFEST} is missing or cut"]
    missing = [f"{name} is missing" for name in listing if not (folder / name).is_file()]
    return missing + [
        f"{name} has changed"
        for name in listing
        if (folder / name).is_file() and sha256(folder / name) != listing[name]
    ]


def write_text(path: Path, text: str) -> None:
    """Write a whole text file in UTF-8, or nothing."""
    with staged_file(path) as stage:
        stage.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write a whole JSON file, or nothing. NaN is refused: it is not JSON."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises: RunError when it is missing or cut.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(f"{path} is missing. Is this a folder that yeonma wrote?") from error
    except ValueError as error:
        raise RunError(f"{path} is not whole JSON ({error}). Restore it or make it again.") from error


def cache_folder() -> Path:
    """Where downloads, tokenized texts and compiled kernels are kept: YEONMA_CACHE, or the user's cache folder."""
    if named := os.environ.get("YEONMA_CACHE"):
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("yeonma", appauthor=False))
