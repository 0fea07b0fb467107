"""run on simulated cards: memory barrier, start gate, release, verify, the engine's progress."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S, Machine, alive, eventually
from plans import HTTP, PORT, House, instance, plan, python

GIB = 1 << 30
TENANT = """
import ctypes, os, sys, time
cuda = ctypes.CDLL("libcuda.so.1")
def ask(name, *args):
    code = getattr(cuda, name)(*args)
    if code: sys.exit(f"{name}: {code}")
def hold(card, size):
    device, context, pointer = ctypes.c_int(), ctypes.c_void_p(), ctypes.c_uint64()
    ask("cuDeviceGet", ctypes.byref(device), card)
    ask("cuCtxCreate_v2", ctypes.byref(context), 0, device)
    if size: ask("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
ask("cuInit", 0)
for spec in sys.argv[1:]:
    card, size = spec.split(":")
    hold(int(card), int(size))
print("up", flush=True)
time.sleep(1000)
"""
READY_BY_LOG = {"ready": {"kind": "log", "pattern": "^up$"}}


class Cards(House):
    def __init__(self, machine: Machine):
        super().__init__(machine.folder, machine.env)
        self.machine = machine
        self.runtime = Path(machine.env["BERTH_RUNTIME_DIR"])
        self.env = dict(machine.env)
        self.cards = machine.json("gpus")["gpus"]

    def gpus(self) -> list[dict]:
        return [{k: c[k] for k in ("uuid", "index", "name", "total_bytes")} for c in self.cards]

    def tenant(self, ident: str, *held: tuple[int, int], planned: int, on: list[int] | None = None, kind: str = "service", **more) -> dict:
        where = on if on is not None else sorted({card for card, _ in held})
        ranks = [{"gpu": self.cards[i]["uuid"], "index": i, "bytes": planned} for i in where]
        return instance(ident, python(TENANT, *(f"{card}:{size}" for card, size in held)), kind, ranks=ranks, **{**READY_BY_LOG, **more})

    def up(self, *instances: dict, name: str = "set", args: tuple[str, ...] = ("-d",), **more):  # type: ignore[override]
        return self.berth("up", "--plan", self.write(plan(name, *instances, gpus=self.gpus())), *args, **more)

    def verify(self) -> tuple[int, dict]:
        done = self.berth("verify", "--json")
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("2xA100-SXM4-40GB"))
    yield one
    one.close()


def test_bytes_are_seen_verified_and_freed(cards: Cards) -> None:
    up = cards.up(cards.tenant("a-0", (0, 4 * GIB), planned=6 * GIB), cards.tenant("b-0", (1, 2 * GIB), planned=4 * GIB))
    assert up.returncode == 0, up.stderr
    actual = eventually("the bytes to be seen", lambda: (b := cards.ps()["a-0"]["ranks"][0]["actual"]) and b["bytes"] > 4 * GIB and b)
    assert isinstance(actual, dict) and actual["valid"] and actual["bytes"] < 6 * GIB
    code, told = cards.verify()
    assert code == 0 and told["ok"] and told["foreign"] == []
    assert [(r["instance"], r["index"], r["verdict"], len(r["pids"])) for r in sorted(told["rows"], key=lambda r: r["index"])] == [("a-0", 0, "inside", 1), ("b-0", 1, "inside", 1)]
    assert "inside" in cards.berth("verify").stdout
    assert cards.berth("down").returncode == 0
    assert cards.machine.used() == [0, 0]            # free when down returns, though the driver takes its time
    cards.assert_empty()


def test_over_its_bytes(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, 4 * GIB), planned=3 * GIB)).returncode == 0
    code, told = eventually("a sample", lambda: (v := cards.verify())[1].get("rows") and v[1]["rows"][0]["actual_bytes"] and v)  # type: ignore[misc]
    assert code == 4 and not told["ok"] and told["rows"][0]["verdict"] == "over"
    table = cards.berth("verify")
    assert table.returncode == 4 and "drift" in table.stdout


def test_on_a_card_it_was_not_given(cards: Cards) -> None:
    assert cards.up(cards.tenant("a-0", (0, GIB), (1, GIB), planned=3 * GIB, on=[0])).returncode == 0
    code, told = eventually("a sample", lambda: (v := cards.verify()) and len(v[1].get("rows", [])) == 2 and v)  # type: ignore[misc]
    rows = {r["index"]: r for r in told["rows"]}
    assert code == 4 and rows[0]["verdict"] == "inside" and rows[1]["verdict"] == "misplaced" and rows[1]["in_plan"] is False and rows[1]["planned_bytes"] == 0


def test_absent_and_foreign(cards: Cards) -> None:
    stranger = cards.machine.popen(*python(TENANT, f"0:{GIB}"))
    try:
        assert cards.up(instance("a-0", python("import time; print('up', flush=True); time.sleep(1000)"), **READY_BY_LOG,
                                 ranks=[{"gpu": cards.cards[0]["uuid"], "index": 0, "bytes": GIB}])).returncode == 0
        code, told = eventually("the stranger to be seen", lambda: (v := cards.verify()) and (f := v[1].get("foreign")) and f[0]["bytes"] > GIB and v)  # type: ignore[misc]
        assert code == 0 and told["rows"][0]["verdict"] == "absent"
        assert told["foreign"][0]["pid"] == stranger.pid and told["foreign"][0]["bytes"] > GIB and "libcuda" in told["foreign"][0]["command"]
    finally:
        stranger.kill()
        stranger.wait()


def test_barrier_names_who_holds_the_memory(cards: Cards) -> None:
    stranger = cards.machine.popen(*python(TENANT, f"0:{30 * GIB}"))
    try:
        eventually("the stranger's bytes", lambda: cards.machine.used()[0] > 30 * GIB)
        up = cards.up(cards.tenant("a-0", (0, 20 * GIB), planned=22 * GIB), env={"BERTH_MEMORY_WAIT": "1s"})
        assert up.returncode == 1
        assert "GPU 0: 22.00 GiB needed" in up.stderr and f"pid {stranger.pid}" in up.stderr
        cards.assert_empty()
        up2 = cards.popen("up", "-d", "--plan", cards.folder / "plan.json")      # waits, and goes on when it has left
        eventually("it to wait for memory", lambda: cards.runtime.exists() and "needed" in str(cards.ps().get("a-0", {}).get("why")))
    finally:
        stranger.kill()
        stranger.wait()
    out, _ = up2.communicate(timeout=DEADLINE_S)
    assert up2.returncode == 0, out


def test_bytes_promised_to_another_project_are_taken(cards: Cards) -> None:
    """Reserved counts before it is allocated: the first holds 1 of its 30 GiB."""
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=30 * GIB), name="one").returncode == 0
    up = cards.up(cards.tenant("b-0", (0, GIB), planned=20 * GIB), name="two", env={"BERTH_MEMORY_WAIT": "1s"})
    assert up.returncode == 1 and "GPU 0: 20.00 GiB needed" in up.stderr
    assert cards.up(cards.tenant("b-0", (0, GIB), planned=8 * GIB), name="two").returncode == 0


def test_one_start_at_a_time_per_card(cards: Cards, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    slow = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)\n" + TENANT
    first = cards.tenant("a-0", planned=GIB, on=[0])
    first["launch"]["argv"] = python(slow)
    up = cards.popen("up", "-d", "--plan", cards.write(plan("set", first, cards.tenant("b-0", (0, 0), planned=2 * GIB), cards.tenant("c-0", (1, 0), planned=2 * GIB), gpus=cards.gpus())))
    eventually("the other card's to be ready", lambda: cards.runtime.exists() and cards.ps().get("c-0", {}).get("state") == "ready")
    ps = cards.ps()
    assert ps["a-0"]["state"] == "starting" and ps["b-0"]["state"] == "waiting" and "until a-0 has measured" in ps["b-0"]["why"]
    gate.touch()
    out, _ = up.communicate(timeout=DEADLINE_S)
    assert up.returncode == 0, out


def test_swap_waits_for_the_driver(cards: Cards) -> None:
    """A restart of something that fills the card: its own old bytes have to be back first."""
    assert cards.up(cards.tenant("a-0", (0, 35 * GIB), planned=37 * GIB)).returncode == 0
    first = cards.ps()["a-0"]["pids"]
    done = cards.berth("restart", "a")
    assert done.returncode == 0, done.stderr
    assert "releasing" in done.stderr
    assert cards.ps()["a-0"]["pids"] != first
    os.kill(cards.ps()["a-0"]["pids"][0], signal.SIGKILL)
    eventually("its next life", lambda: (i := cards.ps()["a-0"])["state"] == "ready" and i["restarts"] == 1)


def test_probe_is_replaced(cards: Cards) -> None:
    """It has the soft limit of files that the daemon was started with: the driver's library is not the daemon."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    assert cards.up(cards.tenant("a-0", (0, GIB), planned=3 * GIB)).returncode == 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    daemon = cards.daemon()

    def probe() -> int:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and alive(int(entry.name)):
                try:
                    if b"\0probe\0" in (entry / "cmdline").read_bytes() and re.search(rf"PPid:\t{daemon}\n", (entry / "status").read_text()):
                        return int(entry.name)
                except OSError:
                    continue
        return 0

    first = eventually("the probe", probe)
    os.kill(int(str(first)), signal.SIGKILL)
    eventually("another one", lambda: probe() not in (0, first))
    assert re.search(r"^Max open files +256 ", Path(f"/proc/{probe()}/limits").read_text(), re.MULTILINE)
    assert cards.verify()[0] == 0


def test_what_does_not_fit_starts_nothing(cards: Cards) -> None:
    (cards.folder / "berth.yaml").write_text("name: big\nworkloads:\n  a: {kind: service, command: [sleep, '1000'], gpus: 1, memory: 100GiB}\n")
    up = cards.berth("up", "-d")
    assert up.returncode == 3 and up.stderr
    assert not cards.runtime.exists() or not cards.ps()
    (cards.folder / "berth.yaml").write_text("name: fits\nworkloads:\n  a: {kind: service, command: [sleep, '1000'], gpus: 1, memory: 1GiB}\n")
    up = cards.berth("up", "-d")
    assert up.returncode == 0, up.stderr
    assert cards.ps()["a-0"]["ranks"][0]["planned_bytes"] == GIB
    assert cards.berth("down").returncode == 0
    cards.assert_empty()


def test_engine_progress_and_kv(cards: Cards) -> None:
    """A server of the simulated engine: the daemon reads its steps, opens the gate at its KV line, believes /health."""
    model = cards.folder / "model"
    model.mkdir()
    (model / "config.json").write_text(json.dumps({
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32,
        "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 4096, "torch_dtype": "bfloat16", "tie_word_embeddings": True, "rms_norm_eps": 1e-5}))
    server = instance("llm-0", ["vllm", "serve", str(model), "--host", "127.0.0.1", "--port", "{port}", "--kv-cache-memory-bytes", str(2 * GIB), "--max-model-len", "4096"],
                      "server", ranks=[{"gpu": cards.cards[0]["uuid"], "index": 0, "bytes": 12 * GIB}], ports=PORT, endpoint=HTTP, ready={"kind": "http", "path": "/health"},
                      engine="vllm", env={"CUDA_VISIBLE_DEVICES": cards.cards[0]["uuid"], "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    up = cards.up(server)
    assert up.returncode == 0, up.stderr
    assert "loading weights" in up.stderr
    llm = cards.ps()["llm-0"]
    assert llm["state"] == "ready" and llm["kv_tokens"] > 4096
    code, told = cards.verify()
    assert code == 0 and told["rows"][0]["verdict"] == "inside", told
    leader = llm["pids"][0]
    os.kill(leader, signal.SIGKILL)      # its engine core and workers must not stay
    eventually("its next life", lambda: (i := cards.ps()["llm-0"])["state"] == "ready" and i["restarts"] == 1)
    assert not any(alive(p) for p in llm["pids"])
    assert cards.berth("down").returncode == 0
    assert cards.machine.used() == [0, 0]
    cards.assert_empty()
