"""Tiny transformer encoders, a folder of each shape."""

import pytest

from transformer_builders import SHAPES, publish


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    return {shape: publish(shape, tmp_path_factory.mktemp(shape)) for shape in SHAPES}


@pytest.fixture(params=SHAPES)
def folder(request, folders):
    return folders[request.param]
