"""A first start fetches its model: a step of its own, with bytes; and no start where the disk has no room for it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, ENGINE, eventually
from plans import HTTP, PORT, House, instance, plan, python

MIB = 1 << 20
# As huggingface_hub does it: a blob grows under the name of an incomplete one, is renamed, and a link in the snapshot names it.
FETCHES = """
import http.server, os, sys, time
blobs = sys.argv[2] + "/hub/models--org--name/blobs"
os.makedirs(blobs)
def until(step):
    while not os.path.exists(f"{sys.argv[3]}/{step}"): time.sleep(0.01)
with open(blobs + "/abc.incomplete", "wb", buffering=0) as f:
    for step in ("one", "two"):
        until(step)
        f.write(os.urandom(1 << 20) * 4)
        os.fsync(f.fileno())
    until("three")
os.rename(blobs + "/abc.incomplete", blobs + "/abc")
until("four")
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def do_POST(self): self.do_GET()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, {**{k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGING"))}, "HF_HOME": str(tmp_path / "hf")})
    yield one
    for step in ("one", "two", "three", "four"):
        (tmp_path / step).touch()
    one.close()


def test_it_is_a_step_with_bytes(house: House) -> None:
    llm = instance("llm-0", python(FETCHES, "{port}", str(house.folder / "hf"), str(house.folder)), "server", ports=PORT, endpoint=HTTP,
                   ready={"kind": "http", "path": "/health"}, engine="vllm")
    llm["model"] = {"id": "org/name", "revision": None, "digest": "", "weight_bytes": 16 * MIB}
    up = house.popen("up", "--plan", house.write(plan("p", llm)), "-d")

    def progress() -> dict:
        return house.ps().get("llm-0", {}).get("progress") or {}

    eventually("it to have begun", lambda: (house.folder / "hf" / "hub" / "models--org--name" / "blobs" / "abc.incomplete").exists())
    (house.folder / "one").touch()
    first = eventually("4 MiB", lambda: (p := progress()).get("bytes") == 4 * MIB and p)
    assert isinstance(first, dict) and (first["step"], first["percent"], first["of_bytes"]) == ("downloading", 25, 16 * MIB) and first["bytes_per_s"] > 0
    assert first["seconds_left"] > 0
    (house.folder / "two").touch()
    eventually("8 MiB", lambda: progress().get("percent") == 50)
    assert "downloading 50 %  8.00 MiB of 16.00 MiB" in house.berth("ps").stdout
    (house.folder / "three").touch()
    eventually("it to be over", lambda: house.state("llm-0") == "starting" and not progress())
    (house.folder / "four").touch()
    out, _ = up.communicate(timeout=DEADLINE_S)
    assert up.returncode == 0 and "downloading 25 %" in out, out


def test_a_path_and_a_file_of_an_earlier_start_are_no_download(house: House) -> None:
    stale = house.folder / "hf" / "hub" / "models--org--name" / "blobs" / "old.incomplete"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"x" * 4096)
    wait = "import os, time\nwhile not os.path.exists(os.environ['GO']): time.sleep(0.01)\nprint('up', flush=True)\ntime.sleep(1000)"
    llm = instance("llm-0", python(wait), "server", ready={"kind": "log", "pattern": "^up$"}, engine="vllm", env={"GO": str(house.folder / "go")})
    llm["model"] = {"id": "org/name", "weight_bytes": 16 * MIB}
    up = house.popen("up", "--plan", house.write(plan("p", llm)), "-d")
    eventually("it to be starting", lambda: house.ps().get("llm-0", {}).get("state") == "starting")
    assert house.ps()["llm-0"]["progress"] is None
    (house.folder / "go").touch()
    out, _ = up.communicate(timeout=DEADLINE_S)
    assert up.returncode == 0 and "downloading" not in out


def test_no_room_for_it_is_said_before_the_start(tmp_path: Path) -> None:
    """On a file system of 10 MiB, mounted where only this command sees it."""
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "-o", "size=10m", "tmpfs", str(small)], capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "vllm").symlink_to(ENGINE)
    (tools / "vllm.version").write_text("0.32.0\n")
    (tmp_path / "berth.yaml").write_text("name: cpu\ngpus: none\nworkloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, gpus: 0, context: 2048}}\n")
    env = {**{k: v for k, v in os.environ.items() if k != "BERTH_SIM"}, "PATH": f"{tools}:{os.environ['PATH']}", "HF_HOME": str(small / "hf"),
           "BERTH_RUNTIME_DIR": str(tmp_path / "run"), "BERTH_STATE_DIR": str(tmp_path / "state")}
    env.pop("HF_HUB_CACHE", None)
    mount = f"mount -t tmpfs -o size=10m tmpfs {small} && exec {BERTH} up -d"
    done = subprocess.run(["unshare", "-m", "sh", "-c", mount], capture_output=True, text=True, env=env, cwd=tmp_path, timeout=DEADLINE_S, check=False)
    assert done.returncode == 3 and f"is to be fetched first, and {small} has 10.00 MiB free" in done.stderr and "HF_HOME" in done.stderr, done.stderr
    assert not (tmp_path / "run").exists()
