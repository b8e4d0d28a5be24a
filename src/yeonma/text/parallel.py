"""Texts cut into words by several processes, in order: the same words in the same order as by one."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from typing import IO, NamedTuple

import numpy as np

from yeonma import plugins
from yeonma.errors import ConfigError, OutOfMemory, RunError
from yeonma.text.tokenizers import Tokenizer, load_tokenizer

_TEXTS, _CHARACTERS = 512, 1 << 16  # of a chunk, at most (a longer text is a chunk of its own)
_AHEAD = 2  # chunks for each process that may wait for their turn


class Cut(NamedTuple):
    """A chunk of texts as numbers.

    words    the distinct forms, in the order they were met
    ids      (n,) int32 rows of `words`, text after text
    lengths  (texts,) int64 how many of them each text has
    """

    words: list[str]
    ids: np.ndarray
    lengths: np.ndarray


def cuts(texts: Iterable[str], tokenizer: Tokenizer, processes: int = 1) -> Iterator[Cut]:
    """The texts chunk by chunk, in order, whatever the number of processes. A few chunks are held for each of them.

    A tokenizer that cannot be found by its name is used in this process.
    Raises: OutOfMemory when a process was killed, RunError when it failed.
    """
    chunks = _chunks(texts)
    if processes == 1 or not _by_name(tokenizer):
        return (cut(tokenizer, chunk) for chunk in chunks)
    return _side_by_side(chunks, tokenizer, processes)


def cut(tokenizer: Tokenizer, texts: Sequence[str]) -> Cut:
    """One chunk."""
    index: dict[str, int] = {}
    ids, lengths = array("i"), array("q")
    for pieces in tokenizer.batch(texts):
        ids.extend([index.setdefault(piece.form, len(index)) for piece in pieces])
        lengths.append(len(pieces))
    return Cut(list(index), np.array(ids, np.int32), np.array(lengths, np.int64))


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for text in texts:
        if chunk and (len(chunk) == _TEXTS or characters + len(text) > _CHARACTERS):
            yield chunk
            chunk, characters = [], 0
        chunk.append(text)
        characters += len(text)
    if chunk:
        yield chunk


def _by_name(tokenizer: Tokenizer) -> bool:
    """Whether another process can make this tokenizer from what `save` writes."""
    try:
        return plugins.load("tokenizer", tokenizer.name) is type(tokenizer)
    except ConfigError:
        return False


def _side_by_side(chunks: Iterator[list[str]], tokenizer: Tokenizer, processes: int) -> Iterator[Cut]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="yeonma-")))
        tokenizer.save(folder)
        idle: SimpleQueue[_Cutter] = SimpleQueue()
        for _ in range(processes):
            idle.put(stack.enter_context(closing(_Cutter(folder))))
        pool = stack.enter_context(ThreadPoolExecutor(processes))
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)

        def work(chunk: list[str]) -> Cut:
            cutter = idle.get()
            try:
                return cutter.cut(chunk)
            finally:
                idle.put(cutter)

        waiting: deque[Future[Cut]] = deque()
        for chunk in chunks:
            waiting.append(pool.submit(work, chunk))
            if len(waiting) > _AHEAD * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class _Cutter:
    """Another process that cuts texts. It is this interpreter with pipes: nothing is pickled, `__main__` is not run."""

    def __init__(self, folder: Path) -> None:
        code = "from yeonma.text.parallel import serve; serve()"
        source = str(Path(__file__).parents[2])
        paths = os.pathsep.join([source, *filter(None, [os.environ.get("PYTHONPATH")])])
        self._process = subprocess.Popen(
            [sys.executable, "-c", code, str(folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths},
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._ask, self._answer = self._process.stdin, self._process.stdout

    def cut(self, texts: Sequence[str]) -> Cut:
        try:
            _send(self._ask, json.dumps(texts).encode())
            words, ids, lengths = (_receive(self._answer) for _ in range(3))
        except (EOFError, BrokenPipeError) as error:
            raise self._failure() from error
        forms = words.decode().split("\n") if words else []
        return Cut(forms, np.frombuffer(ids, np.int32), np.frombuffer(lengths, np.int64))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._answer.close()
        with suppress(BrokenPipeError):
            self._ask.close()

    def _failure(self) -> OutOfMemory | RunError:
        code = self._process.wait()
        if code < 0:
            return OutOfMemory(f"A process that cut the texts was killed (signal {-code}). Try fewer threads.")
        return RunError("A process that cut the texts failed; what it said stands above. Try one thread.")


def serve() -> None:
    """What another process does: chunks come on stdin, their words, ids and lengths go to stdout."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process decides
    with os.fdopen(os.dup(1), "wb") as answer:
        os.dup2(2, 1)  # what a library prints is no answer
        tokenizer = load_tokenizer(Path(sys.argv[1]))
        try:
            while True:
                made = cut(tokenizer, json.loads(_receive(sys.stdin.buffer)))
                for part in ("\n".join(made.words).encode(), made.ids.tobytes(), made.lengths.tobytes()):
                    _send(answer, part)
        except (EOFError, BrokenPipeError):
            return


def _send(stream: IO[bytes], part: bytes) -> None:
    stream.write(struct.pack("<q", len(part)))
    stream.write(part)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    return stream.read(int(struct.unpack("<q", head)[0]))
