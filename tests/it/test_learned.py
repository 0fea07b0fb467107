"""What a start really took is remembered, and used by the next plan and estimate of the same server: on a simulated machine, with the real binary."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import ENGINE, Machine, eventually
from gguf_file import write_model

SPEC = "name: learn\nworkloads:\n  llm: {engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, memory: 12GiB, gpus: 1, context: {want: 4096}}\n"
HOLD = ("import ctypes, sys, time; c = ctypes.CDLL('libcuda.so.1'); c.cuInit(0); p = ctypes.c_void_p(); assert c.cuDevicePrimaryCtxRetain(ctypes.byref(p), 0) == 0; "
        "assert c.cuCtxSetCurrent(p) == 0; m = ctypes.c_uint64(); assert c.cuMemAlloc_v2(ctypes.byref(m), ctypes.c_size_t(int(sys.argv[1]))) == 0; "
        "print('held', flush=True); time.sleep(float(sys.argv[2]))")
GIB = 2**30


@pytest.fixture
def box(machine) -> Machine:
    m: Machine = machine("1xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text(SPEC)
    return m


def state(m: Machine) -> Path:
    return Path(m.env["BERTH_STATE_DIR"])


def plan(m: Machine, *args: str) -> dict:
    return m.json("plan", *args)


def lines(found: dict) -> dict[str, str]:
    return {line["part"]: line["why"] for line in found["phases"][0]["instances"][0]["ranks"][0]["need"]}



def test_a_start_is_learned_from(box: Machine) -> None:
    first = plan(box)
    assert first["inputs"]["learned"] == ""
    assert not any("measured here" in why for why in lines(first).values())
    box.berth("up", "-d", check=True)
    eventually("a plan that uses what was measured", lambda: plan(box)["inputs"]["learned"])
    differs, same = box.berth("diff"), box.berth("diff", "--no-learned")
    assert differs.returncode == 4 and "measured meanwhile; with --no-learned there is no difference" in differs.stdout, differs.stdout
    assert same.returncode == 0, same.stdout            # what runs is the plan that knew nothing yet
    again, without = plan(box), plan(box, "--no-learned")
    measured = [part for part, why in lines(again).items() if "measured here on" in why]
    assert {"graphs", "workspace"} <= set(measured)
    assert {"weights", "kv"}.isdisjoint(measured)
    assert without["inputs"]["learned"] == "" and not any("measured here" in why for why in lines(without).values())
    rank, actual = again["phases"][0]["instances"][0]["ranks"][0], box.json("ps")["instances"][0]["ranks"][0]["actual"]["bytes"]
    fixed = sum(line["bytes"] for line in rank["need"] if line["part"] != "kv")
    started = next(i for i in first["phases"][0]["instances"])["ranks"][0]
    assert fixed + started["kv"]["bytes"] >= actual     # what is planned next holds what was really taken
    box.berth("down", check=True)
    assert plan(box)["inputs"]["learned"] == again["inputs"]["learned"]
    (box.folder / "other.yaml").write_text(SPEC.replace("}}", "}, args: [--max-num-seqs, '17']}"))
    other = plan(box, "-f", str(box.folder / "other.yaml"))
    assert other["inputs"]["learned"] == ""             # another flag that changes bytes is another server


def test_the_estimate_says_so(box: Machine) -> None:
    box.berth("up", "-d", check=True)
    eventually("a plan that uses what was measured", lambda: plan(box)["inputs"]["learned"])
    box.berth("down", check=True)
    model = "Qwen/Qwen2.5-0.5B-Instruct"
    flags = ("--gpu", "0", "--max-model-len", "4096")
    text = box.berth("estimate", model, *flags).stdout
    assert "measured here on" in text
    assert "measured here on" not in box.berth("estimate", model, *flags, "--no-learned").stdout


def test_beside_somebody_else_nothing_is_learned(box: Machine) -> None:
    holder = box.popen("python3", "-c", HOLD, str(GIB), "1000", stdout=-1)
    try:
        assert holder.stdout and holder.stdout.readline() == "held\n"
        box.berth("up", "-d", check=True)
        box.berth("verify", check=True)                # waits for a sample of the cards younger than itself, as learning does
        box.berth("verify", check=True)
        box.berth("down", check=True)
    finally:
        holder.kill()
        holder.wait()
    assert plan(box)["inputs"]["learned"] == ""


@pytest.mark.parametrize("broken", ["garbage", "folder"])
def test_a_store_that_is_broken_loses_no_start(box: Machine, broken: str) -> None:
    db = state(box) / "berth.db"
    db.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if broken == "garbage":
        db.write_bytes(b"no database at all, and long enough that its header is read as one." * 20)
    else:
        db.mkdir()
    assert "cannot be read" in box.berth("plan", check=True).stdout
    box.berth("up", "-d", check=True)
    assert box.json("ps")["instances"][0]["state"] == "ready"
    if broken == "garbage":
        eventually("it to be moved aside, and learning to begin anew", lambda: plan(box)["inputs"]["learned"])
        assert db.with_name("berth.db.bad").exists()


def test_like_is_what_was_measured(machine) -> None:
    m: Machine = machine("1xA100-SXM4-40GB")
    job = f"name: jobs\nworkloads:\n  x: {{kind: job, command: [python3, -c, {HOLD!r}, '{3 * GIB}', '3'], gpus: 1, memory: {{like: x}}}}\n"
    (m.folder / "berth.yaml").write_text(job)
    first = plan(m)
    assert "not measured" in " ".join(first["warnings"])
    whole = first["phases"][0]["instances"][0]["ranks"][0]["bytes"]
    assert m.berth("up", "--wait-jobs").returncode == 0
    second = plan(m)
    taken = second["phases"][0]["instances"][0]["ranks"][0]
    assert 3 * GIB < taken["bytes"] < 5 * GIB < whole
    assert "jobs/x" in taken["need"][0]["why"] and second["inputs"]["learned"]
    assert plan(m, "--no-learned")["phases"][0]["instances"][0]["ranks"][0]["bytes"] == whole


def test_llama_server_and_its_devices(machine) -> None:
    """Each device has rows of its own; the compute buffer that the log states takes the place of the estimate, for another pool too."""
    m: Machine = machine("2xRTX-4090")
    program = m.folder / "bin" / "llama-server"
    program.symlink_to(ENGINE)
    (program.parent / "llama-server.version").write_text("0.5.0\n")
    write_model(m.folder / "m.gguf", layers=12, hidden=1024, heads=8, feed=3072)
    text = "name: learn\nworkloads:\n  llm: {engine: llama-server, model: ./m.gguf, gpus: 2, context: %d}\n"
    (m.folder / "berth.yaml").write_text(text % 4096)
    first = plan(m)["phases"][0]["instances"][0]
    assert len(first["learn"]["stages"]) == 2 and first["learn"]["stages"][0]["growth_bytes"] > 0
    assert len({stage["key"] for stage in first["learn"]["stages"]}) == 2
    m.berth("up", "-d", check=True)
    eventually("a plan that uses what was measured", lambda: plan(m)["inputs"]["learned"])
    m.berth("down", check=True)
    (m.folder / "berth.yaml").write_text(text % 8192)
    for rank in plan(m)["phases"][0]["instances"][0]["ranks"]:
        whys = {line["part"]: line["why"] for line in rank["need"]}
        assert "measured here" in whys["activations"] and "measured here" in whys["workspace"]
        assert "measured here" not in whys["weights"] and "measured here" not in whys["kv"]
    flags = ("--gpu", "0", "-c", "8192", "-np", "4", "-kvu", "-ts", "1,1")
    assert first["pp_layers"] == [7, 5]                 # as -ts 1,1 cuts it: the output counts as a layer
    assert "measured here" in m.berth("estimate", "./m.gguf", *flags).stdout
    assert "measured here" not in m.berth("estimate", "./m.gguf", *flags, "-ub", "256").stdout


def test_stages_of_a_pipeline(machine) -> None:
    m: Machine = machine("2xA100-SXM4-40GB")
    (m.folder / "berth.yaml").write_text(SPEC.replace("memory: 12GiB, gpus: 1", "gpus: 2, tp: 1, pp: 2"))
    m.berth("up", "-d", check=True)
    eventually("a plan that uses what was measured", lambda: plan(m)["inputs"]["learned"])
    m.berth("down", check=True)
    measured = [{line["part"] for line in rank["need"] if "measured here on" in line["why"]} for rank in plan(m)["phases"][0]["instances"][0]["ranks"]]
    assert measured == [{"graphs", "workspace"}, {"workspace"}]      # 0.32 logs its graphs on the first rank alone; what a card held is known of each
