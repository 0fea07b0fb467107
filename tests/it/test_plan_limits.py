"""Absurd specs: numbers past all sense, a thousand workloads, hundreds of variants. Each is answered, within bounded memory, and the answer says what is wrong."""

from __future__ import annotations

import json
import re
import resource
import subprocess
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S

GIB = 2 ** 30
ENV = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent", "PATH": "/usr/bin:/bin"}


def berth(folder: Path, text: str, *args: str, most: int = GIB) -> subprocess.CompletedProcess[str]:
    """The verb on a spec of that text, in an address space of `most` bytes (a sanitizer's build takes what it wants)."""
    (folder / "berth.yaml").write_text(text)

    def held() -> None:
        if b"__asan_init" not in BERTH.read_bytes():
            resource.setrlimit(resource.RLIMIT_AS, (most, most))

    return subprocess.run([str(BERTH), *args, "-f", str(folder / "berth.yaml")], capture_output=True, text=True, timeout=DEADLINE_S, env=ENV, preexec_fn=held)


def spec(*workloads: str) -> str:
    return "name: x\nworkloads:\n" + "".join(f"  w{i}: {{{w}}}\n" for i, w in enumerate(workloads))


def tools(n: int, more: str = "") -> str:
    return spec(*[f"kind: service, command: [x], memory: {1 + i % 7}GiB{more}" for i in range(n)])


SERVER = "engine: vllm, model: Qwen/Qwen3-8B"


@pytest.mark.parametrize(("workload", "says"), [
    (f"{SERVER}, replicas: 1000000000000000000", "1 to 100000"), (f"{SERVER}, context: 0", "1 to 1000000000"), (f"{SERVER}, context: 9223372036854775808", "1 to 1000000000"),
    (f"{SERVER}, context: 99999999999999999999999999", "1 to 1000000000"), (f"{SERVER}, memory: 0%", "0.01% to 100%"), (f"{SERVER}, memory: 1000%", "0.01% to 100%"),
    (f"{SERVER}, memory: nan%", "0.01% to 100%"), (f"{SERVER}, memory: .nan", "not a size"), (f"{SERVER}, memory: 0GiB", "holds nothing"),
    (f"{SERVER}, requests: 1000000000000000", "1048576"), (f"{SERVER}, tp: 1000000000, pp: 1000000000", "1 to 4096"),
    ("kind: service, command: [x], memory: 16777216TiB", "too big"), ("kind: service, command: [x], gpus: 18446744073709551615", "0 to 100000"),
    ("kind: job, command: [x], shards: 1000000000000", "1000000")])
def test_absurd_numbers_are_faults_of_the_spec(tmp_path: Path, workload: str, says: str) -> None:
    r = berth(tmp_path, spec(workload), "plan", "--gpus", "2xA100-SXM4-40GB")
    assert r.returncode == 2 and "berth.yaml:3:" in r.stderr and says in r.stderr, r.stderr


@pytest.mark.parametrize(("workload", "says"), [
    ("kind: service, command: [x], memory: 1MiB, replicas: 100000", "1024"), (f"{SERVER}, context: {{want: 1000000000, min: 1}}", "made for"),
    (f"{SERVER}, requests: 1048576", "TiB lack"), ("kind: service, command: [x], memory: 16777215TiB", "lack"), (f"{SERVER}, tp: 4096, pp: 4096", "16777216 GPUs"),
    (f"{SERVER}, dp: 4096", "4096 GPUs"), ("kind: service, command: [x], gpus: 100000", "the fleet has 2")])
def test_large_numbers_do_not_fit(tmp_path: Path, workload: str, says: str) -> None:
    r = berth(tmp_path, spec(workload), "plan", "--gpus", "2xA100-SXM4-40GB")
    assert r.returncode == 3 and says in r.stdout, r.stdout + r.stderr


def test_other_shapes_are_shown_of_a_few_servers(tmp_path: Path) -> None:
    """On eight kinds of card a server has a dozen other shapes, and each is a search and a row: of five servers they are shown, of six it says where they are."""
    kinds = ["L40S", "RTX-A6000", "L4", "RTX-3090", "RTX-4090", "A100-SXM4-40GB", "A100-SXM4-80GB", "H100-80GB-HBM3"]
    sizes = ["0.5B", "1.5B", "3B", "7B", "14B"]
    fleet = "+".join(f"1x{k}" for k in kinds)
    servers = [f"engine: vllm, model: Qwen/Qwen2.5-{sizes[i % 5]}-Instruct, context: {{min: 1024}}" for i in range(6)]
    many = berth(tmp_path, spec(*servers), "plan", "--gpus", fleet)
    assert many.returncode == 0 and "that were looked at" not in many.stdout, many.stdout + many.stderr
    assert "other shapes of 6 servers are not compared here: `berth explain NAME` does that for one of them" in many.stdout
    few = berth(tmp_path, spec(*servers[:5]), "plan", "--gpus", fleet)
    assert re.findall(r"^shapes of (w\d+) that were looked at", few.stdout, re.MULTILINE) == [f"w{i}" for i in range(5)], few.stdout
    assert "not compared here" not in few.stdout


def test_a_thousand_workloads_are_placed(tmp_path: Path) -> None:
    r = berth(tmp_path, tools(1000, ", optional: true"), "plan", "--gpus", "8xA100-SXM4-40GB")
    assert r.returncode == 0 and "is optional and found no place" in r.stdout and "of 8" in r.stdout, r.stderr


@pytest.mark.parametrize("verb", ["plan", "explain"])
def test_of_a_thousand_that_do_not_fit_the_conflict_is_named(tmp_path: Path, verb: str) -> None:
    r = berth(tmp_path, tools(1000), verb, "--gpus", "8xA100-SXM4-40GB")
    assert r.returncode == 3, r.stderr
    assert ("do not fit together" in r.stdout and " more do not fit" in r.stdout) if verb == "plan" else "cannot be met together" in r.stdout


def test_larger_fleets_are_named_or_what_they_lack(tmp_path: Path) -> None:
    asked = [berth(tmp_path, spec(*["engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, gpus: 1, context: 8192"] * n), "plan", "--gpus", "2xRTX-4090").stdout for n in (20, 200)]
    assert "not every larger fleet was tried" not in asked[0] and "it fits on 3 x NVIDIA GeForce RTX 4090" in asked[0]
    assert "does not fit" in asked[1] and "note: all of it takes at least 19 more NVIDIA GeForce RTX 4090, by its bytes alone" in asked[1]


def test_many_servers_are_planned_and_the_tables_end(tmp_path: Path) -> None:
    models = ["0.6B", "1.7B", "4B", "8B"]
    r = berth(tmp_path, spec(*[f"engine: vllm, model: Qwen/Qwen3-{models[i % 4]}, optional: true" for i in range(150)]), "plan", "--gpus", "8xA100-SXM4-40GB")
    assert r.returncode == 0 and "berth explain NAME" in r.stdout, r.stderr


def test_hundreds_of_variants_are_rows(tmp_path: Path) -> None:
    text = spec(SERVER) + "variants:\n" + "".join(f"  v{i}: {{w0: {{context: {1000 + i * 50}}}}}\n" for i in range(300))
    r = berth(tmp_path, text, "plan", "--variants", "--gpus", "2xA100-SXM4-40GB", most=GIB // 4)
    assert r.returncode == 0 and "v299" in r.stdout, r.stderr


SMALL = "engine: vllm, model: HuggingFaceTB/SmolLM2-135M-Instruct, gpus: 1, context: 512"


def test_explain_of_very_many_servers_says_whom_it_did_not_compare(tmp_path: Path) -> None:
    done = berth(tmp_path, "gpus: 64xH100-80GB-HBM3\n" + spec(*[SMALL] * 300), "explain")
    assert done.returncode == 0, done.stderr
    compared = done.stdout.count("  cards ")
    left = re.search(r"\n(\d+) more workloads are not compared with what else could be done", done.stdout)
    assert left, done.stdout[-400:]
    assert compared > 0
    assert compared + int(left[1]) == 300
    one = berth(tmp_path, "gpus: 64xH100-80GB-HBM3\n" + spec(*[SMALL] * 300), "explain", "w299")
    assert "w299\n  shape " in one.stdout
    planned = berth(tmp_path, "gpus: 64xH100-80GB-HBM3\n" + spec(*[SMALL] * 300), "plan")
    where = re.search(r"^w299-0 +(\d+) ", planned.stdout, re.M)
    assert where
    assert f"  cards    GPU {where[1]}\n" in one.stdout       # of the plan that is explained, and not of a shorter search


def test_what_many_servers_lack_is_said_though_not_the_fewest_of_them(tmp_path: Path) -> None:
    text = "gpus: 8xH100-80GB-HBM3\n" + spec(*[SMALL] * 700)
    done = berth(tmp_path, text, "plan")
    assert done.returncode == 3, done.stderr
    assert "do not fit together: at least" in done.stdout
    assert "fewer of them may conflict already: that was not looked for to the end [does-not-fit-together]" in done.stdout
    why = berth(tmp_path, text, "explain")
    assert why.returncode == 3, why.stderr
    assert "  how many bytes lack was not looked for to the end\n" in why.stdout + why.stderr
    assert " more: --json has them all\n" in why.stdout + why.stderr
    assert "more memory would not help" not in why.stdout + why.stderr


def test_a_long_pipeline_and_who_must_sit_on_it(tmp_path: Path) -> None:
    """The orders of fourteen stages on fourteen cards are more than anybody waits for: a look at places counts them as the work they are."""
    text = ("name: t\ngpus: 16xV100-SXM2-16GB\nworkloads:\n  target: {engine: vllm, model: Qwen/Qwen3-32B, gpus: 14, tp: 1, pp: 14, context: {min: 8192}}\n"
            "  draft: {engine: vllm, model: Qwen/Qwen3-1.7B, same_gpus_as: target}\n")
    done = berth(tmp_path, text, "plan")
    assert done.returncode == 0, done.stderr
    assert "the best plan there is" in done.stdout


def test_what_is_proven_where_copies_are_left_open(tmp_path: Path) -> None:
    """A second copy that shares a card slows the first: it is not taken, but typed it scores more. So the proof is of the number that is found."""
    text = "name: t\ngpus: 2xA100-SXM4-80GB\nworkloads:\n" + "".join(
        f"  {name}: {{engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, replicas: {copies}, gpus: 1, context: 8192}}\n"
        for name, copies in [("a", "COPIES"), ("b", 1)])
    said, score = {}, {}
    for copies in ["auto", "1", "2"]:
        done = berth(tmp_path, text.replace("COPIES", copies), "plan")
        plan = json.loads(berth(tmp_path, text.replace("COPIES", copies), "plan", "--json").stdout)
        assert done.returncode == 0 and plan["proof"] == "optimal", done.stderr
        said[copies] = "the best plan there is with these numbers of copies after" in done.stdout
        score[copies] = plan["objective"]["wants_thousandths"]
        assert said[copies] or "the best plan there is after" in done.stdout
    assert said == {"auto": True, "1": False, "2": False}
    assert score["auto"] == score["1"] < score["2"]


def test_a_limit_of_time_that_is_not_needed_costs_nothing(tmp_path: Path) -> None:
    """The uneven cut of a pipeline is a second search: it had been left out wherever there was a limit, and the plan was called the best."""
    file = tmp_path / "berth.yaml"
    file.write_text("name: x\nworkloads:\n  big: {engine: vllm, model: Qwen/Qwen2.5-14B-Instruct, gpus: {min: 1, max: 2}, context: {min: 4096}}\n"
                    "  small: {engine: vllm, model: Qwen/Qwen2.5-1.5B-Instruct, gpus: 1}\n  tool: {kind: service, command: [x], gpus: 1, memory: 3GiB}\n")

    def got(*more: str) -> list:
        done = subprocess.run([BERTH, "plan", "-f", file, "--gpus", "2xL4", "--json", *more], capture_output=True, text=True, timeout=60, check=True)
        plan = json.loads(done.stdout)
        return [plan["proof"], [(i["id"], i["pp"], i["context"], i["ranks"]) for i in plan["phases"][0]["instances"]]]

    assert got("--time-limit", "1h") == got()


@pytest.mark.parametrize(("limit", "says"), [("0s", "0s is too short: at least 1ms"), ("61m", "61m is too long: at most 1h")])
def test_a_limit_of_no_time_is_none(limit: str, says: str) -> None:
    done = subprocess.run([BERTH, "plan", "--gpus", "2xL4", "--time-limit", limit], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2 and says in done.stderr


def test_a_key_that_goes_is_told_as_a_person_would(tmp_path: Path) -> None:
    small = "engine: vllm, model: Qwen/Qwen3-0.6B"
    text = f"name: t\nworkloads:\n  a: {{{small}, apart: [b]}}\n  b: {{{small}, apart: [c]}}\n  c: {{{small}, apart: [a]}}\n"
    for verb in ("plan", "explain"):
        done = berth(tmp_path, text, verb, "--gpus", "1xH100-80GB-HBM3")
        assert done.returncode == 3 and "apart: left out" in done.stdout and "null" not in done.stdout, done.stdout
        assert "on 1 cards" not in done.stdout and "1 cards hold" not in done.stdout
