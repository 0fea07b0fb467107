"""berth estimate as a user meets it, and its figures against what real engines logged."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, ROOT

DATA = json.loads((ROOT / "tests" / "data" / "vllm_cases.json").read_text())
GIB = 2**30
QWEN32 = "Qwen/Qwen2.5-32B-Instruct"
A100 = ("--gpu", "A100-SXM4-40GB", "--engine-version", "0.32.0")


def estimate(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """No cache, no engine and no card of this machine: the same answer everywhere."""
    clean = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "HF_HUB_CACHE": "/nonexistent", "LC_ALL": "C.UTF-8", **env}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            clean[name] = os.environ[name]
    return subprocess.run([BERTH, "estimate", *args], capture_output=True, text=True, timeout=DEADLINE_S, env=clean, check=False)


def answer(*args: str, code: int | None = 0) -> dict:
    result = estimate("--json", *args)
    assert result.returncode in ((0, 3) if code is None else (code,)), result.stderr
    found = json.loads(result.stdout)
    assert found["schema"] == 1
    assert found["kind"] == "estimate"
    return found


def part(found: dict, name: str, rank: int = 0) -> int:
    return sum(line["bytes"] for line in found["ranks"][rank]["need"] if line["part"] == name)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One folder with a config.json per model of the data: no weights, as after `git clone` without LFS."""
    base = tmp_path_factory.mktemp("models")
    for name, config in DATA["models"].items():
        (base / name).mkdir()
        (base / name / "config.json").write_text(json.dumps(config))
    return {name: base / name for name in DATA["models"]}


def flags_of(case: dict) -> list[str]:
    flags = ["--gpu", "80GiB", "--engine-version", "0.9.2", "--tp", str(case.get("tp", 1))]
    if "seqs" in case:
        flags += ["--max-num-seqs", str(case["seqs"]), "--max-num-batched-tokens", str(case["batched_tokens"])]
    return flags


@pytest.mark.parametrize("case", DATA["cases"], ids=lambda c: c["id"])
def test_real_starts(case: dict, folders: dict[str, Path]) -> None:
    model, flags = str(folders[case["model"]]), flags_of(case)
    found = answer(model, *flags, code=None)
    if "weights_gib" in case:
        assert part(found, "weights") / GIB == pytest.approx(case["weights_gib"], abs=0.006)
    if "peak_gib" in case:
        assert (part(found, "activations") + part(found, "sampler")) / GIB == pytest.approx(case["peak_gib"], abs=0.02)
    if "kv_tokens" in case:  # the log rounds the bytes: the logged tokens lie between the two ends of the rounding
        low, high = (answer(model, *flags, "--kv-cache-memory-bytes", str(int((case["kv_gib"] + d) * GIB)), code=None)["ranks"][0]["kv"]["tokens"] for d in (-0.005, 0.005))
        assert low <= case["kv_tokens"] <= high
        assert high - low < case["kv_tokens"] * 0.01


def test_json_is_the_documented_object() -> None:
    found = answer(QWEN32, *A100, "--tp", "4")
    assert found["model"]["id"] == QWEN32
    assert found["model"]["architecture"] == "Qwen2ForCausalLM"
    assert found["model"]["parameters"] == 32763876352
    assert found["model"]["weight_bytes"] == 65527752704
    assert found["model"]["source"] == "catalog"
    assert re.fullmatch(r"[0-9a-f]{16,}", found["model"]["digest"])
    assert (found["engine"]["name"], found["engine"]["version"], found["tp"], found["pp"]) == ("vllm", "0.32.0", 4, 1)
    assert found["gpu"]["total_source"] == "catalog"
    assert isinstance(found["gpu"]["total_bytes"], int)
    assert [(r["tp"], r["pp"]) for r in found["ranks"]] == [(t, 0) for t in range(4)]
    known = set("weights lora kv state activations encoder sampler graphs workspace context comm draft optimizer gradients headroom declared other".split())
    for rank in found["ranks"]:
        assert rank["need_bytes"] == sum(line["bytes"] for line in rank["need"])
        assert {line["part"] for line in rank["need"]} <= known
        assert all(len(line["why"]) > 10 and isinstance(line["bytes"], int) for line in rank["need"])
        assert rank["kv"]["bytes_per_token"] == 65536
        assert rank["kv"]["tokens"] * 65536 <= rank["kv"]["available_bytes"]
    assert found["host"] == [{"numa": 0, "bytes": 0, "need": []}]
    assert found["context"]["asked"] == found["context"]["longest"] == 32768
    assert found["context"]["request_bytes"] == 2 * GIB
    assert found["fits"] is True
    assert found["refusals"] == found["advice"] == []
    assert found["uncertainty_bytes"] > 0


def test_stages_differ() -> None:
    found = answer(QWEN32, *A100, "--pp", "3")
    assert [r["layers"] for r in found["ranks"]] == [21, 22, 21]
    assert sum(r["kv"]["bytes_per_token"] for r in found["ranks"]) == 262144
    assert part(found, "weights", 1) < part(found, "weights", 0)
    assert part(found, "sampler", 0) == 0 < part(found, "sampler", 2)


def test_tp3_is_refused_with_ways_out() -> None:
    found = answer(QWEN32, *A100, "--tp", "3", code=3)
    assert found["refusals"][0]["code"] == "heads-not-divisible"
    assert "(40) must be divisible by tensor parallel size (3)" in found["refusals"][0]["text"]
    flags = [a["flags"] for a in found["advice"]]
    assert any(f.startswith("--tensor-parallel-size 2") for f in flags)
    assert "--tensor-parallel-size 4" in flags
    assert "--pipeline-parallel-size 3" in flags
    assert any("21,22,21" in a["text"] for a in found["advice"])


@pytest.mark.parametrize("args", [("--tp", "3"), ("--tp", "1"), ("--tp", "2")], ids=lambda a: "".join(a))
def test_advice_works_when_it_is_taken(args: tuple[str, ...]) -> None:
    found = answer(QWEN32, *A100, *args, code=3)
    assert found["advice"]
    for way in found["advice"]:
        replaced = [] if "parallel-size" in way["flags"] else list(args)
        assert answer(QWEN32, *A100, *replaced, *way["flags"].split())["fits"] is True


@pytest.mark.parametrize(("args", "says"), [(("openai/gpt-oss-20b", "--gpu", "V100-SXM2-32GB"), "MXFP4 is not supported"), (("Qwen/Qwen3-4B", "--gpu", "V100-SXM2-32GB", "-q", "fp8"), "FP8 is not supported"),
                                            (("Qwen/Qwen3-4B", "--gpu", "P40"), "no kernels for compute capability 6.1")])
def test_a_card_that_cannot_compute_with_it(args: tuple[str, ...], says: str) -> None:
    """As `plan` and `check` have it: refused, and no quantisation offered that the card refuses too."""
    found = answer(*args, code=3)
    assert [r["code"] for r in found["refusals"]] == ["card-too-old"] and says in found["refusals"][0]["text"] and not found["advice"]
    assert "a newer card" in estimate(*args).stdout
    assert answer("Qwen/Qwen3-4B", "--gpu", "V100-SXM2-32GB")["fits"]


def test_founding_case() -> None:
    found = answer("Qwen/Qwen1.5-7B-Chat", "--gpu", "24GiB", "--engine-version", "0.11.0", "--max-model-len", "32768", "--kv-cache-memory-bytes", str(9936 * 524288), code=3)
    assert found["context"] == {"asked": 32768, "longest": 9936, "request_bytes": 16 * GIB, "concurrency": pytest.approx(9936 / 32768, abs=1e-3), "model": 32768}
    text = found["refusals"][0]["text"]
    assert "16.00 GiB KV cache is needed, which is larger than the available KV cache memory (4.85 GiB)" in text
    assert "maximum model length is 9936" in text
    assert found["advice"][0]["flags"] == "--max-model-len 9936"
    assert found["advice"][0]["set"] == [{"path": "context", "value": 9936}]


def test_what_a_person_reads() -> None:
    text = estimate(QWEN32, *A100, "--tp", "4").stdout
    for wanted in ("32.76 billion parameters", "vllm 0.32.0", "39.38 GiB", "weights", "15.39 GiB", "TP=4", "longest single request 32,768 tokens", "about 59 tokens/s", "vllm serve " + QWEN32):
        assert wanted in text
    assert all(len(line) <= 100 for line in text.splitlines() if "vllm serve" not in line)
    assert "\x1b" not in text
    stages = estimate(QWEN32, *A100, "--pp", "3").stdout
    assert "stage 0" in stages and "stage 2" in stages and "21,22,21" in stages
    assert "what would start (each one checked)" in estimate(QWEN32, *A100, "--tp", "3").stdout


@pytest.mark.parametrize("args", [("--tp", "4"), ("--tp", "2"), ("--pp", "3"), ("--tp", "3")], ids=lambda a: "".join(a).strip("-"))
def test_golden(args: tuple[str, ...]) -> None:
    """The whole text. After a change that is meant: BERTH_UPDATE_GOLDEN=1, and read the difference."""
    file = ROOT / "tests" / "data" / "golden" / f"estimate-{args[0].strip('-')}{args[1]}.txt"
    text = estimate(QWEN32, *A100, *args).stdout
    if os.environ.get("BERTH_UPDATE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text()


def test_the_printed_command_is_understood_again() -> None:
    found = answer(QWEN32, *A100, "--tp", "4", "--max-model-len", "16K", "--kv-cache-dtype", "fp8", "--enable-lora")
    command = found["command"].split()
    assert command[:2] == ["vllm", "serve"]
    again = answer(*command[2:], *A100)
    assert again["fits"] is True
    assert again["context"]["asked"] == 16384
    assert again["ranks"][0]["need_bytes"] <= found["ranks"][0]["need_bytes"]


def test_old_version_without_the_byte_flag_says_so() -> None:
    found = answer("Qwen/Qwen3-4B", "--gpu", "RTX-4090", "--engine-version", "0.9.2", "--max-model-len", "4096", "--kv-cache-memory-bytes", "4G")
    assert any("--kv-cache-memory-bytes" in n and "0.9.2" in n for n in found["notes"])
    assert "--kv-cache-memory-bytes" not in found["command"]


def test_a_version_between_rows_uses_the_older_one_and_says_so() -> None:
    found = answer("Qwen/Qwen3-4B", "--gpu", "RTX-4090", "--engine-version", "0.30.1")
    assert found["engine"]["version"] == "0.29.0"
    assert found["engine"]["asked"] == "0.30.1"
    assert "0.29.0" in found["engine"]["note"]


def test_more_context_never_less_kv() -> None:
    needs = [answer("Qwen/Qwen3-4B", "--gpu", "80GiB", "--max-model-len", str(n))["context"]["request_bytes"] for n in (1, 16, 17, 4096, 40960)]
    assert needs == sorted(needs)
    assert needs[0] == needs[1] < needs[2]


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        ((), 2, "which model"),
        (("Qwen/Qwen3-4B", "Qwen/Qwen3-8B"), 2, "one model at a time"),
        (("Qwen/Qwen3-4B", "--gpu", "A100-SXM4-40G"), 2, "A100"),
        (("Qwen/Qwen3-4B", "--gpu", "4xA100-SXM4-40GB"), 2, "--tensor-parallel-size 4"),
        (("Qwen/Qwen3-4B", "--gpu", ""), 2, "--gpu"),
        (("Qwen/Qwen3-4B", "--gpu", "1MiB"), 2, "no card is that small"),
        (("Qwen/Qwen3-4B", "--gpu", "17TiB"), 2, "no card is that large"),
        (("--train", "Qwen/Qwen3-4B", "--batch", "auto", "--gpu", "16777215TiB"), 2, "no card is that large"),
        (("Qwen/Qwen3-4B", *A100, "--cudagraph-capture-sizes", ""), 2, "want batch sizes"),
        (("Qwen/Qwen3-4B", *A100, "--cudagraph-capture-sizes", "1,2,many"), 2, "want batch sizes"),
        (("Qwen/Qwen3-4B", *A100, "--max-model-len", "1000000000000000000"), 2, "max-model-len"),
        (("Qwen/Qwen3-4B", *A100, "--max-model-len", "-5"), 2, "max-model-len"),
        (("Qwen/Qwen3-4B", *A100, "--max-model-len", "99999999"), 3, "greater than the derived max_model_len"),
        (("Qwen/Qwen3-4B", *A100, "--tp", "0"), 2, "tp"),
        (("Qwen/Qwen3-4B", *A100, "--tp", "1000000000"), 2, "tp"),
        (("Qwen/Qwen3-4B", *A100, "--tp", "4000"), 3, "must be divisible"),
        (("Qwen/Qwen3-4B", *A100, "--pp", "4000"), 3, ""),
        (("Qwen/Qwen3-4B", *A100, "--max-num-seqs", "-4"), 2, "max-num-seqs"),
        (("Qwen/Qwen3-4B", *A100, "--gpu-memory-utilization", "1.5"), 2, "gpu-memory-utilization"),
        (("Qwen/Qwen3-4B", *A100, "--gpu-memory-utilization", "nan"), 2, "gpu-memory-utilization"),
        (("Qwen/Qwen3-4B", *A100, "--kv-cache-dtype", "int3"), 2, "int3"),
        (("Qwen/Qwen3-4B", *A100, "--enable-expert-parallel"), 3, "Number of experts"),
        (("Qwen/Qwen3-4B", *A100, "--quantization", "fp5"), 1, "does not know how that method"),
        (("Qwen/Qwen3-4B", *A100, "--tensor-paralel-size", "2"), 2, "--tensor-parallel-size"),
        (("Qwen/Qwen3-4B", "--gpu", "RTX-4090", "--engine-version", "0.1.0"), 2, "older"),
        (("Qwen/Qwen3-4B", "--engine", "ollama"), 2, "ollama"),
        (("Qwen/Qwen3-4B", "--engine", "sglan"), 2, "sglang"),
        (("--", "echo", "hi"), 2, "no server in"),
        (("--",), 2, "nothing stands after --"),
        (("--gpu", "24GiB", "--engine", "sglang", "--", "vllm", "serve", "M"), 2, "the command starts vllm"),
        (("--gpu", "24GiB", "Qwen/Qwen3-4B", "--", "vllm", "serve", "M"), 2, "one model at a time"),
        (("/nonexistent/model", *A100), 1, "/nonexistent/model"),
    ],
)
def test_bad_input(args: tuple[str, ...], code: int, says: str) -> None:
    result = estimate(*args)
    assert result.returncode == code, result.stdout + result.stderr
    assert says in result.stdout + result.stderr
    assert "runtime error" not in result.stderr and "AddressSanitizer" not in result.stderr


@pytest.mark.parametrize(("model", "method", "starts"), [
    ("Qwen/Qwen2.5-32B-Instruct-AWQ", "fp8", False), ("Qwen/Qwen2.5-32B-Instruct-AWQ", "gptq_marlin", False), ("Qwen/Qwen2.5-32B-Instruct-AWQ", "awq_marlin", True),
    ("Qwen/Qwen2.5-32B-Instruct-GPTQ-Int4", "gptq_marlin", True), ("Qwen/Qwen3-8B-FP8", "fp8", True), ("Qwen/Qwen3-8B-FP8", "awq", False), ("Qwen/Qwen3-8B", "fp8", True),
    ("openai/gpt-oss-20b", "fp8", False), ("openai/gpt-oss-20b", "bitsandbytes", False), ("openai/gpt-oss-20b", "mxfp4", True)])
def test_a_method_that_the_checkpoint_is_not_stored_by(model: str, method: str, starts: bool) -> None:
    r = estimate(model, "-q", method, "--gpu", "H100-80GB-HBM3")
    assert r.returncode == (0 if starts else 1), r.stderr
    assert starts or ("are stored by" in r.stderr and f"`quantization: {method}`" in r.stderr and "leave it out" in r.stderr)


def test_errors_are_json_too() -> None:
    result = estimate("/nonexistent/model", *A100, "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["kind"] == "error"


def test_no_card_named_and_none_here() -> None:
    result = estimate("Qwen/Qwen2.5-7B-Instruct", "--max-model-len", "8192", "--json")
    found = json.loads(result.stdout)
    if "card_sets" not in found:
        pytest.skip("this machine has an NVIDIA card")
    assert result.returncode == 0
    assert found["card_sets"] and all(s["longest"] >= 8192 for s in found["card_sets"])
    assert "the smallest common card set" in found["gpu"]["note"]


def test_pasted_command_is_the_same_answer() -> None:
    """The flags of the command line and those of a pasted command give the same ledger; every word of the command is accounted for."""
    own = answer(QWEN32, *A100, "--tp", "4", "--max-model-len", "8192")
    pasted = answer(*A100, "--", "HF_TOKEN=secret", "vllm", "serve", QWEN32, "-tp", "4", "--max_model_len=8192", "--seed", "1", "--frobnicate", "7")
    assert pasted["ranks"] == own["ranks"]
    assert pasted["context"] == own["context"]
    line = pasted["command_line"]
    assert (line["engine"], line["image"], line["version"]) == ("vllm", None, None)
    effects = {item["text"]: item["effect"] for item in line["items"]}
    assert effects == {"HF_TOKEN=...": "no-bytes", "-tp 4": "counted", "--max_model_len=8192": "counted", "--seed 1": "no-bytes", "--frobnicate 7": "unknown"}
    assert any("--frobnicate 7" in note for note in pasted["notes"])
    assert "secret" not in json.dumps(pasted)


def test_pasted_image_gives_the_version_and_own_flags_win() -> None:
    found = answer("--gpu", "A100-SXM4-40GB", "--max-model-len", "4096", "--", f"docker run --gpus all vllm/vllm-openai:v0.11.0 --model {QWEN32} -tp 4 --max-model-len 16384")
    assert found["engine"]["version"] == "0.11.0"
    assert found["context"]["asked"] == 4096
    assert found["command_line"]["image"] == "vllm/vllm-openai:v0.11.0"


def test_sglang_by_its_own_arithmetic() -> None:
    found = answer("--gpu", "A100-SXM4-40GB", "--", "python", "-m", "sglang.launch_server", "--model-path", "Qwen/Qwen2.5-7B-Instruct", "--mem-fraction-static", "0.8")
    rank = found["ranks"][0]
    free = found["gpu"]["total_bytes"] - part(found, "context")
    assert rank["kv"]["available_bytes"] == pytest.approx(0.8 * free - part(found, "weights"), abs=2)
    assert found["command"].startswith("python -m sglang.launch_server --model-path Qwen/Qwen2.5-7B-Instruct ")
    assert "--max-total-tokens" in found["command"]


def test_sweep_is_every_combination_and_each_cell_is_the_estimate_itself() -> None:
    found = answer(QWEN32, *A100, "--sweep", "tp,context,kv-dtype", "--max-model-len", "16384")
    cells = {(c["tp"], c["context"], c["kv_dtype"]): c for c in found["sweep"]}
    assert set(cells) == {(t, n, k) for t in (1, 2, 4, 8) for n in (4096, 8192, 16384) for k in ("auto", "fp8")}
    assert not cells[1, 4096, "auto"]["fits"]
    assert cells[4, 16384, "fp8"]["tokens"] == pytest.approx(2 * cells[4, 16384, "auto"]["tokens"], rel=0.001)
    alone = answer(QWEN32, *A100, "--tp", "4", "--max-model-len", "8192")
    cell = cells[4, 8192, "auto"]
    assert cell["fits"]
    assert cell["need_bytes"] == alone["ranks"][0]["need_bytes"]
    assert cell["concurrency"] == pytest.approx(alone["context"]["concurrency"])


def test_a_list_of_words_is_one_value() -> None:
    one, joined, apart = (answer("Qwen/Qwen3-4B", *A100, "--cudagraph-capture-sizes", *sizes) for sizes in (("4",), ("1,2,4",), ("1", "2", "4")))
    graphs = [sum(line["bytes"] for line in found["ranks"][0]["need"] if line["part"] == "graphs") for found in (one, joined, apart)]
    assert graphs[0] < graphs[1] == graphs[2]


def test_sweep_for_people_and_its_mistakes() -> None:
    result = estimate(QWEN32, *A100, "--sweep", "tp")
    assert result.returncode == 0
    assert len([line for line in result.stdout.splitlines() if line.rstrip().endswith(("fits", "out-of-memory-at-load", "no-kv-memory", "kv-too-small", "memory-not-free"))]) == 4
    result = estimate(QWEN32, *A100, "--sweep", "tp,contxt")
    assert result.returncode == 2
    assert "contxt" in result.stderr
    assert "context" in result.stderr
    assert estimate(QWEN32, "--gpu", "24GiB", "--sweep", "context").returncode == 3


def test_smallest_cards_of_each_class() -> None:
    """One card less, or the next smaller one of its class, does not hold it."""
    a = json.loads(estimate("Qwen/Qwen2.5-32B-Instruct", "--gpu", "H100-80GB-HBM3", "--max-model-len", "8192", "--json").stdout)
    found = {s["class"]: s for s in a["smallest"]}
    assert set(found) == {"consumer", "workstation", "data centre"}
    for s in found.values():
        again = json.loads(estimate("Qwen/Qwen2.5-32B-Instruct", "--gpu", s["gpu"], "--tp", str(s["tp"]), "--max-model-len", "8192", "--json").stdout)
        assert again["fits"] and s["longest"] >= 8192
        if s["tp"] > 1:
            fewer = json.loads(estimate("Qwen/Qwen2.5-32B-Instruct", "--gpu", s["gpu"], "--tp", "1", "--max-model-len", "8192", "--json").stdout)
            assert not fewer["fits"]
    old = json.loads(estimate("openai/gpt-oss-20b", "--gpu", "H100-80GB-HBM3", "--json").stdout)["smallest"]
    assert old and not any("V100" in s["gpu"] or "T4" in s["gpu"] for s in old)      # MXFP4 wants 8.0


CONFIG = """
model: Qwen/Qwen2.5-32B-Instruct
tensor-parallel-size: 2
max_model_len: 8192
enforce-eager: true
enable-lora: false
served-model-name: [a, b]
hf-overrides: {max_position_embeddings: 65536}
no-such-flag: 3
uvicorn-log-level: "info"
"""


def test_a_config_file_is_the_flags_it_stands_for(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(CONFIG)
    def ask(*words: str) -> dict:
        return json.loads(estimate("--gpu", "A100-SXM4-40GB", "--json", "--", *words).stdout)

    a = ask("vllm", "serve", "-tp", "4", "--config", str(tmp_path / "c.yaml"), "--port", "80")
    assert (a["tp"], a["context"]["asked"], a["context"]["model"]) == (4, 8192, 65536)                  # the command line wins, in whatever spelling
    assert any("8 settings read, 1 that the command says itself left out" in n for n in a["notes"])
    effects = {i["text"]: i["effect"] for i in a["command_line"]["items"]}
    assert effects["--enforce-eager"] == "counted" and effects["--no-such-flag=3"] == "unknown" and "--enable-lora" not in effects
    assert ask(f"vllm serve Qwen/Qwen3-4B --config={tmp_path}/c.yaml")["model"]["id"] == "Qwen/Qwen3-4B"         # a model beside it wins, one line too
    (tmp_path / "c.yaml").write_text("model-path: Qwen/Qwen3-4B\ntp: 2\n")
    assert ask("python", "-m", "sglang.launch_server", "--config", str(tmp_path / "c.yaml"))["tp"] == 2
    gone = ask("vllm", "serve", "Qwen/Qwen3-4B", "--config", "/nonexistent/c.yaml")
    assert any("not counted" in n and "/nonexistent/c.yaml" in n for n in gone["notes"])
    for bad, says in (("- a\n- b\n", "a map of flags is wanted"), ("a: [1\n", "c.yaml"), ("tensor-parallel-size: much\n", "tensor-parallel-size")):
        (tmp_path / "c.yaml").write_text(bad)
        done = estimate("--gpu", "A100-SXM4-40GB", "--", "vllm", "serve", "Qwen/Qwen3-4B", "--config", str(tmp_path / "c.yaml"))
        assert done.returncode == 2 and says in done.stderr, done.stderr


def test_kv_of_a_cpu_build_from_its_variable() -> None:
    a = json.loads(estimate("--json", "--", "VLLM_CPU_KVCACHE_SPACE=2", "vllm", "serve", "Qwen/Qwen3-1.7B", "--max-model-len", "4096").stdout)
    assert a["gpu"]["uuid"] == "cpu" and a["ranks"][0]["kv"]["available_bytes"] == 2 << 30


@pytest.mark.parametrize("path", ["/data/models/Qwen2.5-7B-Instruct", "./models/Qwen2.5-7B-Instruct/", "/root/.cache/huggingface/hub/models--Qwen--Qwen2.5-7B-Instruct/snapshots/0123456789abcdef"])
def test_a_pasted_path_of_another_machine(path: str) -> None:
    """The folder is not here; its name says which model it is. Asked for without a command it may be a slip, and is an error."""
    there, here = answer(*A100, "--", "vllm", "serve", path, "--max-model-len", "4096"), answer(*A100, "--", "vllm", "serve", "Qwen/Qwen2.5-7B-Instruct", "--max-model-len", "4096")
    assert [line["bytes"] for line in there["ranks"][0]["need"]] == [line["bytes"] for line in here["ranks"][0]["need"]]
    assert "is not on this machine; by its folder's name it has the layers of Qwen/Qwen2.5-7B-Instruct" in there["ranks"][0]["need"][0]["why"]
    assert there["uncertainty_bytes"] > here["uncertainty_bytes"]
    assert estimate(path, *A100).returncode == 1
    assert estimate(*A100, "--", "vllm", "serve", path.replace("Qwen2.5", "Nobody9")).returncode == 1
