"""Ready is not warm: berth sends a server its first request, waits for the answer, and says what came of it."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Machine, eventually, flat
from plans import HTTP, PORT, House, instance, plan, python
from test_alive import server
from test_run_gpu import Cards

# An engine as its clients see it: health at once, names, and what a first request meets is said by the test.
STAND_IN = """
import http.server, json, os, sys, time
how, folder = sys.argv[2], sys.argv[3]
class H(http.server.BaseHTTPRequestHandler):
    def say(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status); self.send_header("Content-Length", str(len(text))); self.end_headers(); self.wfile.write(text)
    def do_GET(self):
        self.say(200, {"data": [{"id": "the \\"model\\""}]} if self.path == "/v1/models" else {})
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with open(f"{folder}/asked", "a") as f: f.write(json.dumps([self.path, body, self.headers.get("Authorization")]) + "\\n")
        if how == "waits":
            while not os.path.exists(f"{folder}/go"): time.sleep(0.01)
        if how == "dies": os.kill(os.getpid(), 4); time.sleep(1000)      # another thread may take the signal: not a word meanwhile
        if how == "refuses": return self.say(404, {})
        if how == "embeds" and self.path != "/v1/embeddings": return self.say(404, {})
        if how == "key" and self.headers.get("Authorization") != "Bearer sesame": return self.say(401, {})
        self.say(200, {})
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path, dict(os.environ))
    yield one
    (tmp_path / "go").touch()
    one.close()


def stand_in(house: House, how: str, *args: str, **more) -> dict:
    return instance("llm-0", python(STAND_IN, "{port}", how, str(house.folder), *args), "server", ports=PORT, endpoint=HTTP, ready={"kind": "http", "path": "/health"},
                    engine="vllm", **more)


def asked(house: House) -> list[list]:
    path = house.folder / "asked"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def events(house: House) -> list[dict]:
    return [json.loads(line) for line in house.berth("events", "--json").stdout.splitlines()]


def test_the_simulated_engine_is_warm_when_up_returns(machine: Callable[..., Machine]) -> None:
    cards = Cards(machine("1xA100-SXM4-40GB"))
    try:
        up = cards.up(server(cards, 1))
        assert up.returncode == 0 and "its first answer took" in up.stderr, up.stderr
        llm = cards.ps()["llm-0"]
        assert llm["state"] == "ready" and llm["warm"] is True and "not_warm" not in llm
        with urllib.request.urlopen(llm["endpoint"]["http"] + "/metrics") as r:
            text = r.read().decode()
        assert [float(line.split()[-1]) for line in text.splitlines() if line.startswith("vllm:generation_tokens_total")] == [1.0]
        one = [e for e in events(cards) if e["event"] == "warm"]
        assert len(one) == 1 and one[0]["id"] == "llm-0" and one[0]["warm"] is True and one[0]["seq"] > 0
    finally:
        cards.close()


def test_up_waits_for_the_first_answer_and_clients_do_not(house: House) -> None:
    client = instance("client-0", python("print('hello')"), "job", after={"llm": "ready"})
    up = house.popen("up", "--plan", house.write(plan("p", stand_in(house, "waits"), client)), "-d")
    eventually("the request to be there", lambda: asked(house))
    house.until("client-0", "done")
    llm = house.ps()["llm-0"]
    assert llm["state"] == "ready" and llm["warm"] is False and up.poll() is None
    assert "its first request runs" in flat(house.berth("ps").stdout)
    (house.folder / "go").touch()
    out, _ = up.communicate(timeout=60)
    assert up.returncode == 0, out
    assert asked(house) == [["/v1/completions", {"model": 'the "model"', "prompt": "1", "max_tokens": 1}, None]]
    assert house.ps()["llm-0"]["warm"] is True and house.ps()["client-0"]["warm"] is None


def test_a_server_of_embeddings_is_asked_for_one(house: House) -> None:
    assert house.up(plan("p", stand_in(house, "embeds")), "-d").returncode == 0
    assert [a[0] for a in asked(house)] == ["/v1/completions", "/v1/embeddings"]
    assert house.ps()["llm-0"]["warm"] is True


def test_one_that_refuses_every_request_stays_up_and_is_not_called_warm(house: House) -> None:
    up = house.up(plan("p", stand_in(house, "refuses")), "-d")
    assert up.returncode == 0 and "answers 404 to POST /v1/completions, 404 to POST /v1/embeddings" in up.stderr, up.stderr
    llm = house.ps()["llm-0"]
    assert llm["state"] == "ready" and llm["warm"] is False and "404" in llm["not_warm"]
    assert "not warm: answers 404" in flat(house.berth("ps").stdout)


def test_the_key_of_its_command_line_is_used(house: House) -> None:
    assert house.up(plan("p", stand_in(house, "key", "--api-key", "sesame")), "-d").returncode == 0
    assert asked(house)[0][2] == "Bearer sesame" and house.ps()["llm-0"]["warm"] is True


def test_a_key_of_the_environment_too(house: House) -> None:
    assert house.up(plan("p", stand_in(house, "key")), "-d", env={"VLLM_API_KEY": "sesame"}).returncode == 0
    assert house.ps()["llm-0"]["warm"] is True


def test_without_the_key_that_is_said(house: House) -> None:
    up = house.up(plan("p", stand_in(house, "key")), "-d")
    assert up.returncode == 0 and "wants a key" in up.stderr and len(asked(house)) == 1


def test_one_that_dies_of_its_first_request_is_not_tried_for_ever(house: House) -> None:
    up = house.up(plan("p", stand_in(house, "dies")), "-d")
    assert up.returncode == 1 and "died while its first request ran (POST /v1/completions)" in up.stderr, up.stderr
    assert len(asked(house)) == 2
    house.assert_empty()


def test_the_limit_is_the_users(house: House) -> None:
    up = house.up(plan("p", stand_in(house, "waits", stop_grace_ms=200)), "-d", env={"BERTH_WARM_WAIT": "200ms"})
    assert up.returncode == 0 and "no answer to its first request for 0.2 s" in up.stderr, up.stderr


def test_a_next_daemon_knows_what_was_answered_and_asks_what_was_not(house: House) -> None:
    assert house.up(plan("p", stand_in(house, "")), "-d").returncode == 0
    os.kill(house.daemon(), signal.SIGKILL)
    assert house.ps()["llm-0"]["warm"] is True and len(asked(house)) == 1
    (house.runtime / "inst" / "p" / "llm-0" / "warm").unlink()
    os.kill(house.daemon(), signal.SIGKILL)
    eventually("it to be asked again", lambda: house.ps()["llm-0"]["warm"] is True and len(asked(house)) == 2)


def test_a_stop_while_the_first_request_runs(house: House) -> None:
    up = house.popen("up", "--plan", house.write(plan("p", stand_in(house, "waits"))), "-d")
    eventually("the request to be there", lambda: asked(house))
    assert house.berth("down").returncode == 0
    up.communicate(timeout=60)
    house.assert_empty()
