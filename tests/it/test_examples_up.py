"""Examples brought up whole on simulated cards, with their own programs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Machine, eventually

TASKS = 12
TINKER = ROOT / "examples" / "tinker" / "berth.yaml"


@pytest.fixture
def m(machine: Callable[..., Machine]) -> Iterator[Machine]:
    one = machine("4xA100-SXM4-80GB")
    one.env["BERTH_SIM_SPEED"] = "200"
    yield one
    one.berth("down")


def test_activations_writes_sleeps_and_extracts(m: Machine) -> None:
    out = m.folder / "out"
    spec = ROOT / "examples" / "activations" / "berth.yaml"
    done = m.berth("up", "-f", str(spec), "--wait-jobs", env={"ACTIVATIONS_OUT": str(out)}, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.index("leaving for phase extract") < done.stderr.index("entering phase extract")
    assert len((out / "texts.jsonl").read_text().splitlines()) == 32
    written = sorted(p.relative_to(out).as_posix() for p in out.glob("layer-*/*.json"))
    assert written == [f"layer-{layer}/shard-{k}-of-4.json" for layer in (10, 11, 12) for k in range(4)]
    assert sum(len(json.loads(p.read_text())) for p in out.glob("layer-11/*.json")) == 32
    assert m.used() == [0, 0, 0, 0]
    again = m.berth("up", "-f", str(spec), "--wait-jobs", env={"ACTIVATIONS_OUT": str(out)})
    assert again.returncode == 0 and "every task of every job is done" in again.stdout


def test_activations_extracts_from_all_texts_while_they_are_written(m: Machine) -> None:
    out = m.folder / "out"
    spec = ROOT / "examples" / "activations" / "berth.yaml"
    done = m.berth("up", "-f", str(spec), "--variant", "split-2-2", "--wait-jobs", env={"ACTIVATIONS_OUT": str(out)}, timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    for layer in (10, 11, 12):
        numbers = [row["number"] for p in out.glob(f"layer-{layer}/*.json") for row in json.loads(p.read_text())]
        assert sorted(numbers) == list(range(32)), layer


@pytest.mark.parametrize("example", ["thinking", "experiment"])
def test_servers_answer(m: Machine, example: str) -> None:
    spec = ROOT / "examples" / example / "berth.yaml"
    done = m.berth("up", "-f", str(spec), "-d", timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = m.json("ps")["instances"]
    assert rows and all(r["state"] == "ready" for r in rows)
    if example == "thinking":            # its own client: the draft thinks, the target answers with that before it
        said = m.run("python3", str(spec.with_name("think.py")), "What is a berth?")
        assert said.returncode == 0, said.stderr
        (thinking, answer) = said.stdout.split("\n\n")
        assert thinking.startswith("thinking (draft):") and answer.startswith("answer (target):") and len(answer.split()) > 2
    ask = Path(__file__).with_name("ask.py")
    for r in rows:
        said = m.run("python3", str(ask), r["endpoint"]["http"])
        assert said.returncode == 0 and said.stdout.strip(), said.stderr
    assert m.berth("verify").returncode == 0
    assert m.berth("down").returncode == 0 and m.used() == [0, 0, 0, 0]


def get(url: str, body: dict | None = None) -> tuple[int, dict]:
    request = urllib.request.Request(url, json.dumps(body).encode() if body is not None else None)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as why:
        return why.code, json.load(why)


def tinker(m: Machine, variant: str | None) -> tuple[dict[str, dict], list[list[str]]]:
    """Up, and its users done: rows of `ps`, and the lines of the users' table in words."""
    m.env |= {"BERTH_SIM_SPEED": "200", "TINKER_ADAPTERS": str(m.folder / "adapters")}
    done = m.berth("up", "-f", TINKER, "-d", *(["--variant", variant] if variant else []), timeout=240)
    assert done.returncode == 0, done.stderr[-3000:]
    rows: dict[str, dict] = {}

    def ended() -> bool:
        rows.update({r["id"]: r for r in m.json("ps")["instances"]})
        return rows["users-0"]["state"] in ("done", "failed")

    eventually("the users to end", ended)
    said = m.berth("logs", "users").stdout
    assert rows["users-0"]["state"] == "done", said[-3000:]
    return rows, [line.split() for line in said.splitlines()]


def of_user(lines: list[list[str]], name: str) -> list[str]:
    """Its row of the table."""
    return next(words[words.index(name):] for words in lines if name in words)


@pytest.mark.parametrize(("fleet", "variant", "cards", "users"), [
    ("4xRTX-4090", None, 4, 4), ("4xRTX-4090", "production", 4, 4), ("4xA100-SXM4-40GB", "training", 4, 4), ("4xA100-SXM4-40GB", "development", 1, 2)])
def test_tinker_samples_and_trains_for_several_users(machine: Callable[..., Machine], fleet: str, variant: str | None, cards: int, users: int) -> None:
    m = machine(fleet)
    rows, lines = tinker(m, variant)
    names, out = ["ada", "ben", "cleo", "dan"][:users], m.folder / "adapters"
    assert {i: r["state"] for i, r in rows.items()} == {"serve-0": "ready", "train-0": "ready", "users-0": "done"}
    serve, train = (rows[i]["endpoint"]["http"] for i in ("serve-0", "train-0"))
    assert {row["id"] for row in get(f"{serve}/v1/models")[1]["data"]} == {"serve", *names}      # each loaded, under its user's name
    plan = m.json("plan", "-f", TINKER, "--gpus", fleet, *(["--variant", variant] if variant else []))
    planned = next(i["job"]["users"] for i in plan["phases"][0]["instances"] if i["job"])
    health = get(f"{train}/health")[1]
    assert health["cards"] == cards and 1 <= health["places"] <= planned       # production on 24 GB cards: one, and four users in turn
    assert sorted(p.name for p in out.iterdir()) == names
    for name in names:                                                         # three rounds of twenty steps; the newest two stay
        assert sorted(p.name for p in (out / name).iterdir()) == ["step-40", "step-60"]
        before, after = ((out / name / step / "adapter_model.safetensors").read_bytes() for step in ("step-40", "step-60"))
        assert len(before) == len(after) and before != after
        user, model, tokens, steps, loss, _, lower = of_user(lines, name)
        assert user == model and int(tokens) > 0 and steps == "60" and float(loss) > float(lower)
    assert get(f"{train}/train", {"user": "../ada", "texts": ["a"]})[0] == get(f"{train}/train", {"user": "ada"})[0] == get(f"{train}/train", {"user": "ada", "texts": [1]})[0] == 400
    assert m.berth("verify").returncode == 0
    assert m.berth("down").returncode == 0 and m.used() == [0, 0, 0, 0]


def test_tinker_where_nothing_trains(machine: Callable[..., Machine]) -> None:
    m = machine("4xRTX-4090")
    rows, lines = tinker(m, "inference")
    assert {i: r["state"] for i, r in rows.items()} == {"serve-0": "ready", "users-0": "done"}
    for name in ("ada", "ben", "cleo", "dan"):
        user, model, tokens, *_ = of_user(lines, name)
        assert (user, model) == (name, "serve") and int(tokens) > 0
    assert m.berth("down").returncode == 0 and m.used() == [0, 0, 0, 0]


def test_tinker_goes_over_to_its_training_variant_while_its_users_work(machine: Callable[..., Machine]) -> None:
    m = machine("4xA100-SXM4-40GB")
    m.env |= {"BERTH_SIM_SPEED": "200", "TINKER_ADAPTERS": str(m.folder / "adapters")}
    assert m.berth("up", "-f", TINKER, "-d", timeout=240).returncode == 0

    def rows() -> dict[str, dict]:
        return {r["id"]: r for r in m.json("ps")["instances"]}

    def planned(ident: str) -> int:
        return sum(r["planned_bytes"] for r in rows()[ident]["ranks"])

    serve, train, first = planned("serve-0"), planned("train-0"), rows()
    diff = m.berth("diff", "-f", TINKER, "--variant", "training")
    assert diff.returncode == 4 and "serve-0" in diff.stdout and "train-0" in diff.stdout, diff.stdout
    done = m.berth("up", "-f", TINKER, "--variant", "training", "-d", timeout=240)
    assert done.returncode == 0 and "goes over to another plan" in done.stderr, done.stderr[-3000:]
    eventually("the users to end", lambda: rows()["users-0"]["state"] in ("done", "failed"))
    last = rows()
    assert {i: r["state"] for i, r in last.items()} == {"serve-0": "ready", "train-0": "ready", "users-0": "done"}, m.berth("logs", "users").stdout[-3000:]
    less, more = planned("serve-0"), planned("train-0")
    assert less < serve and more > train
    assert not set(last["serve-0"]["pids"]) & set(first["serve-0"]["pids"]) and not set(last["train-0"]["pids"]) & set(first["train-0"]["pids"])
    assert m.berth("diff", "-f", TINKER, "--variant", "training").returncode == 0            # what runs is what it says
    assert m.berth("verify").returncode == 0
    back = m.berth("up", "-f", TINKER, "--switch", "-d", timeout=240)
    assert back.returncode == 0 and planned("serve-0") > less and planned("train-0") < more, back.stderr[-3000:]
    assert m.berth("down").returncode == 0 and m.used() == [0, 0, 0, 0]
