"""`plan` and `explain` of servers that draft: the rate is without, and what drafts would make of it stands beside it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S

MTP = "Qwen/Qwen3.6-27B"


def berth(*args: str) -> subprocess.CompletedProcess[str]:
    """No cache, no engine and no card of this machine: the same answer everywhere."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return subprocess.run([BERTH, *args], capture_output=True, text=True, timeout=DEADLINE_S, env=clean, check=False)


def spec(tmp_path: Path, model: str, args: list[str], engine: str = "vllm") -> Path:
    file = tmp_path / "berth.yaml"
    file.write_text(f"name: drafts\ngpus: 2xH100-80GB-HBM3\nworkloads:\n  chat:\n    engine: {engine}\n    model: {model}\n    gpus: 2\n    context: 8192\n" + (f"    args: {json.dumps(args)}\n" if args else ""))
    return file


def pace(file: Path) -> dict:
    done = berth("plan", "--json", "-f", str(file))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["phases"][0]["instances"][0]["pace"]


def config(**keys: object) -> list[str]:
    return ["--speculative-config", json.dumps(keys)]


@pytest.mark.parametrize(
    ("model", "args", "kind", "tokens", "acceptance", "words"),
    [
        ("Qwen/Qwen3-32B", config(method="ngram", num_speculative_tokens=4), "ngram", 4, 0.40, "n-grams of the text, 4 tokens at once"),
        ("Qwen/Qwen3-32B", config(method="eagle3", model="org/qwen3-32b-eagle3", num_speculative_tokens=3), "eagle", 3, 0.55, "an EAGLE head, 3 tokens"),
        (MTP, config(method="mtp", num_speculative_tokens=1), "mtp", 1, 0.75, "its own layers (MTP), 1 token at once"),
        ("Qwen/Qwen3-32B", config(model="Qwen/Qwen3-0.6B", method="draft_model", num_speculative_tokens=5), "model", 5, 0.70, "Qwen/Qwen3-0.6B, 5 tokens"),
    ],
)
def test_with_drafts(tmp_path: Path, model: str, args: list[str], kind: str, tokens: int, acceptance: float, words: str) -> None:
    file = spec(tmp_path, model, args)
    said, plain = pace(file), pace(spec(tmp_path, model, []))
    assert plain["drafted"] is None
    assert said["decode_tok_s"] == pytest.approx(plain["decode_tok_s"], rel=0.01)        # the shape is chosen by the rate without
    drafted = said["drafted"]
    assert (drafted["kind"], drafted["tokens"], drafted["assumed"]) == (kind, tokens, True)
    assert drafted["acceptance"] == pytest.approx(acceptance)
    kept = (1 - acceptance ** (tokens + 1)) / (1 - acceptance)
    assert said["decode_tok_s"] < drafted["decode_tok_s"] < kept * said["decode_tok_s"]   # more tokens a step, and a step costs more
    file = spec(tmp_path, model, args)
    for verb in ("plan", "explain"):
        done = berth(verb, "-f", str(file))
        assert done.returncode == 0, done.stderr
        line = next(x for x in done.stdout.splitlines() if x.startswith("chat: ") and "without drafts" in x)
        assert words in line and f"about {drafted['decode_tok_s']:.1f} if {acceptance * 100:.0f} % are kept, as is usual" in line


@pytest.mark.parametrize(
    ("engine", "args"),
    [
        ("vllm", config(method="medusa", model="org/heads", num_speculative_tokens=3)),
        ("vllm", config(method="dflash", model="org/blocks", num_speculative_tokens=7)),
        ("vllm", config(model="org/nobody-has-it", num_speculative_tokens=3)),
        ("sglang", ["--speculative-algorithm", "EAGLE", "--speculative-draft-model-path", "org/head", "--speculative-num-steps", "4", "--speculative-eagle-topk", "4"]),
        ("sglang", ["--speculative-algorithm", "NGRAM"]),
    ],
)
def test_not_predicted(tmp_path: Path, engine: str, args: list[str]) -> None:
    file = spec(tmp_path, "Qwen/Qwen3-32B", args, engine)
    assert set(pace(file)["drafted"].values()) == {None}
    done = berth("plan", "-f", str(file))
    assert "tok/s is without drafts, and the cards were chosen by it; how fast it is with them is not predicted" in done.stdout


@pytest.mark.parametrize(
    ("args", "kind", "tokens"),
    [
        (["--speculative-algorithm", "EAGLE3", "--speculative-draft-model-path", "org/head", "--speculative-num-steps", "3", "--speculative-eagle-topk", "1"], "eagle", 3),
        (["--speculative-algorithm", "NGRAM", "--speculative-num-draft-tokens", "8"], "ngram", 8),
    ],
)
def test_sglang(tmp_path: Path, args: list[str], kind: str, tokens: int) -> None:
    drafted = pace(spec(tmp_path, "Qwen/Qwen3-32B", args, "sglang"))["drafted"]
    assert (drafted["kind"], drafted["tokens"]) == (kind, tokens)


def test_nothing_is_said_where_nothing_is_drafted(tmp_path: Path) -> None:
    file = spec(tmp_path, "Qwen/Qwen3-32B", [])
    for verb in ("plan", "explain"):
        assert "drafts" not in berth(verb, "-f", str(file)).stdout.replace("plan of drafts", "")
