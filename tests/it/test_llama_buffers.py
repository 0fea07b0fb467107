"""llama-server's ledger against the lines of a real one (tests/data/llama_buffers.jsonl, made by bench/llama.py; llama.cpp 0c1e57098)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from conftest import BERTH, ROOT
from gguf_file import write_model

sys.path.insert(0, str(ROOT / "bench"))
from llama import ROWS as FILE, ledger, span, told  # noqa: E402

ROWS = [json.loads(line) for line in FILE.read_text().splitlines()]


@pytest.mark.parametrize("row", ROWS, ids=lambda r: "-".join([*(f"{k}{v}" for k, v in r["shape"].items()), r["flags"].replace(" ", ""), str(r["devices"])]))
def test_ledger_is_what_the_engine_allocates(tmp_path: Path, row: dict) -> None:
    write_model(tmp_path / "m.gguf", **row["shape"])
    for place, found in ledger(str(BERTH), tmp_path / "m.gguf", row):
        if not span(row, place):
            assert abs(found["model"] - told(row, place, "model")) < 0.02, (place, "model")
        assert abs(found["KV"] - told(row, place, "KV")) < 0.02, (place, "KV")
        if place == "CPU":
            assert abs(found["output"] - told(row, place, "output")) < 0.02
        real = told(row, place, "compute")
        slack = 0.10 if place == "CPU" else 0.18
        unpacked = 8.1 if place != "CPU" and "-ctk" in row["flags"] else 0.2  # a device that is a CPU does not unpack its cache, CUDA does
        assert real * 0.93 - 0.2 <= found["compute"], (place, "compute: too little", found["compute"], real)
        assert found["compute"] <= real * (1 + slack) + unpacked, (place, "compute: too much", found["compute"], real)


def test_the_rows_cover_what_changes_bytes() -> None:
    flags = " ".join(r["flags"] for r in ROWS)
    assert len(ROWS) >= 80 and {r["devices"] for r in ROWS} == {0, 1, 2}
    for word in ("-fa off", "-ctk q4_0", "-np 16", "-kvu", "-ub 2048", "-nkvo", "--cpu-moe", "-ts 3,1", "--swa-full", "-ngl 5"):
        assert word in flags
    assert {"gemma2", "gemma3", "gpt-oss", "qwen3moe", "deepseek2"} <= {r["shape"].get("arch") for r in ROWS}
