"""A stop with a request under way: by the engine's own limit for it, or cut off."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from conftest import Machine, eventually
from test_alive import server
from test_run_gpu import Cards


@pytest.fixture
def cards(machine: Callable[..., Machine]) -> Iterator[Cards]:
    one = Cards(machine("1xA100-SXM4-40GB"))
    one.env["BERTH_SIM_SPEED"] = "10"                # 60 s are 6 s: more than the 5 that a stop takes without
    yield one
    one.close()


def stop_while_it_streams(cards: Cards, *args: str) -> dict:
    """The exit of a server that was stopped with a stream that does not end by itself."""
    llm = server(cards, 1)
    llm["launch"]["argv"] += args
    assert cards.up(llm).returncode == 0
    url = cards.ps()["llm-0"]["endpoint"]["http"]

    def stream() -> None:
        body = json.dumps({"model": "llm", "prompt": "x", "max_tokens": 4000, "stream": True}).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(f"{url}/v1/completions", body, {"Content-Type": "application/json"}), timeout=60) as r:
                r.read()
        except OSError:
            pass

    asking = threading.Thread(target=stream, daemon=True)
    asking.start()
    eventually("it to run", lambda: any(line.startswith("vllm:num_requests_running") and line.endswith(" 1.0")
                                        for line in urllib.request.urlopen(f"{url}/metrics").read().decode().splitlines()))
    assert cards.berth("down").returncode == 0
    asking.join(60)
    ends = [json.loads(line) for line in cards.berth("events", "--json").stdout.splitlines()]
    return next(e["instance"]["exit"] for e in reversed(ends) if e["event"] == "inst" and e["instance"]["id"] == "llm-0" and e["instance"]["exit"])


def test_its_own_limit_is_waited_for(cards: Cards) -> None:
    assert stop_while_it_streams(cards, "--shutdown-timeout", "60") == {"status": 0, "signal": None, "text": "exit status 0"}


def test_written_as_one_word_too(cards: Cards) -> None:
    assert stop_while_it_streams(cards, "--shutdown-timeout=60")["status"] == 0
