"""What users, disks and terminals do to berth that nobody planned: it says what is wrong, and leaves nothing half done."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BERTH, DEADLINE_S, Machine, eventually, free_port
from plans import SLEEP, House, instance, plan, python

FLEET = "4xA100-SXM4-40GB"
ONE = 'name: one\nworkloads: {a: {kind: service, command: [sleep, "1000"], gpus: 0}}\n'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def berth(*args: str | bytes | Path, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([os.fsencode(BERTH), *(os.fsencode(a) for a in args)], capture_output=more.pop("capture_output", True), text=True, errors="replace",
                          timeout=DEADLINE_S, check=False, **more)


def spec(folder: Path, text: str) -> Path:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "berth.yaml").write_text(text)
    return folder


# ---- terminals and pipes ----

@pytest.mark.parametrize("verb", [["plan", "--gpus", FLEET], ["plan", "--gpus", FLEET, "--json"], ["gpus", "--gpus", FLEET], ["gpus", "--catalog", "--json"], ["export", "env", "--gpus", FLEET],
                                  ["estimate", "Qwen/Qwen2.5-7B-Instruct", "--gpu", "A100-SXM4-40GB"], ["ps", "--json"], ["--help"]])
def test_output_that_cannot_be_written_is_a_failure(tmp_path: Path, verb: list[str]) -> None:
    spec(tmp_path, ONE)
    with open("/dev/full", "w") as full:
        done = berth(*verb, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, capture_output=False, env={**os.environ, "BERTH_RUNTIME_DIR": str(tmp_path / "run")})
    assert done.returncode == 1 and "write the output: No space left on device" in done.stderr


def test_a_reader_that_left_is_no_failure(tmp_path: Path) -> None:
    spec(tmp_path, ONE)
    done = subprocess.run(["bash", "-c", f"'{BERTH}' plan --gpus {FLEET} | head -c1 >/dev/null; echo ${{PIPESTATUS[0]}}"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=DEADLINE_S, check=True)
    assert done.stdout == "0\n" and done.stderr == ""


def test_closed_stdio_is_not_taken_over_by_files(house: House) -> None:
    """Or the daemon's log and the control socket would get our words."""
    at = house.write(plan("set", instance("a-0", SLEEP)))
    done = subprocess.run(["bash", "-c", f"exec '{BERTH}' up -d --plan '{at}' <&- >&- 2>&-"], env=house.env, cwd=house.folder, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0
    assert house.state("a-0") == "ready"
    assert "a-0" not in (house.runtime / "daemon.log").read_text().replace("set/a-0:", "")
    assert house.berth("down").returncode == 0
    house.assert_empty()


def test_json_errors_are_whole_with_any_bytes(tmp_path: Path) -> None:
    for args in (["plan", "--json", "-f", b"\xff\xfe"], ["estimate", "--json", b"m\xff"], ["gpus", "--json", "--gpus", b"g\xff"], ["plan", "--json", b"--\xff"]):
        done = berth(*args, cwd=tmp_path)
        answer = json.loads(done.stdout)
        assert done.returncode in (1, 2) and answer["kind"] == "error" and answer["message"], args
        assert "\\xf" in answer["message"], args


def test_json_answers_are_whole_with_any_bytes(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/n\xff"
    os.mkdir(folder)
    with open(folder + b"/config.json", "w") as f:
        json.dump({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 512, "num_hidden_layers": 2, "num_attention_heads": 8, "vocab_size": 1000,
                   "intermediate_size": 1024, "max_position_embeddings": 2048}, f)
    with open(folder + b"/fleet.json", "w") as f:
        json.dump({"nodes": [{"name": "a", "ram_bytes": 1}], "gpus": [{"name": "NVIDIA GeForce RTX 4090", "uuid": "GPU-1"}]}, f)
    for args, key in ((["check"], "rows"), (["estimate", "--gpu", "RTX-4090"], "model"), (["estimate", "--gpu", "RTX-4090", "--forward"], "model"), (["pace", "--gpus", "1xRTX-4090"], "model"),
                      (["gpus", "--gpus"], "gpus")):
        done = berth(*args, folder + (b"/fleet.json" if args == ["gpus", "--gpus"] else b""), "--json", cwd=tmp_path)
        answer = json.loads(done.stdout)
        assert answer["kind"] != "error" and answer[key] and "\\xff" in json.dumps(answer).replace("\\\\", "\\"), (args, answer)


def test_what_is_exported_is_text(tmp_path: Path) -> None:
    spec = "name: x\ngpus: 1xRTX-4090\nworkloads: {a: {kind: service, command: [x], gpus: 0}}\n"
    folder = os.fsencode(tmp_path) + b"/n\xff"
    os.mkdir(folder)
    with open(folder + b"/berth.yaml", "w") as f:
        f.write(spec)
    done = berth("export", "sh", "-f", folder + b"/berth.yaml", cwd=tmp_path)            # its script would look for another folder
    assert done.returncode == 2 and "rename the folder" in done.stderr and not done.stdout
    with open(os.fsencode(tmp_path) + b"/b\xff.yaml", "w") as f:
        f.write(spec)
    done = berth("export", "sh", "-f", b"b\xff.yaml", "--json", cwd=tmp_path)
    assert "from b\\xff.yaml." in json.loads(done.stdout)["files"][0]["text"]


def test_names_in_errors_do_not_steer_the_terminal(tmp_path: Path) -> None:
    done = berth("plan", "-f", "x\x1b[31m\x07.yaml", cwd=tmp_path)
    assert done.returncode == 2 and "\x1b" not in done.stderr and "\\x1b" in done.stderr


def test_unknown_option_says_where_to_look(tmp_path: Path) -> None:
    assert "--help" in berth("plan", "--zzzzzzzzzz", cwd=tmp_path).stderr


# What is wrong with the command line, where it is told of the wrong word, or was not told at all.
@pytest.mark.parametrize(("words", "message", "hint"), [
    (["plan", "--gpus"], "--gpus needs a value", "--gpus FLEET: instead of the spec's"),
    (["plan", "--gpus", ""], "--gpus is empty", ""),
    (["plan", "--gpus", FLEET, "--variant", ""], "--variant is empty", ""),
    (["plan", "--compare", FLEET, "--compare", ""], "--compare is empty", ""),
    (["plan", "-f", "."], "read .: Is a directory", "-f ./berth.yaml"),
    (["plan", "-f", ".."], "read ..: Is a directory", "there is no ../berth.yaml"),
    (["export", "sh", "compose"], 'one form at a time, not "compose" too', ""),
    (["export", "sh", "--plan", "p", "-f", "berth.yaml"], "--plan is a plan that was made", ""),
    (["diff", "p", "--gpus", FLEET], "p is a plan that was made", ""),
    (["up", "--plan", "p", "--gpus", FLEET], "--plan is obeyed unchanged", ""),
    (["up", "--"], "nothing stands after --", ""),
    (["config", "systemd", "x"], 'nothing stands behind systemd, not "x"', ""),
    (["explain", "zzzz", "--gpus", FLEET], 'no workload "zzzz"', "it has a"),
    (["run", "--zzzz"], "--zzzz: a value of the job's matrix is missing (it is no option of `run`)", "berth run JOB --zzzz VALUE"),
    (["estimate", "Qwen/Qwen3-8B", "--gpu", "L4", "--max-model-len", "0"], '--max-model-len: "0": want a number of tokens', "8K (8192)"),
])
def test_the_wrong_word_of_a_command_line_is_named(tmp_path: Path, words: list[str], message: str, hint: str) -> None:
    done = berth(*words, cwd=spec(tmp_path / "in" / "it", ONE), env={**os.environ, "BERTH_RUNTIME_DIR": str(tmp_path / "run")})
    assert done.returncode == 2 and message in done.stderr and hint in done.stderr, done.stderr


def test_help_of_a_verb_is_asked_for_in_both_ways(tmp_path: Path) -> None:
    assert berth("help", "plan", cwd=tmp_path).stdout == berth("plan", "--help", cwd=tmp_path).stdout != ""


def test_a_name_that_nothing_has_is_said(house: House) -> None:
    at = house.write(plan("set", instance("a-0", SLEEP)))
    assert house.berth("up", "-d", "--plan", at).returncode == 0
    logs, events = house.berth("logs", "zzz"), house.berth("events", "zzz")
    assert logs.returncode == 1 and 'no log of "zzz"' in logs.stderr and "it has a-0" in logs.stderr
    assert events.returncode == 0 and "no event of project zzz" in events.stderr and house.berth("events", "set").returncode == 0
    assert house.berth("down").returncode == 0


def test_a_plan_file_that_is_none_is_named(house: House) -> None:
    (house.folder / "berth.yaml").write_text(ONE)
    done = house.berth("up", "-d", "--plan", house.folder / "berth.yaml")
    assert done.returncode == 1 and "berth.yaml: parse plan" in done.stderr and "`berth plan --out FILE` writes a plan file" in done.stderr


def test_what_is_no_file_is_written_into_and_stays(tmp_path: Path) -> None:
    """A rename puts a file in the place of a device, a fifo or a link: as root that was the end of /dev/null."""
    spec(tmp_path, ONE)
    (tmp_path / "link").symlink_to("aim")
    os.mkfifo(tmp_path / "fifo")
    reader = os.open(tmp_path / "fifo", os.O_RDWR)                   # both ends: nobody waits for the other
    for words in (["plan", "-o"], ["plan", "--svg"], ["export", "sh", "-o"]):
        for name in ("link", "fifo"):
            assert berth(*words, tmp_path / name, "--gpus", FLEET, cwd=tmp_path).returncode == 0
            assert len(os.read(reader, 1 << 16) if name == "fifo" else (tmp_path / "aim").read_bytes()) > 500, (words, name)
    os.close(reader)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "fifo").is_fifo()
    made = berth("plan", "--gpus", FLEET, "-o", "/dev/stdout", cwd=tmp_path)
    assert made.returncode == 0 and json.JSONDecoder().raw_decode(made.stdout)[0]["kind"] == "plan" and Path("/dev/stdout").is_symlink()
    with open("/dev/full", "w") as full:
        done = berth("plan", "--gpus", FLEET, "-o", "/proc/self/fd/1", cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_plan_that_is_none_is_not_written_and_that_is_said(tmp_path: Path) -> None:
    """A file that is there stays, and it is not this plan."""
    spec(tmp_path, ONE.replace("gpus: 0", "gpus: 2"))
    done = berth("plan", "--gpus", "1xRTX-4090", "-o", "p", "--svg", "s", cwd=tmp_path)
    assert done.returncode == 3 and "not written, for there is no plan: p and s" in done.stderr and not (tmp_path / "p").exists()


# ---- specs ----

def test_two_workloads_cannot_listen_on_one_port(tmp_path: Path) -> None:
    text = "name: x\n%sworkloads:\n  a: {kind: service, command: [x], gpus: 0, port: 8000%s}\n  b: {kind: service, command: [x], gpus: 0, port: 8000%s}\n"
    done = berth("plan", "--gpus", FLEET, cwd=spec(tmp_path / "both", text % ("", "", "")))
    assert done.returncode == 2 and "berth.yaml:4:51: workloads.b: port 8000 is a's already" in done.stderr
    one_each = text % ("phases: [p, q]\n", ", phases: p", ", phases: q")
    assert berth("plan", "--gpus", FLEET, cwd=spec(tmp_path / "phases", one_each)).returncode == 0


def test_a_spec_without_end_is_a_fault_of_the_spec(tmp_path: Path) -> None:
    laughs = "".join(f"x-{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]\n" for i in range(9)) + ONE
    for text in (laughs, "#" * 5_000_000):
        done = berth("plan", "--gpus", FLEET, cwd=spec(tmp_path, text))
        assert done.returncode == 2, done.stderr


def test_no_driver_and_no_gpus_key(tmp_path: Path) -> None:
    """The first thing a user without a GPU sees: no line number of a key that is not there."""
    done = berth("plan", cwd=spec(tmp_path, ONE), env={k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"})
    if done.returncode == 0:
        pytest.skip("this machine has a driver")
    assert ":0:0:" not in done.stderr and "berth sim" in done.stderr


# ---- starts that fail ----

def test_missing_program_is_said_once(house: House) -> None:
    up = house.up(plan("set", instance("a-0", ["no-such-program"])), "-d", env={"PATH": "/usr/bin:/bin"})
    assert up.returncode == 1
    assert up.stderr.count("/usr/bin:/bin") == 1
    assert "a-0 failed: exec no-such-program: no such program in PATH\n  try: install it" in up.stderr
    assert up.stderr.count("no-such-program") == 2                   # as it happens, and in the verdict
    house.assert_empty()


def test_service_that_ends_at_once_is_told_what_it_is(house: House) -> None:
    up = house.up(plan("set", instance("a-0", ["true"], ready={"kind": "log", "pattern": "never"})), "-d")
    assert up.returncode == 1 and "exit status 0 before it was ready" in up.stderr and "kind: job" in up.stderr


def test_refused_up_leaves_no_daemon(house: House) -> None:
    port = free_port()
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", port))
        s.listen()
        one = instance("a-0", SLEEP, ports=[{"name": "port", "want": port, "block": 1}])
        up = house.up(plan("set", one), "-d")
    assert up.returncode == 1 and f"port {port} is in use by pid {os.getpid()}" in up.stderr
    eventually("the daemon that was started for it to be gone", lambda: not house.runtime.exists(), 9)


def test_what_an_engine_died_of_is_in_the_verdict(machine: Callable[..., Machine]) -> None:
    m = machine(FLEET)
    spec(m.folder, "name: dies\nworkloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, memory: 20GiB, env: {BERTH_SIM_OVERRUN: 30GiB}}}\n")
    up = m.berth("up", "-d")
    verdict = next(line for line in up.stderr.splitlines() if "llm-0 failed:" in line)
    assert up.returncode == 1 and "OutOfMemoryError" in verdict
    assert max(m.used()) == 0


def test_an_engine_that_overruns_is_drift(machine: Callable[..., Machine]) -> None:
    m = machine(FLEET)
    spec(m.folder, "name: over\nworkloads: {llm: {engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, memory: 24GiB, context: 4096, env: {BERTH_SIM_OVERRUN: 3GiB}}}\n")
    m.berth("up", "-d", check=True)
    verify = m.berth("verify")
    assert verify.returncode == 4 and " over " in verify.stdout
    m.berth("down", check=True)


# ---- folders and disks ----

def test_relative_runtime_folder(house: House) -> None:
    env = {"BERTH_RUNTIME_DIR": "run", "BERTH_STATE_DIR": "state"}   # relative to the house's folder, where berth is run
    assert house.up(plan("set", instance("a-0", SLEEP)), "-d", env=env).returncode == 0
    assert house.state("a-0") == "ready"
    assert house.berth("down", env=env).returncode == 0
    house.assert_empty()


@pytest.mark.parametrize("kib", [0, 1, 2, 4, 8])
def test_files_that_may_not_grow(house: House, kib: int) -> None:
    """As a full disk does; ulimit -f is the full disk that every machine has."""
    at = house.write(plan("set", instance("a-0", SLEEP)))
    up = subprocess.run([BERTH, "up", "-d", "--plan", at], env={**house.env, "FILLER": "x" * 6000}, cwd=house.folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False,
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024)))  # noqa: PLW1509
    if up.returncode == 0:
        assert kib >= 8
        assert house.berth("down").returncode == 0
    else:
        assert up.returncode == 1 and "File too large" in up.stderr, up.stderr
    house.assert_empty()


def test_full_disk_says_so(tmp_path: Path) -> None:
    """The keeper has no room for its files, or for the word how it ended."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "tmpfs", disk], capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a small disk")
    house = House(disk)
    house.env["BERTH_STATE_DIR"] = str(tmp_path / "state")
    try:
        at = tmp_path / "plan.json"
        at.write_text(json.dumps(plan("set", instance("a-0", python("import sys; print('up', flush=True); sys.stdin.readline(); import time; time.sleep(1000)")))))
        for left_kib in range(0, 64, 4):
            filler = disk / "filler"
            filler.write_bytes(b"x" * (256 - left_kib) * 1024) if left_kib else _fill(filler)
            up = house.berth("up", "-d", "--plan", at)
            assert up.returncode in (0, 1)
            if up.returncode:
                assert "No space left on device" in up.stderr and "failed: failed" not in up.stderr and "was killed" not in up.stderr, (left_kib, up.stderr)
            else:
                _fill(filler)            # full from now on: how it ended must still come through
                os.kill(house.ps()["a-0"]["pids"][0], signal.SIGKILL)
                seen = eventually("its end to be noticed", lambda: (i := house.ps()["a-0"])["exit"] and i["exit"]["signal"] and i)
                assert isinstance(seen, dict) and seen["exit"]["signal"] == 9
                assert house.berth("down").returncode == 0
            filler.unlink()
            house.assert_empty()
    finally:
        house.close()
        subprocess.run(["umount", "-l", disk], check=True)


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as f:
        try:
            while True:
                f.write(b"x" * 512)
        except OSError:
            pass


# ---- text that is none ----

def test_environment_that_is_not_text(house: House) -> None:
    at = house.write(plan("set", instance("a-0", SLEEP)))
    up = subprocess.run([BERTH, "up", "-d", "--plan", at], env={**{os.fsencode(k): os.fsencode(v) for k, v in house.env.items()}, b"BAD": b"x\xff"}, cwd=house.folder,
                        capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert up.returncode == 0 and "environment variable BAD is not UTF-8" in up.stderr


def test_folder_that_is_not_text(machine: Callable[..., Machine]) -> None:
    m = machine(FLEET)
    folder = os.fsencode(m.folder) + b"/n\xff"
    os.mkdir(folder)
    with open(folder + b"/berth.yaml", "w") as f:
        f.write(ONE)
    up = subprocess.run([BERTH, "up", "-d"], cwd=folder, env=m.env, capture_output=True, text=True, errors="replace", timeout=DEADLINE_S, check=False)
    assert up.returncode == 2 and "rename the folder" in up.stderr
    assert m.berth("ps").stdout == "nothing is up\n"


# ---- what does not fit: settings that make it run ----

LLM = "name: x\ngpus: {fleet}\nworkloads:\n  llm: {{engine: vllm, model: Qwen/Qwen2.5-{size}-Instruct{more}}}\n"


def advice(tmp_path: Path, text: str) -> dict[str, str]:
    """path -> value of every advice, the first of each path; each is put into the spec by hand in the tests below, and must fit."""
    done = berth("plan", "--json", cwd=spec(tmp_path, text))
    answer = json.loads(done.stdout)
    assert done.returncode == 3 and answer["refusals"]
    return {change["path"]: change["value"] for a in reversed(answer["advice"]) for change in a["set"]}


@pytest.mark.parametrize(("fleet", "size", "more", "path", "value"), [
    ("2xA100-SXM4-40GB", "72B", "", "gpus", "4xA100-SXM4-40GB"),
    ("1xRTX-4090+1xA100-SXM4-40GB", "32B", "", "gpus", "1xRTX-4090+1xA100-SXM4-40GB+1xRTX-4090"),       # PP=3, cut 16,18,30
    ("2xA100-SXM4-40GB", "32B", ", tp: 1, pp: 1", "workloads.llm.tp", "auto"),
    ("2xA100-SXM4-40GB", "7B", ", replicas: 8, gpus: 1", "workloads.llm.replicas", "4"),
    ("2xA100-SXM4-40GB", "7B", ", gpus: 4", "workloads.llm.gpus", "{min: 1, max: 2}"),
])
def test_advice_makes_it_run(tmp_path: Path, fleet: str, size: str, more: str, path: str, value: str) -> None:
    found = advice(tmp_path, LLM.format(fleet=fleet, size=size, more=more))
    assert str(found.get(path)) == value
    assert "workloads.llm.optional" not in found                     # to leave out the only one is no way to run it
    text = LLM.format(fleet=value if path == "gpus" else fleet, size=size, more="")
    if path != "gpus":
        text = text.replace("}\n", f", {path.removeprefix('workloads.llm.')}: {value}}}\n")
    assert berth("plan", cwd=spec(tmp_path, text)).returncode == 0


def cards(fleet: str) -> int:
    return sum(int(kind.split("x")[0]) for kind in fleet.split("+"))


@pytest.mark.parametrize(("fleet", "size", "larger"), [
    ("2xA100-SXM4-40GB", "72B", "2xA100-SXM4-80GB"),                 # the nearest of the name
    ("1xRTX-4090+1xA100-SXM4-80GB", "72B", "1xH100-PCIe+1xA100-SXM4-80GB"),
    ("1xRTX-4060-Ti", "0.5B, requests: 4000", None),          # no card of the catalog holds that
])
def test_larger_cards_are_a_way(tmp_path: Path, fleet: str, size: str, larger: str | None) -> None:
    name, _, rest = size.partition(", ")
    text = LLM.format(fleet=fleet, size=name, more=f", {rest}" if rest else "")
    answer = json.loads(berth("plan", "--json", cwd=spec(tmp_path, text)).stdout)
    fleets = [a["set"][0]["value"] for a in answer["advice"] if a["set"][0]["path"] == "gpus"]
    assert [f for f in fleets if cards(f) == cards(fleet)] == ([larger] if larger else [])
    for f in fleets:
        assert berth("plan", "--gpus", f, cwd=spec(tmp_path, text)).returncode == 0
    told = json.loads(berth("explain", "--json", cwd=spec(tmp_path, text)).stdout)["relaxations"]
    gives = {r["set"][0]["value"]: r["gives_up"] for r in told if r["set"][0]["path"] == "gpus"}
    assert set(gives) == set(fleets)
    for f, what in gives.items():
        assert what == ("cards: it takes larger ones" if f == larger else "cards: it takes more of them")


def test_advice_for_a_service_is_the_nearest_count(tmp_path: Path) -> None:
    found = advice(tmp_path, "name: x\ngpus: 3xA100-SXM4-40GB\nworkloads: {t: {kind: service, command: [x], gpus: 5}}\n")
    assert str(found["workloads.t.gpus"]) == "3" and found["gpus"] == "5xA100-SXM4-40GB"


def test_what_is_the_same_of_several_is_noted_once(tmp_path: Path) -> None:
    sizes = ["0.5B", "1.5B", "3B", "7B", "0.5B", "14B"]
    lines = "".join(f"  w{i}: {{engine: vllm, model: Qwen/Qwen2.5-{size}-Instruct, context: 1024}}\n" for i, size in enumerate(sizes))
    folder = spec(tmp_path, "name: n\ngpus: 4xA100-SXM4-80GB\nworkloads:\n" + lines)
    notes = [line for line in berth("plan", cwd=folder).stdout.splitlines() if line.startswith("note: ")]
    assert [n for n in notes if "installed" in n] == ["note: w0, w1, w2, w3 and 2 more: vllm is not installed here: planned as version 0.32.0"]
    models = ", ".join(f"Qwen/Qwen2.5-{s}-Instruct" for s in ("0.5B", "1.5B", "3B", "7B"))
    assert [n for n in notes if "built-in" in n] == [f"note: not on this machine, planned from their built-in shapes: {models} and 1 more"]
    warnings = json.loads(berth("plan", "--json", cwd=folder).stdout)["warnings"]
    assert sum("is not installed here" in w for w in warnings) == sum("built-in shape" in w for w in warnings) == len(sizes)


def test_who_waits_for_what_was_left_out_is_said(tmp_path: Path) -> None:
    """It is started without: nothing will ever be there to wait for."""
    text = LLM.format(fleet="1xA100-SXM4-40GB", size="32B", more=", optional: true")
    text += ("  ask: {kind: job, command: [x], memory: 1GiB, after: {llm: ready}}\n  read: {kind: job, command: [x], gpus: 0, after: {llm: ready}}\n"
             "  too: {kind: job, command: [x], memory: 60GiB, optional: true, after: {llm: ready}}\n  last: {kind: job, command: [x], gpus: 0, after: {ask: done}}\n")
    made = json.loads(berth("plan", "--json", cwd=spec(tmp_path, text)).stdout)
    assert [w for w in made["warnings"] if "does not wait" in w] == [f"{n} does not wait for llm (`after`), which has no place" for n in ("ask", "read")]
    assert {i["workload"]: i["after"] for i in made["phases"][0]["instances"]} == {"ask": {}, "read": {}, "last": {"ask": "done"}}


def test_optional_is_a_way_where_others_run(tmp_path: Path) -> None:
    found = advice(tmp_path, LLM.format(fleet="1xA100-SXM4-40GB", size="32B", more="") + "  b: {kind: service, command: [x], memory: 4GiB}\n")
    assert found["workloads.llm.optional"] in (True, "true") and found["gpus"] == "2xA100-SXM4-40GB"


def test_many_servers_are_planned(tmp_path: Path) -> None:
    """Took minutes: every alternative of each was planned with all needs worked out anew. The deadline is of berth(), not a measure."""
    lines = "".join(f"  w{i}: {{engine: vllm, model: Qwen/Qwen2.5-0.5B-Instruct, context: 1024, memory: 2GiB, gpus: 1}}\n" for i in range(64))
    done = berth("plan", "--json", "--gpus", FLEET, cwd=spec(tmp_path, "name: many\nworkloads:\n" + lines))
    answer = json.loads(done.stdout)
    assert done.returncode in (0, 3) and (len(answer["phases"][0]["instances"]) == 64 or answer["refusals"])


def test_log_that_cannot_be_opened(house: House) -> None:
    """As in a folder of ours that may not be written; root may write anywhere, but in no log that is a folder."""
    (house.runtime / "daemon.log").mkdir(parents=True)
    house.runtime.chmod(0o700)
    up = house.up(plan("set", instance("a-0", SLEEP)), "-d")
    assert up.returncode == 1 and "daemon.log: Is a directory" in up.stderr


# ---- two at once ----

def test_two_projects_at_the_same_moment(machine: Callable[..., Machine]) -> None:
    """Both plan on empty cards and choose the same one: who comes second plans again, on another."""
    m = machine("2xA100-SXM4-40GB")
    ups = []
    for name in ("one", "two"):
        folder = spec(m.folder / name, f"name: {name}\nworkloads: {{llm: {{engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1}}}}\n")
        ups.append(m.popen(BERTH, "up", "-d", cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE))
    words = [up.communicate(timeout=DEADLINE_S)[1] for up in ups]
    assert [up.returncode for up in ups] == [0, 0], words
    cards = {i["project"]: i["ranks"][0]["index"] for i in m.json("ps")["instances"]}
    assert sorted(cards.values()) == [0, 1]
    for name in ("one", "two"):
        m.berth("down", name, check=True)
    assert m.used() == [0, 0]


def test_every_byte_of_a_log_is_shown_and_none_is_obeyed(house: House) -> None:
    noise = python(r"import os; os.write(1, b'\x1b[2Jbefore\0after\xff end\n')")
    assert house.up(plan("set", instance("a-0", noise, "job")), "-d").returncode == 0
    house.until("a-0", "done")
    assert house.berth("logs", "a").stdout.splitlines()[0] == r"\x1b[2Jbefore\x00after\xff end"
