"""berth check: a whole folder is whole, and each way a download, a copy or a mix-up breaks one is named, all of them at once."""

from __future__ import annotations

import json
import os
import struct
import subprocess
from pathlib import Path

import pytest

from conftest import BERTH, DEADLINE_S
from test_hub import CONFIG, gguf, safetensors, tensors


def write_tiny(folder: Path, shards: int = 2, **config: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    names = list(tensors().items())
    weight_map = {}
    for k in range(shards):
        name = f"model-{k + 1:05}-of-{shards:05}.safetensors"
        part = dict(names[k::shards])
        front, size = safetensors(part)
        with open(folder / name, "wb") as f:
            f.write(front)
            f.truncate(size)
        weight_map.update({tensor: name for tensor in part})
    (folder / "config.json").write_text(json.dumps({**CONFIG, **config}))
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "model": {"vocab": {"a": 0, "b": 1, "c": 2, "d": 3}, "merges": []}}))
    (folder / "tokenizer_config.json").write_text("{}")
    return folder


def check(model: Path | str, *args: str, **env: str) -> tuple[int, dict, str]:
    done = subprocess.run([str(BERTH), "check", str(model), "--json", *args], capture_output=True, text=True, timeout=DEADLINE_S, check=False, env={**os.environ, **env})
    return done.returncode, json.loads(done.stdout), done.stderr


def rows(answer: dict, verdict: str) -> list[str]:
    return [f"{r['what']}: {r['text']}" for r in answer["rows"] if r["verdict"] == verdict]


def test_whole(tmp_path: Path) -> None:
    code, answer, _ = check(write_tiny(tmp_path / "m"), "--gpu", "A100-SXM4-40GB")
    assert code == 0 and answer["ok"] and answer["schema"] == 1 and answer["kind"] == "check"
    assert rows(answer, "wrong") == []
    assert {r["what"] for r in answer["rows"] if r["verdict"] == "ok"} >= {"config", "weights", "index", "layers", "tokenizer", "card"}
    text = subprocess.run([str(BERTH), "check", str(tmp_path / "m")], capture_output=True, text=True, timeout=DEADLINE_S, check=True).stdout
    assert text.rstrip().endswith("whole")


def cut(path: Path, by: int) -> None:
    with open(path, "r+b") as f:
        f.truncate(path.stat().st_size - by)


SHARD = "model-00002-of-00002.safetensors"
FAULTS = {
    "shard cut in its data": (lambda m: cut(m / SHARD, 100), SHARD),
    "shard cut in its header": (lambda m: (m / SHARD).write_bytes((m / SHARD).read_bytes()[:40]), "truncated"),
    "shard empty": (lambda m: (m / SHARD).write_bytes(b""), "0 bytes"),
    "shard missing": (lambda m: (m / SHARD).unlink(), "is not there"),
    "shard is a pointer": (lambda m: (m / SHARD).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n"), "Git LFS pointer"),
    "shard is noise": (lambda m: (m / SHARD).write_bytes(b"\xff" * 5000), "header length"),
    "shard is a dead link": (lambda m: ((m / SHARD).unlink(), (m / SHARD).symlink_to("/nowhere/blob")), "a link to a file that is not there"),
    "index cut": (lambda m: (m / "model.safetensors.index.json").write_text("{\"weight_map\": {"), "model.safetensors.index.json"),
    "index without a map": (lambda m: (m / "model.safetensors.index.json").write_text("{}"), "weight_map"),
    "index points away": (lambda m: (m / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../../x.safetensors"}})), "not a file name beside"),
    "config missing": (lambda m: (m / "config.json").unlink(), "no config.json"),
    "config cut": (lambda m: (m / "config.json").write_text("{\"architectures\": ["), "config.json"),
    "tokenizer missing": (lambda m: (m / "tokenizer.json").unlink(), "no tokenizer"),
    "tokenizer cut": (lambda m: (m / "tokenizer.json").write_text((m / "tokenizer.json").read_text()[:-3]), "cut"),
    "tokenizer is a pointer": (lambda m: (m / "tokenizer.json").write_text("version https://git-lfs.github.com/spec/v1\n" + "x" * 60), "Git LFS pointer"),
    "config of another model": (lambda m: (m / "config.json").write_text(json.dumps({**CONFIG, "num_hidden_layers": 9})), "5 of the 9 layers"),
    "tensor in the wrong file": (lambda m: (m / "model.safetensors.index.json").write_text(
        (m / "model.safetensors.index.json").read_text().replace("\"model.norm.weight\": \"model-00002-of-00002.safetensors\"", "\"model.norm.weight\": \"model-00001-of-00002.safetensors\"")),
        "model.norm.weight is said to be in model-00001-of-00002.safetensors"),
}


@pytest.mark.parametrize("name", list(FAULTS))
def test_each_fault_is_named(tmp_path: Path, name: str) -> None:
    spoil, says = FAULTS[name]
    folder = write_tiny(tmp_path / "m")
    spoil(folder)
    code, answer, _ = check(folder)
    assert code == 1 and not answer["ok"]
    assert any(says in row for row in rows(answer, "wrong")), rows(answer, "wrong")


def test_all_faults_at_once(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "m", shards=4)
    (folder / "model-00001-of-00004.safetensors").unlink()
    cut(folder / "model-00003-of-00004.safetensors", 1)
    (folder / "tokenizer.json").unlink()
    code, answer, _ = check(folder)
    wrong = " | ".join(rows(answer, "wrong"))
    assert code == 1
    assert "model-00001-of-00004" in wrong and "model-00003-of-00004" in wrong and "tokenizer" in wrong and "model-00002-of-00004" not in wrong


def test_cards(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "m")
    assert "no bfloat16" in " ".join(rows(check(folder, "--gpu", "T4")[1], "warning"))
    fp8 = write_tiny(tmp_path / "fp8", quantization_config={"quant_method": "fp8", "weight_block_size": [128, 128]})
    assert "unpacking" in " ".join(rows(check(fp8, "--gpu", "A100-SXM4-40GB")[1], "warning"))
    assert any(row.startswith("card: ") for row in rows(check(fp8, "--gpu", "h100-sxm")[1], "ok"))
    code, answer, _ = check(fp8, "--gpu", "V100-SXM2-16GB")
    assert code == 1 and "cannot run FP8" in " ".join(rows(answer, "wrong"))


def test_what_the_installed_engine_knows(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "m")
    site = tmp_path / "venv" / "lib" / "python3.12" / "site-packages"
    (site / "vllm" / "model_executor" / "models").mkdir(parents=True)
    (site / "vllm-0.11.0.dist-info").mkdir()
    (site / "vllm-0.11.0.dist-info" / "METADATA").write_text("Name: vllm\nVersion: 0.11.0\n\n")
    registry = site / "vllm" / "model_executor" / "models" / "registry.py"
    program = tmp_path / "venv" / "bin" / "vllm"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)
    path = {"PATH": f"{program.parent}:/usr/bin:/bin"}
    registry.write_text("_MODELS = {\n    \"LlamaForCausalLM\": (\"llama\", \"LlamaForCausalLM\"),\n}\n")
    code, answer, _ = check(folder, **path)
    assert code == 0 and "engine: vLLM 0.11.0 knows LlamaForCausalLM" in rows(answer, "ok")
    registry.write_text("_MODELS = {\n    \"OtherForCausalLM\": (\"other\", \"OtherForCausalLM\"),\n}\n")
    code, answer, _ = check(folder, **path)
    assert code == 1 and "does not know LlamaForCausalLM" in " ".join(rows(answer, "wrong"))
    code, answer, _ = check(folder, "--engine-version", "0.32.0", **path)      # another one: not looked up, not guessed
    assert code == 0 and "0.11.0 is installed, not 0.32.0" in " ".join(rows(answer, "not checked"))


def test_gguf(tmp_path: Path) -> None:
    front, size = gguf()
    file = tmp_path / "g" / "m.gguf"
    file.parent.mkdir()
    file.write_bytes(front + b"\0" * (size - len(front)))
    for what in (file, file.parent):
        code, answer, _ = check(what, "--gpu", "rtx4090")
        assert code == 0, rows(answer, "wrong")
    cut(file, 100)
    for what in (file, file.parent):
        code, answer, _ = check(what)
        assert code == 1 and "truncated" in " ".join(rows(answer, "wrong"))
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1 << 63, 0))
    code, answer, _ = check(file)
    assert code == 1 and "9223372036854775808 tensors" in " ".join(rows(answer, "wrong"))


@pytest.mark.parametrize(("args", "code", "says"), [
    (("/no/such/folder",), 1, "no folder /no/such/folder"),
    (("/no/such.gguf",), 1, "no file"),
    ((), 2, "which model?"),
    (("a", "b"), 2, "one model at a time"),
    (("a", "--gpus", "1"), 2, "unknown option"),
])
def test_usage(args: tuple[str, ...], code: int, says: str) -> None:
    done = subprocess.run([str(BERTH), "check", *args], capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == code and says in done.stderr
