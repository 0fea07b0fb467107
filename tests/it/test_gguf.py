"""berth estimate on GGUF files: llama-server's ledger end to end, on cards and on the host's RAM, and broken files."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest

from conftest import BERTH, DEADLINE_S
from gguf_file import write_model

TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q8_0": (8, 32, 34), "Q4_K": (12, 256, 144)}
GIB = 1 << 30


def text(z: str) -> bytes:
    return struct.pack("<Q", len(z)) + z.encode()


def write(path: Path, layers: int = 32, hidden: int = 4096, feed: int = 14336, heads: int = 32, kv_heads: int = 8, vocab: int = 32000, kind: str = "Q8_0",
          context: int = 131072, no: int = 0, of: int = 1) -> int:
    """A Llama's headers with a hole for data; of several files the no-th has every of-th tensor. Returns the bytes of its tensors."""
    head = hidden // heads
    keys = [text("general.architecture") + struct.pack("<I", 8) + text("llama")]
    for key, value in (("block_count", layers), ("context_length", context), ("embedding_length", hidden), ("feed_forward_length", feed), ("attention.head_count", heads),
                       ("attention.head_count_kv", kv_heads)):
        keys.append(text("llama." + key) + struct.pack("<II", 4, value))
    tensors = [("token_embd.weight", kind, (hidden, vocab)), ("output_norm.weight", "F32", (hidden,)), ("output.weight", kind, (hidden, vocab))]
    for i in range(layers):
        tensors += [(f"blk.{i}.{name}.weight", k, ne) for name, k, ne in (
            ("attn_norm", "F32", (hidden,)), ("attn_q", kind, (hidden, hidden)), ("attn_k", kind, (hidden, kv_heads * head)), ("attn_v", kind, (hidden, kv_heads * head)),
            ("attn_output", kind, (hidden, hidden)), ("ffn_norm", "F32", (hidden,)), ("ffn_gate", kind, (hidden, feed)), ("ffn_up", kind, (hidden, feed)), ("ffn_down", kind, (feed, hidden)))]
    if of > 1:
        keys += [text("split.no") + struct.pack("<IH", 2, no), text("split.count") + struct.pack("<IH", 2, of), text("split.tensors.count") + struct.pack("<Ii", 5, len(tensors))]
    infos, at, total = b"", 0, 0
    mine = tensors[no::of]
    for name, k, ne in mine:
        number, block, size = TYPES[k]
        data = ne[0] // block * size * (ne[1] if len(ne) > 1 else 1)
        infos += text(name) + struct.pack("<I", len(ne)) + b"".join(struct.pack("<Q", n) for n in ne) + struct.pack("<IQ", number, at)
        at += -(-data // 32) * 32
        total += data
    front = b"GGUF" + struct.pack("<IQQ", 3, len(mine), len(keys)) + b"".join(keys) + infos
    front += b"\0" * (-len(front) % 32)
    with open(path, "wb") as f:
        f.write(front)
        f.truncate(len(front) + at)
    return total


def estimate(*args: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BERTH), "estimate", *map(str, args)], capture_output=True, text=True, timeout=DEADLINE_S, check=False, env={**os.environ, **env})


def answer(*args: str | Path, **env: str) -> dict:
    done = estimate("--json", *args, **env)
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def lines(need: list[dict]) -> dict[str, int]:
    return {line["part"]: line["bytes"] for line in need}


def test_on_one_card(tmp_path: Path) -> None:
    total = write(tmp_path / "m.gguf")
    a = answer(tmp_path / "m.gguf", "--gpu", "rtx4090", "-c", "16384")
    rank, embedding = a["ranks"][0], 4096 // 32 * 34 * 32000
    assert a["engine"]["name"] == "llama-server" and a["fits"]
    assert a["model"]["weight_bytes"] == total
    assert lines(rank["need"])["weights"] == total - embedding
    assert lines(rank["need"])["kv"] == 32 * 2 * 8 * 128 * 2 * 16384
    assert lines(a["host"][0]["need"])["weights"] == embedding
    assert sum(line["bytes"] for line in rank["need"]) == rank["need_bytes"]
    assert sum(line["bytes"] for line in a["host"][0]["need"]) == a["host"][0]["bytes"]
    assert "-c 16384" in a["command"] and "--fit off" in a["command"]
    # the command that it prints is understood, and means the same
    again = answer("--gpu", "rtx4090", "--", *a["command"].split())
    assert again["ranks"][0]["need_bytes"] == rank["need_bytes"]


def test_split_files_count_as_one(tmp_path: Path) -> None:
    one = write(tmp_path / "one.gguf", layers=4)
    parts = sum(write(tmp_path / f"m-{k + 1:05}-of-00003.gguf", layers=4, no=k, of=3) for k in range(3))
    assert one == parts
    whole, split = (answer(tmp_path / name, "--gpu", "rtx4090", "-c", "4096") for name in ("one.gguf", "m-00001-of-00003.gguf"))
    assert whole["ranks"] == split["ranks"]
    (tmp_path / "m-00002-of-00003.gguf").unlink()
    done = estimate(tmp_path / "m-00001-of-00003.gguf")
    assert done.returncode == 1 and "file 2 of 3 of the split model is not there" in done.stderr


def test_two_cards_and_the_way_out(tmp_path: Path) -> None:
    write(tmp_path / "70b.gguf", layers=80, hidden=8192, feed=28672, heads=64, kind="Q4_K")
    a = answer(tmp_path / "70b.gguf", "--gpu", "rtx4090", "-c", "16384")
    assert not a["fits"] and "unable to allocate CUDA0 buffer" in a["refusals"][0]["text"]
    flags = [advice["flags"] for advice in a["advice"]]
    assert "-ts 1,1" in flags and any(f.startswith("-ngl ") for f in flags)
    for f in flags:                                # each one really fits
        assert answer(tmp_path / "70b.gguf", "--gpu", "rtx4090", "-c", "16384", *f.split())["fits"], f
    two = answer(tmp_path / "70b.gguf", "--gpu", "rtx4090", "-c", "16384", "-ts", "1,1")
    assert [r["layers"] for r in two["ranks"]] == [41, 39]           # the output counts as a layer, and is the last card's


def test_the_longest_is_the_longest(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    a = answer(tmp_path / "m.gguf", "--gpu", "rtx3090", "-c", "131072")
    longest = a["context"]["longest"]
    assert not a["fits"] and 4096 < longest < 131072
    assert answer(tmp_path / "m.gguf", "--gpu", "rtx3090", "-c", str(longest))["fits"]
    assert not answer(tmp_path / "m.gguf", "--gpu", "rtx3090", "-c", str(longest + 256))["fits"]


def test_tensors_that_are_elsewhere(tmp_path: Path) -> None:
    """-ot of the experts is --cpu-moe; of a layer's feed-forward on the other card, just those bytes move."""
    write_model(tmp_path / "moe.gguf", arch="qwen3moe", layers=8, hidden=1024, heads=8, kv_heads=4, feed=1024, experts=16, used=4, expert_feed=1024)
    args = (tmp_path / "moe.gguf", "--gpu", "RTX-4090", "-c", "4096")
    whole, moe, same = (answer(*args, *more) for more in ((), ("--cpu-moe",), ("-ot", r"\.ffn_(?:up|down|gate|gate_up)_(?:ch|)exps=CPU")))
    assert [r["need_bytes"] for r in same["ranks"]] == [r["need_bytes"] for r in moe["ranks"]] < [r["need_bytes"] for r in whole["ranks"]]
    assert same["host"][0]["bytes"] == moe["host"][0]["bytes"] > whole["host"][0]["bytes"]
    assert r"-ot '\.ffn_(?:up|down|gate|gate_up)_(?:ch|)exps=CPU'" in same["command"]
    write(tmp_path / "m.gguf")
    two = (tmp_path / "m.gguf", "--gpu", "RTX-4090", "-c", "4096", "-ts", "1,1")
    here, there = (answer(*two, *more) for more in ((), ("-ot", r"blk\.0\.ffn_up\.weight=CUDA1")))
    weights = [[sum(line["bytes"] for line in r["need"] if line["part"] == "weights") for r in found["ranks"]] for found in (here, there)]
    up = 4096 * 14336 // 32 * 34
    assert weights[1] == [weights[0][0] - up, weights[0][1] + up]


@pytest.mark.parametrize(("value", "says"), [("exps", "NAMES=PLACE"), ("exps=GPU", "NAMES=PLACE"), ("(exps=CPU", "expression"), ("exps=CUDA99", "NAMES=PLACE")])
def test_places_that_are_none(tmp_path: Path, value: str, says: str) -> None:
    write(tmp_path / "m.gguf")
    done = estimate(tmp_path / "m.gguf", "--gpu", "RTX-4090", "-ot", value)
    assert done.returncode == 2
    assert says in done.stderr


def test_sweep_over_cards_contexts_and_kv(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    found = answer(tmp_path / "m.gguf", "--gpu", "RTX-4090", "--sweep", "pp,context,kv-dtype", "-c", "16384", "-np", "1")
    cells = {(c["pp"], c["context"], c["kv_dtype"]): c for c in found["sweep"]}
    assert set(cells) == {(p, n, k) for p in (1, 2, 4, 8) for n in (4096, 8192, 16384) for k in ("auto", "q8_0")}
    assert all(c["fits"] for c in cells.values())
    alone = answer(tmp_path / "m.gguf", "--gpu", "RTX-4090", "-c", "8192", "-np", "1", "-ts", "1,1", "-ctk", "q8_0", "-ctv", "q8_0")
    assert cells[2, 8192, "q8_0"]["need_bytes"] == max(r["need_bytes"] for r in alone["ranks"])
    assert cells[1, 16384, "q8_0"]["need_bytes"] < cells[1, 16384, "auto"]["need_bytes"]


def test_on_the_cpu(tmp_path: Path) -> None:
    total = write(tmp_path / "small.gguf", layers=2, hidden=1024, feed=2048, heads=8, kv_heads=2)
    a = answer(tmp_path / "small.gguf", "--gpu", "cpu", "-c", "4096", "--cache-ram", "0")
    assert a["fits"] and a["gpu"]["uuid"] == "cpu"
    assert lines(a["ranks"][0]["need"])["weights"] == total
    assert "context" not in lines(a["ranks"][0]["need"])
    assert "-ngl 0" in a["command"]
    shown = estimate(tmp_path / "small.gguf", "--gpu", "cpu", "-c", "4096").stdout
    assert "of RAM" in shown and "GPU" not in shown.split("fits;")[0].replace("no GPU", "")


def test_in_the_hugging_face_cache(tmp_path: Path) -> None:
    repo = tmp_path / "hub" / "models--acme--tiny-GGUF"
    snapshot = repo / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text("0" * 40)
    total = write(snapshot / "tiny.gguf", layers=2, hidden=1024, feed=2048, heads=8, kv_heads=2)
    a = answer("acme/tiny-GGUF", "--engine", "llama-server", "--gpu", "rtx4090", HF_HUB_CACHE=str(tmp_path / "hub"))
    assert a["model"]["weight_bytes"] == total


def test_a_pasted_command_word_by_word(tmp_path: Path) -> None:
    write(tmp_path / "m.gguf")
    a = answer("--gpu", "rtx4090", "--", "llama-server", "-m", str(tmp_path / "m.gguf"), "-ngl", "99", "-c", "8192", "-t", "8", "--jinja", "-md", "draft.gguf", "--no-such", "3")
    effects = {item["text"].split()[0]: item["effect"] for item in a["command_line"]["items"]}
    assert effects["-c"] == effects["-ngl"] == "counted"
    assert effects["-md"] == "not-counted" and effects["--no-such"] == "unknown"
    assert effects["-t"] == effects["--jinja"] == "no-bytes"
    assert answer("--", "llama-server", "-m", str(tmp_path / "m.gguf"), "-dev", "none", "-c", "4096")["gpu"]["uuid"] == "cpu"


@pytest.mark.parametrize(("args", "code", "says"), [
    (("-dev", "none"), 2, "-dev none uses no GPU"),
    (("-sm", "row"), 2, "layer or tensor"),
    (("-sm", "tensor"), 1, "does not know its memory yet"),
    (("-ctv", "q4_0", "-fa", "off"), 3, "quantized V cache requires flash_attn"),
    (("--engine", "vllm"), 1, "--engine llama-server"),
    (("--max-model-len", "100"), 2, "unknown option --max-model-len"),
    (("-ts", "1,x"), 2, "shares such as"),
    (("-ngl", "-7"), 2, "a number of layers"),
])
def test_wrong_flags(tmp_path: Path, args: tuple[str, ...], code: int, says: str) -> None:
    write(tmp_path / "m.gguf", layers=2)
    done = estimate(tmp_path / "m.gguf", "--gpu", "rtx4090", *args)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
