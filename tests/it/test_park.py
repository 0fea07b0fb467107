"""Park and resume: memory given back without ending. A stand-in server takes and frees bytes of simulated cards; the driver's word counts, not its reply."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import DEADLINE_S, Machine, alive, eventually
from plans import HTTP, PORT, instance, python
from test_run_gpu import GIB, TENANT, Cards

# argv: port, bytes awake, bytes asleep, how it answers /sleep: ok, lies (keeps all), refuses
SLEEPER = TENANT.split("for spec")[0].replace("def hold", "held = []\ndef hold").replace(
    "    if size: ask(\"cuMemAlloc_v2\", ctypes.byref(pointer), ctypes.c_size_t(size))",
    "    if size: ask(\"cuMemAlloc_v2\", ctypes.byref(pointer), ctypes.c_size_t(size)); held.append(pointer)") + """
import http.server
port, awake, asleep, manner = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
hold(0, asleep)
extra = ctypes.c_uint64()
def take():
    if not extra.value: ask("cuMemAlloc_v2", ctypes.byref(extra), ctypes.c_size_t(awake - asleep))
def give():
    ask("cuMemFree_v2", extra)
    extra.value = 0
take()
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code):
        self.send_response(code); self.send_header("Content-Length", "0"); self.end_headers()
    def do_GET(self): self.answer(200)
    def do_POST(self):
        print(self.path, flush=True)
        if manner == "refuses": return self.answer(404)
        if self.path in ("/sleep?level=1", "/release_kv_cache_memory") and manner == "ok": give()
        if self.path.startswith("/wake_up"): take()
        self.answer(200)
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
"""


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("1xA100-SXM4-40GB"))
    yield one
    one.close()


def server(cards: Cards, manner: str = "ok") -> dict:
    return instance("llm-0", python(SLEEPER, "{port}", str(20 * GIB), str(1 * GIB), manner), "server", ranks=[{"gpu": cards.cards[0]["uuid"], "index": 0, "bytes": 22 * GIB}],
                    ports=PORT, endpoint=HTTP, ready={"kind": "http", "path": "/health"}, engine="vllm")


def phased(cards: Cards, srv: dict) -> dict:
    """Serve, then a job that needs most of the card, then serve again."""
    move = {"from": "serve", "to": "train", "instance": "llm-0", "how": "park", "level": "sleep", "seconds": 1.0, "gpu_bytes": {cards.cards[0]["uuid"]: 3 * GIB},
            "host_bytes": 19 * GIB, "why": "it comes back"}
    train = cards.tenant("train-0", (0, 30 * GIB), planned=32 * GIB)
    value = {"schema": 1, "kind": "plan", "name": "set", "berth_version": "0.1.0", "spec_dir": "/", "refusals": [], "moves": [move],
             "fleet": {"source": "nvml", "live": True, "gpus": cards.gpus()},
             "phases": [{"name": "serve", "instances": [srv]}, {"name": "train", "instances": [train]}, {"name": "again", "instances": [srv]}]}
    return value


def up(cards: Cards, value: dict):
    done = cards.berth("up", "--plan", cards.write(value), "-d")
    assert done.returncode == 0, done.stderr
    return done


def pid(cards: Cards, ident: str) -> int:
    return cards.ps()[ident]["pids"][0]


def used(cards: Cards) -> float:
    return cards.machine.used()[0] / GIB


def test_parked_through_a_phase_and_back_as_the_same_process(cards: Cards) -> None:
    up(cards, phased(cards, server(cards)))
    leader = pid(cards, "llm-0")
    done = cards.berth("phase", "train")
    assert done.returncode == 0, done.stderr
    ps = cards.ps()
    assert ps["llm-0"]["state"] == "parked" and ps["llm-0"]["want"] == "parked" and ps["train-0"]["state"] == "ready"
    assert 30 < used(cards) < 34
    code, told = cards.verify()
    row = next(r for r in told["rows"] if r["instance"] == "llm-0")
    assert code == 0 and row["planned_bytes"] == 3 * GIB and row["verdict"] == "inside"
    done = cards.berth("phase", "again")
    assert done.returncode == 0 and "llm-0          ready" in done.stderr, done.stderr          # the verb waits for who wakes, too
    assert cards.state("llm-0") == "ready"
    assert pid(cards, "llm-0") == leader and cards.state("train-0") == "down" and used(cards) > 20
    assert cards.berth("down").returncode == 0 and cards.machine.used() == [0]


def test_one_that_lies_is_stopped_and_starts_again_in_its_phase(cards: Cards) -> None:
    cards.env["BERTH_PARK_WAIT"] = "1s"
    up(cards, phased(cards, server(cards, "lies")))
    leader = pid(cards, "llm-0")
    done = cards.berth("phase", "train")
    assert done.returncode == 0, done.stderr
    assert "could not be parked (GPU 0: it still holds" in done.stderr and "stopped instead" in done.stderr
    assert cards.state("llm-0") == "down" and not alive(leader)
    assert cards.berth("phase", "again").returncode == 0
    assert cards.state("llm-0") == "ready"
    assert pid(cards, "llm-0") != leader


def test_a_new_daemon_knows_who_is_parked(cards: Cards) -> None:
    up(cards, phased(cards, server(cards)))
    leader = pid(cards, "llm-0")
    assert cards.berth("phase", "train").returncode == 0
    cards.kill_daemon()
    cards.until("llm-0", "parked")
    assert cards.state("train-0") == "ready"
    assert cards.berth("phase", "again").returncode == 0
    assert cards.state("llm-0") == "ready"
    assert pid(cards, "llm-0") == leader


def test_one_that_dies_parked_waits_for_its_phase(cards: Cards) -> None:
    up(cards, phased(cards, server(cards)))
    assert cards.berth("phase", "train").returncode == 0
    os.kill(pid(cards, "llm-0"), signal.SIGKILL)
    cards.until("llm-0", "down")
    assert cards.berth("phase", "again").returncode == 0
    assert cards.state("llm-0") == "ready"


def test_by_hand(cards: Cards) -> None:
    assert cards.up(server(cards)).returncode == 0
    leader = pid(cards, "llm-0")
    done = cards.berth("park", "llm")
    assert done.returncode == 0, done.stderr
    assert cards.state("llm-0") == "parked" and used(cards) < 3
    again = cards.berth("park", "llm")
    assert again.returncode == 1 and "is parked: only what is ready" in again.stderr
    assert cards.berth("resume", "llm").returncode == 0
    assert cards.state("llm-0") == "ready" and pid(cards, "llm-0") == leader and used(cards) > 20
    assert "is ready: it is not parked" in cards.berth("resume", "llm").stderr
    assert cards.berth("park", "llm", "--level", "stop").returncode == 0 and not alive(leader)
    assert cards.berth("resume", "llm").returncode == 0 and cards.state("llm-0") == "ready"
    assert "no instance or workload" in cards.berth("park", "nobody").stderr


def test_one_that_refuses_by_hand_runs_on(cards: Cards) -> None:
    assert cards.up(server(cards, "refuses")).returncode == 0
    leader = pid(cards, "llm-0")
    done = cards.berth("park", "llm")
    assert done.returncode == 1 and "could not be parked (POST /sleep?level=1" in done.stderr and "it runs on" in done.stderr
    assert cards.state("llm-0") == "ready" and pid(cards, "llm-0") == leader
    eventually("its probe to go on", lambda: cards.state("llm-0") == "ready")


def test_a_command_cannot_sleep(cards: Cards) -> None:
    assert cards.up(cards.tenant("t-0", (0, GIB), planned=2 * GIB)).returncode == 0
    done = cards.berth("park", "t")
    assert done.returncode == 1 and "engine command cannot be parked by sleep" in done.stderr and "--level stop" in done.stderr


def pool_alone(cards: Cards, manner: str = "ok") -> dict:
    """20 GiB, of which 6 GiB are the pool."""
    card = cards.cards[0]["uuid"]
    return instance("llm-0", python(SLEEPER, "{port}", str(20 * GIB), str(14 * GIB), manner), "server", ports=PORT, endpoint=HTTP, engine="vllm",
                    ranks=[{"gpu": card, "index": 0, "bytes": 22 * GIB, "kv": {"bytes": 6 * GIB, "tokens": 6000}}], ready={"kind": "http", "path": "/health"})


def test_the_pool_alone_by_hand_and_back_beside_a_neighbour(cards: Cards) -> None:
    """Less than half comes back; and what a parked one still holds is a part of what it needs, not in its own way."""
    assert cards.up(pool_alone(cards), cards.tenant("t-0", (0, 15 * GIB), planned=16 * GIB)).returncode == 0
    leader = pid(cards, "llm-0")
    done = cards.berth("park", "llm", "--level", "kv")
    assert done.returncode == 0, done.stderr
    assert cards.state("llm-0") == "parked" and used(cards) < 30
    done = cards.berth("resume", "llm")
    assert done.returncode == 0, done.stderr
    assert cards.state("llm-0") == "ready" and pid(cards, "llm-0") == leader and used(cards) > 35


def test_a_pool_that_was_not_given_back_is_seen(cards: Cards) -> None:
    cards.env["BERTH_PARK_WAIT"] = "1s"
    assert cards.up(pool_alone(cards, "lies")).returncode == 0
    leader = pid(cards, "llm-0")
    done = cards.berth("park", "llm", "--level", "kv")
    assert done.returncode == 1 and "could not be parked (GPU 0: it still holds" in done.stderr, done.stderr
    cards.until("llm-0", "ready")
    assert pid(cards, "llm-0") != leader


def test_one_that_waits_to_come_back_says_for_what(cards: Cards) -> None:
    assert cards.up(server(cards)).returncode == 0
    assert cards.berth("park", "llm").returncode == 0
    assert cards.machine.berth("sim", "ctl", "stranger", "0", "30GiB").returncode == 0
    eventually("the driver to show it", lambda: used(cards) > 30 and any(f["bytes"] > 29 * GIB for f in cards.verify()[1]["foreign"]))
    waits = cards.popen("resume", "llm")
    try:
        eventually("its reason", lambda: "22.00 GiB needed" in (cards.ps()["llm-0"]["why"] or ""))
        assert "held by pid" in cards.ps()["llm-0"]["why"]                     # not by itself
        for f in cards.verify()[1]["foreign"]:
            os.kill(f["pid"], signal.SIGKILL)
        out, _ = waits.communicate(timeout=DEADLINE_S)
    finally:
        waits.kill()
    assert waits.returncode == 0 and "22.00 GiB needed" in out, out


def test_a_level_in_the_spec_is_for_berth_park_too(machine: Callable[..., Machine]) -> None:
    """Without phases nothing is parked by plan; in RAM vLLM would not start so."""
    m = machine("1xA100-SXM4-40GB")
    spec = m.folder / "berth.yaml"
    for park, gpus, wanted in (("sleep", 1, True), ("kv", 1, True), ("auto", 1, False), ("sleep", 0, False)):
        spec.write_text(f"name: set\nworkloads:\n  llm: {{engine: vllm, model: Qwen/Qwen3-0.6B, gpus: {gpus}, context: 4096, park: {park}}}\n")
        launch = m.json("plan")["phases"][0]["instances"][0]["launch"]
        assert ("--enable-sleep-mode" in launch["argv"], launch["env"].get("VLLM_SERVER_DEV_MODE") == "1") == (wanted, wanted), (park, gpus)
