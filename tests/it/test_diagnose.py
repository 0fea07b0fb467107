"""berth diagnose as a user meets it; what each line of a log means is checked in tests/unit/engine_diagnose.c."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, ROOT

LOGS = ROOT / "tests" / "data" / "diagnose"


def diagnose(*args: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8"}
    return subprocess.run([BERTH, "diagnose", *args], input=text, capture_output=True, text=True, timeout=DEADLINE_S, env=env, check=False)


def answer(*args: str, text: str | None = None, code: int = 0) -> dict:
    result = diagnose(*args, "--json", text=text)
    assert result.returncode == code, result.stderr
    found = json.loads(result.stdout)
    assert (found["schema"], found["kind"]) == (1, "diagnose")
    return found


def test_founding_case_for_people() -> None:
    result = diagnose(str(LOGS / "kv_too_small.log"))
    assert result.returncode == 0
    first = " ".join(result.stdout.split())
    assert first.startswith("cause the KV cache is too small: one request of 32768 tokens needs 16.00 GiB, and 4.85 GiB are left for KV; 9936 tokens would fit")
    assert "--max-model-len 9936\n" in result.stdout


def test_founding_case_checked_by_the_ledger() -> None:
    found = answer(str(LOGS / "kv_too_small.log"), "--gpu", "23.52GiB")
    assert found["code"] == "kv-too-small"
    assert found["certainty"] == "cause"
    assert found["figures"]["needed_gib"] == 16.0
    assert found["figures"]["fits_tokens"] == 9936
    assert found["given"]["max-model-len"] == "32768"
    assert "Qwen/Qwen1.5-7B-Chat" in found["checked_on"]
    checked = [a["flags"] for a in found["advice"] if a["checked"]]
    assert "--tensor-parallel-size 2" in checked
    assert not any(flags.startswith("--max-model-len") for flags in checked)  # the log's own figure is better


def test_standard_input_is_the_same() -> None:
    path = LOGS / "oom_neighbour.log"
    assert answer("-", text=path.read_text()) == answer(str(path))


def test_who_held_the_card() -> None:
    found = answer(str(LOGS / "oom_job_neighbour.log"))
    assert found["code"] == "oom-job"
    assert found["holders"] == [{"pid": 880, "gib": 22.06}]
    assert found["engine"]["name"] is None


def test_unknown_error_is_quoted_not_guessed() -> None:
    found = answer(str(LOGS / "unknown_error.log"), code=1)
    assert (found["code"], found["certainty"], found["quote"]) == ("unknown", "unknown", "QuuxError: the flux is not aligned")


def test_large_log_keeps_its_line_numbers(tmp_path: Path) -> None:
    log = tmp_path / "long.log"
    line, error = "x" * 999 + "\n", "ValueError: No available memory for the cache blocks.\n"
    with log.open("w") as f:
        for _ in range(90):
            f.write(line * 1000)
        f.write(error)
    assert answer(str(log))["line"] == 90001


@pytest.mark.parametrize(("args", "code", "says"), [
    ((), 2, "which log?"),
    (("a", "b"), 2, "one log at a time"),
    (("/nonexistent/x.log",), 1, "open /nonexistent/x.log"),
    (("/tmp",), 2, "is a folder"),
])
def test_mistakes(args: tuple[str, ...], code: int, says: str) -> None:
    result = diagnose(*args)
    assert result.returncode == code
    assert says in result.stderr


def test_odd_bytes_never_reach_the_terminal() -> None:
    result = diagnose("-", text="\x1b[2J\x07ValueError: No available memory for the cache blocks \x1b]0;x\x07\n")
    assert result.returncode == 0
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout


def test_a_job_is_reckoned_from_its_own_log() -> None:
    """Model, batch and method are read from the log; the card is what it says, less what the other process holds."""
    path = str(LOGS / "oom_job_lora.log")
    found = answer(path)
    assert found["code"] == "oom-job" and found["holders"] == [{"pid": 880, "gib": 9.06}]
    assert found["job"] == "train Qwen/Qwen2.5-7B-Instruct, lora rank 16, 1 user, batch 8 x 2048 tokens"
    batches = [int(a["flags"].split()[-1]) for a in found["advice"] if a["checked"] and a["flags"].startswith("batch size")]
    assert len(batches) == 2 and batches[0] < batches[1] < 8                     # now, and with the card to itself
    room = subprocess.run([BERTH, "estimate", "--train", "Qwen/Qwen2.5-7B-Instruct", "--method", "lora", "--rank", "16", "--checkpointing", "--tokens", "2048", "--batch", "auto", "--gpu", "39.38GiB",
                           "--json"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent"}, check=False)
    assert json.loads(room.stdout)["job"]["batch"] == batches[1]                 # the same ledger
    assert not [a for a in found["advice"] if not a["checked"] and a["flags"].startswith("batch size")]


def test_a_job_that_the_log_does_not_name() -> None:
    path = str(LOGS / "oom_job_neighbour.log")
    assert "--train MODEL" in answer(path)["not_checked"]
    found = answer(path, "--forward", "Qwen/Qwen2.5-7B-Instruct", "--tokens", "2048")
    assert found["job"] == "forward Qwen/Qwen2.5-7B-Instruct, batch 7 x 2048 tokens"         # the batch is the log's
    assert found["checked_on"].endswith("22.06 GiB of it held by others")
    assert answer(str(LOGS / "oom_job_extract.log"))["job"].startswith("forward google/gemma-3-12b-it, batch 32")


def test_ray_says_how_many_it_waits_for() -> None:
    found = answer(str(LOGS / "ray_waits.log"))
    assert found["figures"]["gpus_asked"] == 2 and "asked for 2" in found["cause"]
