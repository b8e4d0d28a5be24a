"""What a run was made with, as far as this machine tells."""

from __future__ import annotations

import os
from pathlib import Path

from yeonma.environment import environment, processor


def test_it_names_machine_versions_and_command():
    found = environment()
    assert found["cores"] == os.cpu_count()
    assert all(found["packages"].values())
    assert found["processor"] == processor() != ""


def test_without_a_list_of_processors_the_platform_is_asked(monkeypatch):
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: (_ for _ in ()).throw(FileNotFoundError()))
    assert processor()
