"""Training that goes on: the state on disk, the loop, the scratch folder, and who may use it."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors import safe_open

from yeonma.errors import Diverged, Interrupted, RunError
from yeonma.pretraining.work import STATE, Work, descend, kept_work, passing_work, work_folder


class Walk:
    """A training whose state is a random walk: ten steps, of which the one called `fails` raises."""

    def __init__(self, fails: int = -1) -> None:
        self.state = {"place": np.zeros(3), "random": np.array([88172645463325252], np.uint64)}
        self.fails, self.made = fails, []

    def step(self, number: int) -> None:
        if number == self.fails:
            raise KeyboardInterrupt
        random = self.state["random"]
        random ^= random << np.uint64(13)
        random ^= random >> np.uint64(7)
        random ^= random << np.uint64(17)
        self.state["place"] += float(random[0] % np.uint64(1000)) / 7
        self.made.append(number)

    def descend(self, work: Work, **more) -> float:
        return descend(work, self.state, 10, self.step, **more)


def same(one: Walk, other: Walk) -> bool:
    return all(one.state[name].tobytes() == other.state[name].tobytes() for name in one.state)


@pytest.fixture
def whole() -> Walk:
    with passing_work() as work:
        walk = Walk()
        walk.descend(work)
    return walk


def test_a_training_without_disturbance_keeps_nothing(tmp_path, whole):
    walk = Walk()
    walk.descend(Work(tmp_path))
    assert walk.made == list(range(10))
    assert same(walk, whole)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("fails", range(1, 10))
def test_stopped_anywhere_it_goes_on_to_the_same_bits(tmp_path, whole, fails):
    with pytest.raises(KeyboardInterrupt):
        Walk(fails).descend(Work(tmp_path, every=0))
    walk = Walk()
    walk.descend(Work(tmp_path, every=0))
    assert walk.made == list(range(fails, 10))
    assert same(walk, whole)


def test_the_state_is_kept_when_the_time_has_come(tmp_path, monkeypatch):
    now, kept = [100.0], []
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    work, state = Work(tmp_path, every=60), {"a": np.arange(3)}
    for step in range(1, 8):
        now[0] += 25
        (tmp_path / STATE).unlink(missing_ok=True)
        work.keep(step, state)
        kept.append((tmp_path / STATE).exists())
    assert kept == [False, False, True, False, False, True, False]


def test_seconds_go_on_counting(tmp_path):
    Work(tmp_path, every=0).keep(3, Walk().state, 1000.0)
    assert 1000 < Walk().descend(Work(tmp_path)) < 1010
    with safe_open(tmp_path / STATE, "np") as kept:
        assert kept.metadata() == {"step": "3", "seconds": "1000.0"}


def test_progress_tells_what_is_done_of_all(tmp_path):
    told = []
    with pytest.raises(KeyboardInterrupt):
        Walk(4).descend(Work(tmp_path, every=0))
    Walk().descend(Work(tmp_path), progress=lambda *what: told.append(what), total=25, unit="tokens")
    assert told[0] == ("train", 12, 25, "tokens")
    assert told[-1] == ("train", 25, 25, "tokens")


def test_a_stop_keeps_the_state_and_names_the_way_on(tmp_path, whole):
    asked = iter([False, False, True])
    with pytest.raises(Interrupted, match=r"Saved at step 3\. Continue with: yeonma pretrain word2vec -o v --resume"):
        Walk().descend(Work(tmp_path, stop=lambda: next(asked), again="yeonma pretrain word2vec -o v --resume"))
    walk = Walk()
    walk.descend(Work(tmp_path))
    assert walk.made == list(range(3, 10))
    assert same(walk, whole)


@pytest.mark.parametrize(
    "state",
    [
        {"place": np.zeros(3)},
        {"place": np.zeros(4), "random": np.ones(1, np.uint64)},
        {"place": np.zeros(3, np.float32), "random": np.ones(1, np.uint64)},
    ],
)
def test_the_state_of_another_training_is_refused(tmp_path, state):
    Work(tmp_path, every=0).keep(1, Walk().state)
    with pytest.raises(RunError, match=r"kept by another training: its arrays differ\. Remove .* and start afresh"):
        Work(tmp_path).begun(state)


def test_a_cut_state_is_refused(tmp_path):
    Work(tmp_path, every=0).keep(1, Walk().state)
    (tmp_path / STATE).write_bytes((tmp_path / STATE).read_bytes()[:-3])
    with pytest.raises(RunError, match="is not whole"):
        Work(tmp_path).begun(Walk().state)


def train(output, fails=-1, **settings):
    settings = {"resume": False, **settings}
    with kept_work(output, "yeonma pretrain x --resume", **settings) as work:
        work.every = 0
        Walk(fails).descend(work)


def test_the_folder_stands_beside_the_output_and_goes_with_the_end(tmp_path):
    with kept_work(tmp_path / "v", "", resume=False) as work:
        assert work.folder == tmp_path / ".v.work" == work_folder(tmp_path / "v")
        assert work.folder.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_training_must_be_resumed_or_removed(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "v", fails=5)
    with pytest.raises(
        RunError, match=r"Go on with: yeonma pretrain x --resume\. Or remove .*\.v\.work to start afresh"
    ):
        train(tmp_path / "v")
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "v", fails=7, resume=True)
    train(tmp_path / "v", resume=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RunError, match="no unfinished training"):
        train(tmp_path / "v", resume=True)


def test_what_failed_before_any_state_was_kept_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "v", fails=0)
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_left_without_state_is_cleared(tmp_path):
    (tmp_path / ".v.work" / "tokenizer").mkdir(parents=True)
    (tmp_path / ".v.work" / "spill").write_bytes(b"half")
    with kept_work(tmp_path / "v", "", resume=False) as work:
        assert [path.name for path in work.folder.iterdir()] == [".lock"]


def test_what_diverged_cannot_go_on(tmp_path):
    with pytest.raises(Diverged), kept_work(tmp_path / "v", "", resume=False) as work:
        Work(work.folder, every=0).keep(1, Walk().state)
        raise Diverged("no number")
    assert list(tmp_path.iterdir()) == []


def test_two_cannot_train_one_output(tmp_path):
    with kept_work(tmp_path / "v", "", resume=False):
        with pytest.raises(RunError, match="Another process trains"):
            train(tmp_path / "v")
        assert (tmp_path / ".v.work").is_dir()
