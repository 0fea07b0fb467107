"""Fixtures of the real engines: installed once, tiny models made once a session, a house a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from engines import LLAMA, VLLM, House, engines, run_python

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session", autouse=True)
def installed() -> None:
    engines()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    run_python(VLLM, HERE / "make_model.py", folder)
    return folder


@pytest.fixture(scope="session")
def gguf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    run_python(LLAMA / "venv", HERE / "make_gguf.py", file)
    return file


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()
