"""Fetching: whole and checked from a server of the test's own, or not at all."""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from yeonma.data.catalog import entry
from yeonma.data.datasets import load
from yeonma.data.fetch import fetch, find
from yeonma.errors import DataError, DiskError

TRAIN = "id\tdocument\tlabel\n" + "".join(f"{i}\t리뷰 {i}\t{i % 2}\n" for i in range(40))
TEST = "id\tdocument\tlabel\n7\t끝까지 봤다\t1\n"


class Owner(ThreadingHTTPServer):
    """An owner's site: path → what it gives, and how much of it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Page)
        self.pages: dict[str, tuple[bytes, int]] = {}
        self.asked: list[str] = []

    def put(self, path, content, cut=None):
        body = content.encode() if isinstance(content, str) else content
        self.pages[path] = (body, len(body) if cut is None else cut)
        return f"http://127.0.0.1:{self.server_port}{path}"


class Page(BaseHTTPRequestHandler):
    """One answer of an Owner."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path not in self.server.pages:
            self.send_error(404)
            return
        body, sent = self.server.pages[self.path]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:sent])

    def log_message(self, *_):
        pass


@pytest.fixture
def owner():
    server = Owner()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def known(monkeypatch):
    """Changes nsmc's entry in the catalog, its addresses for instance."""

    def known(**changes):
        changed = replace(entry("nsmc"), **changes)
        monkeypatch.setattr(sys.modules["yeonma.data.catalog"], "_entries", lambda: {"nsmc": changed})

    return known


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache" / "data" / "nsmc"


@pytest.fixture
def nsmc(owner, known):
    known(urls={"train": owner.put("/ratings_train.txt", TRAIN), "test": owner.put("/ratings_test.txt?raw=1", TEST)})


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_fetched_data_set_loads(nsmc, cache):
    shown = []
    fetched = fetch("nsmc", lambda *call: shown.append(call))
    assert fetched == {"train": cache / "train.txt", "test": cache / "test.txt"}
    assert fetched["train"].read_text() == TRAIN
    assert shown[-1] == ("nsmc test", len(TEST.encode()), len(TEST.encode()), "bytes")
    data = load("nsmc", valid_fraction=0.2)
    assert {split: len(rows) for split, rows in data.splits.items()} == {"train": 32, "valid": 8, "test": 1}
    assert names(cache) == ["pins.json", "test.txt", "train.txt"]


def test_the_first_hash_is_kept_and_said(nsmc, cache):
    digest = hashlib.sha256(TRAIN.encode()).hexdigest()
    notes = fetch("nsmc").notes
    assert f"sha256 {digest} was not known before; it is kept in {cache / 'pins.json'}" in notes[0]
    assert json.loads((cache / "pins.json").read_text())["train.txt"] == digest


def test_what_is_there_is_not_fetched_again(nsmc, owner):
    fetch("nsmc")
    owner.asked.clear()
    assert [note.split(":")[0] for note in fetch("nsmc").notes] == ["train was there already", "test was there already"]
    assert owner.asked == []


def test_an_altered_file_is_fetched_again(nsmc, cache):
    fetch("nsmc")
    (cache / "train.txt").write_text("id\tdocument\tlabel\n")
    assert "as expected" in fetch("nsmc").notes[0]
    assert (cache / "train.txt").read_text() == TRAIN


def test_a_later_download_that_differs_is_refused_with_both_hashes(nsmc, owner, cache):
    fetch("nsmc")
    (cache / "train.txt").unlink()
    owner.put("/ratings_train.txt", TRAIN + "41\t새 리뷰\t0\n")
    with pytest.raises(DataError) as caught:
        fetch("nsmc")
    for version in (TRAIN, TRAIN + "41\t새 리뷰\t0\n"):
        assert hashlib.sha256(version.encode()).hexdigest() in str(caught.value)
    assert names(cache) == ["pins.json", "test.txt"]


def test_the_catalogs_hash_holds(owner, known, cache):
    url = owner.put("/train.tsv", TRAIN)
    known(splits=("train",), urls={"train": url}, sha256={"train": "0" * 64})
    with pytest.raises(DataError, match=f"must have the sha256 {'0' * 64} \\(the catalog\\)"):
        fetch("nsmc")
    assert names(cache) == []
    known(splits=("train",), urls={"train": url}, sha256={"train": hashlib.sha256(TRAIN.encode()).hexdigest()})
    assert "as expected" in fetch("nsmc").notes[0]
    assert names(cache) == ["train.tsv"]


NO_DATA = [
    ("a page of apology", "<html>\nSorry\n</html>\n", r"line 1: .*must begin with __label__"),
    ("other columns", "id\ttext\tlabel\n1\t가\t0\n", r"line 1: there is no column 'document'"),
    ("other labels", "id\tdocument\tlabel\n1\t가\t다\n", r"line 2: label '다' is not a known one"),
    ("nothing", "", r"line 1: must hold a header and rows; it is empty"),
]


@pytest.mark.parametrize(("content", "message"), [row[1:] for row in NO_DATA], ids=[row[0] for row in NO_DATA])
def test_what_is_no_data_is_not_kept(owner, known, cache, content, message):
    known(urls={"train": owner.put("/ratings_train.txt", content)})
    with pytest.raises(DataError, match=f"gave is not the train split of nsmc: {message}"):
        fetch("nsmc")
    assert names(cache) == []


def test_a_cut_download_is_not_kept(owner, known, cache):
    known(urls={"train": owner.put("/ratings_train.txt", TRAIN, cut=100)})
    with pytest.raises(DataError, match=r"ended after 100 of \d+ bytes"):
        fetch("nsmc")
    assert names(cache) == []


def test_a_page_that_is_gone_and_a_server_that_is_gone(owner, known, cache):
    known(urls={"train": f"http://127.0.0.1:{owner.server_port}/gone.txt"})
    with pytest.raises(DataError, match=r"nsmc train could not be downloaded from http://127.*404"):
        fetch("nsmc")
    known(urls={"train": "http://127.0.0.1:1/ratings_train.txt"})
    with pytest.raises(DataError, match=r"nsmc train could not be downloaded from http://127\.0\.0\.1:1/.*refused"):
        fetch("nsmc")
    assert names(cache) == []


def test_file_addresses(known, write, cache):
    known(urls={split: write(f"{split}.txt", text).as_uri() for split, text in (("train", TRAIN), ("test", TEST))})
    assert fetch("nsmc")["test"] == cache / "test.txt"


def test_a_cache_that_cannot_be_written(nsmc, tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(DiskError):
        fetch("nsmc")


def test_a_split_without_an_address_says_how_to_get_it(known, cache):
    known(urls={})
    with pytest.raises(DataError) as caught:
        fetch("nsmc")
    assert f"Get it from https://github.com/e9t/nsmc and put it at {cache / 'train.parquet'}" in str(caught.value)


def test_find_says_what_to_run(cache, known):
    with pytest.raises(DataError) as caught:
        find(entry("nsmc"), "test")
    assert f"looked in {cache}. Run: yeonma data fetch nsmc. Or set YEONMA_DATA" in str(caught.value)
    known(urls={})
    with pytest.raises(DataError, match=r"Get it from https://github\.com/e9t/nsmc"):
        find(entry("nsmc"), "test")


def test_the_sample_needs_no_fetching():
    fetched = fetch("sample-single")
    assert list(fetched) == ["train", "validation", "test"]
    assert all(path.is_file() for path in fetched.values())
