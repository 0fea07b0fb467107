"""berth export: the script runs as printed, the compose file is read by a real compose parser, the units by systemd, the environment by a shell."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import BERTH, DEADLINE_S, ROOT, Machine, alive, eventually, free_port

VENV = ROOT / ".venv" / "bin"
SMALL = "Qwen/Qwen2.5-0.5B-Instruct"
ODD = ["a b", "it's", '"$HOME"', "`id`", "$(id)", "back\\slash", "100%", "*", "", "ünïcode", "-n", "line\nbreak", "{brace}", "#x", "~"]


def spec(folder: Path, text: str) -> Path:
    path = folder / "berth.yaml"
    path.write_text(text)
    return path


def export(kind: str, path: Path, *more: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    r = subprocess.run([str(BERTH), "export", kind, "-f", str(path), *more], capture_output=True, text=True, timeout=DEADLINE_S, env={"HF_HUB_CACHE": "/nonexistent", "HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"]})
    assert r.returncode == code, r.stdout + r.stderr
    return r


def files(kind: str, path: Path, *more: str) -> dict[str, str]:
    answer = json.loads(export(kind, path, "--json", *more).stdout)
    assert answer["kind"] == "export" and answer["format"] == kind
    return {f["name"]: f["text"] for f in answer["files"]}


def script(m: Machine, text: str, port: int) -> Path:
    spec(m.folder, text)
    out = m.folder / "run.sh"
    m.berth("export", "sh", "-o", out, "--port", str(port), check=True)
    assert os.access(out, os.X_OK)
    return out


def pids(log: str) -> list[int]:
    return [int(line.split("pid ")[1].split(",")[0]) for line in log.splitlines() if "started, pid" in line]


SERVE_AND_ASK = f"""
name: duo
workloads:
  large: {{engine: vllm, model: Qwen/Qwen2.5-7B-Instruct, gpus: 1, memory: 60%}}
  small: {{engine: vllm, model: {SMALL}, same_gpus_as: large, memory: 20%}}
  ask:
    kind: job
    gpus: 0
    command: [python3, -c, "import sys, urllib.request as u; print([u.urlopen(x + '/health').status for x in sys.argv[1:]])", "${{workloads.large.url}}", "${{workloads.small.url}}"]
    after: {{large: ready, small: ready}}
"""


def test_the_script_starts_in_order_waits_and_ends_with_its_jobs(machine) -> None:
    m = machine("1xA100-SXM4-40GB")
    run = m.run(script(m, SERVE_AND_ASK, free_port()))
    assert run.returncode == 0, run.stdout + run.stderr
    steps = [line.split("  ", 1)[1].split(",")[0] for line in run.stdout.splitlines()]
    assert steps[:5] == ["large-0: started", "large-0: ready", "small-0: started", "small-0: ready", "ask-0: started"]
    assert "ask-0: done" in run.stdout and "large-0: stopped" in run.stdout
    assert (m.folder / "logs-duo" / "ask-0.log").read_text().strip() == "[200, 200]"
    assert not any(alive(p) for p in pids(run.stdout))
    eventually("the cards to be free", lambda: sum(m.used()) == 0)


def in_sessions(leaders: list[int]) -> list[int]:
    """What still runs in the sessions of these processes; a machine need not have a `ps`."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and alive(int(entry.name)):
            try:
                if os.getsid(int(entry.name)) in leaders:
                    found.append(int(entry.name))
            except ProcessLookupError:
                pass
    return found


def test_ctrl_c_stops_everything(machine) -> None:
    m = machine("1xA100-SXM4-40GB")
    path = script(m, f"name: one\nworkloads:\n  llm: {{engine: vllm, model: {SMALL}, memory: 30%}}\n  side: {{kind: service, command: [sh, -c, 'sleep 1000 & wait'], gpus: 0}}\n", free_port())
    out = m.folder / "out"
    with out.open("w") as f:
        p = m.popen(path, stdout=f, stderr=subprocess.STDOUT)
    eventually("everything to run", lambda: "everything runs" in out.read_text() or p.poll() is not None)
    started = pids(out.read_text())
    assert len(started) == 2 and all(alive(x) for x in started)
    assert sum(m.used()) > 0
    p.send_signal(signal.SIGINT)
    assert p.wait(DEADLINE_S) == 130
    assert "stopping everything" in out.read_text()
    assert not in_sessions(started)
    eventually("the cards to be free", lambda: sum(m.used()) == 0)


def test_a_folder_is_made_with_those_above_it_for_one_file_too(tmp_path: Path) -> None:
    """The documented commands as typed: `-o env/` of one workload, and ~/.config/systemd/user where there is no ~/.config/systemd."""
    path = spec(tmp_path, "name: one\nworkloads:\n  s: {kind: service, command: [sleep, '1000'], gpus: 0}\n")
    assert export("env", path, "-o", f"{tmp_path}/env/").stdout == f"{tmp_path}/env/s-0.env\n" and (tmp_path / "env" / "s-0.env").is_file()
    export("systemd", path, "-o", str(tmp_path / "config" / "systemd" / "user"))
    assert (tmp_path / "config" / "systemd" / "user" / "one.target").is_file()
    (tmp_path / "file").write_text("")
    assert "make the folder" in export("env", path, "-o", str(tmp_path / "file" / "below") + "/", code=1).stderr


@pytest.mark.parametrize(("command", "says"), [("[sh, -c, 'echo no such thing; exit 3']", "ended before it was ready"), ("[sh, -c, 'echo ready; sleep 2; exit 0']", "ended unasked")])
def test_a_service_that_ends_is_a_failure(machine, command: str, says: str) -> None:
    m = machine("1xA100-SXM4-40GB")
    run = m.run(script(m, f"name: bad\nworkloads:\n  first: {{kind: service, command: [sleep, '1000'], gpus: 0}}\n  s: {{kind: service, command: {command}, gpus: 0, ready: {{log: '^ready$'}}}}\n", 8000))
    assert run.returncode == 1 and says in run.stdout
    assert not any(alive(p) for p in pids(run.stdout))


def test_a_job_that_fails_fails_the_script_and_who_waits_does_not_start(machine) -> None:
    m = machine("1xA100-SXM4-40GB")
    run = m.run(script(m, "name: bad\nworkloads:\n  a: {kind: job, command: [sh, -c, 'echo x >>tries; exit 3'], gpus: 0, retries: 2}\n"
                          "  b: {kind: job, command: [touch, never], gpus: 0, after: {a: done}}\n", 8000))
    assert run.returncode == 1 and "a-0: done, exit status 1" in run.stdout
    assert (m.folder / "tries").read_text().split() == ["x"] * 3
    assert not (m.folder / "never").exists()


def test_tasks_are_dealt_to_slots_and_phases_follow(machine) -> None:
    m = machine("2xA100-SXM4-40GB")
    text = """
name: two
phases: [one, two]
workloads:
  keep: {kind: service, command: [sleep, '1000'], gpus: 0}
  a: {kind: service, command: [sleep, '1000'], gpus: 1, memory: 1GiB, phases: one}
  work:
    kind: job
    command: [sh, -c, 'echo "$1 $2" >>seen', x, "${job.layer}", "${job.shard}/${job.shards}"]
    matrix: {layer: [10, 11, 12]}
    shards: 2
    slots: 2
    gpus: 1
    memory: 1GiB
    phases: one
  last: {kind: job, command: [touch, ended], gpus: 0, phases: two}
"""
    run = m.run(script(m, text, 8000), env={"BERTH_FREE_S": "0"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert sorted((m.folder / "seen").read_text().splitlines()) == sorted(f"{layer} {s}/2" for layer in (10, 11, 12) for s in (0, 1))
    assert run.stdout.count("keep-0: started") == 1                  # what the next phase has too runs on
    assert run.stdout.index("a-0: stopped") < run.stdout.index("phase two") < run.stdout.index("keep-0: stopped")
    assert (m.folder / "ended").exists()


def test_more_tasks_than_the_kernel_takes_as_words(machine) -> None:
    """A stack of 512 KiB leaves 128 KiB of words and environment; the commands of these tasks are more."""
    m = machine("1xA100-SXM4-40GB")
    path = script(m, "name: many\nworkloads:\n  j: {kind: job, gpus: 0, slots: 2, shards: 300, command: [sh, -c, 'echo $$0 >>seen', \"${job.shard}\", '" + "x" * 600 + "']}\n", 8000)
    run = m.run("bash", "-c", f"ulimit -S -s 512 && exec {path}")
    assert run.returncode == 0, run.stdout + run.stderr[:2000]
    assert sorted(int(x) for x in (m.folder / "seen").read_text().split()) == list(range(300))


def test_the_task_that_runs_is_asked_to_end(machine) -> None:
    """Not only the shell around a slot's tasks: a task may have a checkpoint to write."""
    m = machine("1xA100-SXM4-40GB")
    task = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *a: (open('asked', 'w').close(), sys.exit(0))); print('runs', flush=True); time.sleep(1000)"
    path = script(m, yaml.safe_dump({"name": "t", "workloads": {"j": {"kind": "job", "gpus": 0, "shards": 3, "command": ["python3", "-u", "-c", task]}}}), 8000)
    p = m.popen(path, stdout=subprocess.DEVNULL)
    log = m.folder / "logs-t" / "j-0.log"
    eventually("the task to run", lambda: log.exists() and "runs" in log.read_text())
    p.send_signal(signal.SIGTERM)
    assert p.wait(DEADLINE_S) == 130
    assert (m.folder / "asked").exists() and log.read_text() == "runs\n"         # and the next one was not begun


def test_signals_and_logs_are_the_users(machine) -> None:
    """Ctrl-C's signal is not ignored by what runs, as bash would have it of what it puts behind itself; a folder of logs is meant from where the script is called."""
    m = machine("1xA100-SXM4-40GB")
    (m.folder / "elsewhere").mkdir()
    show = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler, signal.getsignal(signal.SIGTERM))"
    text = yaml.safe_dump({"name": "t", "workloads": {n: {"kind": "job", "gpus": 0, "cwd": "elsewhere", "command": ["python3", "-c", show], **more}
                                                      for n, more in (("one", {}), ("two", {"shards": 2}))}})
    run = m.run(script(m, text, 8000), env={"BERTH_LOGS": "words"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert [(m.folder / "words" / f"{n}-0.log").read_text().split()[0::2] for n in ("one", "two")] == [["True"], ["True", "True"]]


def test_the_next_phase_has_the_card_to_itself(machine) -> None:
    """What the last one held is back, though nothing but the script ran meanwhile to ask the driver."""
    m = machine("1xA100-SXM4-40GB", "--release-delay", "0s")
    hold = "import ctypes as t; c = t.CDLL('libcuda.so.1'); x = t.c_void_p(); p = t.c_uint64(); print([c.cuInit(0), c.cuDevicePrimaryCtxRetain(t.byref(x), 0), c.cuCtxSetCurrent(x), c.cuMemAlloc_v2(t.byref(p), t.c_size_t(30 << 30))])"
    text = yaml.safe_dump({"name": "t", "phases": ["a", "b"], "workloads": {
        "llm": {"engine": "vllm", "model": SMALL, "phases": "a"}, "ask": {"kind": "job", "gpus": 0, "command": ["true"], "after": {"llm": "ready"}, "phases": "a"},
        "hold": {"kind": "job", "command": ["python3", "-c", hold], "memory": "32GiB", "phases": "b"}}})
    run = m.run(script(m, text, free_port()), env={"BERTH_FREE_S": "0"})
    assert run.returncode == 0, run.stdout + run.stderr
    assert (m.folder / "logs-t" / "hold-0.log").read_text() == "[0, 0, 0, 0]\n"


def test_a_stranger_on_the_port_is_not_taken_for_ours(machine) -> None:
    m = machine("1xA100-SXM4-40GB")
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        run = m.run(script(m, f"name: t\nworkloads:\n  first: {{kind: service, command: [sleep, '1000'], gpus: 0}}\n"
                              f"  web: {{kind: service, command: [sleep, '1000'], gpus: 0, port: {port}, ready: {{port: true}}, after: {{first: started}}}}\n", 8000))
    assert run.returncode == 1 and f"web-0: port {port} is taken" in run.stdout and "web-0: ready" not in run.stdout
    assert not any(alive(p) for p in pids(run.stdout))


def test_words_come_through_as_they_are(machine) -> None:
    m = machine("1xA100-SXM4-40GB")
    show = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['ODD']]))"
    odd = [w for w in ODD if w != "{brace}"] + ["{brace}"]
    text = yaml.safe_dump({"name": "odd", "workloads": {"j": {"kind": "job", "gpus": 0, "command": ["python3", "-c", show, *[w.replace("$", "$$") for w in odd]], "env": {"ODD": "it's $$HOME\n%h"}}}})
    run = m.run(script(m, text, 8000))
    assert run.returncode == 0, run.stdout
    assert json.loads((m.folder / "logs-odd" / "j-0.log").read_text()) == [odd, "it's $HOME\n%h"]
    compose = yaml.safe_load(files("compose", m.folder / "berth.yaml", "--gpus", "1xA100-SXM4-40GB")["compose.yaml"])
    j = compose["services"]["j-0"]
    assert [w.replace("$$", "$") for w in j["entrypoint"] + j["command"]] == ["python3", "-c", show, *odd]
    assert j["environment"]["ODD"] == "it's $$HOME\n%h"
    env = m.folder / "j.env"
    env.write_text(files("env", m.folder / "berth.yaml", "--gpus", "1xA100-SXM4-40GB")["j-0.env"])
    assert subprocess.run(["sh", "-c", f"set -a; . {env}; printf %s \"$ODD\""], capture_output=True, text=True).stdout == "it's $HOME\n%h"


# ---- files for others ----

SET = f"""
name: set
gpus: 2xA100-SXM4-80GB
workloads:
  target: {{engine: vllm, model: Qwen/Qwen3-32B, gpus: 2, env: {{SECRET: "${{SECRET}}"}}}}
  draft:  {{engine: vllm, model: Qwen/Qwen3-1.7B, same_gpus_as: target}}
  prepare: {{kind: job, command: [python3, prepare.py], gpus: 0}}
  tool:   {{kind: service, command: [python3, tool.py], gpus: 0, port: 9000, ready: {{http: /ok}}, after: {{prepare: done, target: ready}}}}
"""


def with_secret(kind: str, path: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BERTH), "export", kind, "-f", str(path), *more], capture_output=True, text=True, timeout=DEADLINE_S,
                          env={"HF_HUB_CACHE": "/nonexistent", "HF_HUB_OFFLINE": "1", "PATH": os.environ["PATH"], "SECRET": "hunter2", "HF_TOKEN": "hf_hunter2"})


@pytest.mark.parametrize("kind", ["env", "sh", "compose", "systemd"])
def test_secrets_stay_references(kind: str, tmp_path: Path) -> None:
    r = with_secret(kind, spec(tmp_path, SET))
    assert r.returncode == 0, r.stderr
    assert "hunter2" not in r.stdout and "SECRET" in r.stdout and "HF_TOKEN" in r.stdout
    assert with_secret(kind, tmp_path / "berth.yaml").stdout == r.stdout


@pytest.fixture
def podman_compose(tmp_path: Path):
    """podman-compose asks podman for its version and for containers before it does anything; that is all that is answered here."""
    if not (VENV / "podman-compose").exists():
        pytest.skip("podman-compose is not installed (no package index when .venv was made)")
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "podman").write_text("#!/bin/sh\ncase \"$*\" in *version*) echo podman version 4.9.0;; *) echo '[]';; esac\n")
    (tools / "podman").chmod(0o755)

    def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([str(VENV / "podman-compose"), "-f", "compose.yaml", *args], cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S,
                              env={"PATH": f"{tools}:/usr/bin:/bin", "HOME": str(tmp_path), "TOOL_IMAGE": "tool:1", "PREPARE_IMAGE": "prepare:1"})

    return run


def test_the_compose_file_is_read_by_a_compose_parser(tmp_path: Path, podman_compose) -> None:
    with_secret("compose", spec(tmp_path, SET), "-o", str(tmp_path / "compose.yaml"))
    r = podman_compose(tmp_path, "config")
    assert r.returncode == 0, r.stderr
    found = yaml.safe_load(r.stdout)
    services = found["services"]
    assert set(services) == {"target-0", "draft-0", "prepare-0", "tool-0"}
    assert services["target-0"]["image"] == "vllm/vllm-openai:v0.32.0" and services["tool-0"]["image"] == "tool:1"
    assert services["draft-0"]["depends_on"] == {"target-0": {"condition": "service_healthy"}}       # one start at a time on a card
    assert {k: v["condition"] for k, v in services["tool-0"]["depends_on"].items()} == {"prepare-0": "service_completed_successfully", "target-0": "service_healthy"}
    devices = services["target-0"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert devices["device_ids"] == ["0", "1"] and devices["capabilities"] == ["gpu"]
    plan = json.loads(subprocess.run([str(BERTH), "plan", "-f", str(tmp_path / "berth.yaml"), "--json"], capture_output=True, text=True, env={"SECRET": "x", "PATH": os.environ["PATH"], "HF_HUB_OFFLINE": "1"}).stdout)
    for i in plan["phases"][0]["instances"]:
        words = services[i["id"]]["entrypoint"] + services[i["id"]]["command"]
        port = "9000" if i["workload"] == "tool" else {"target-0": "8000", "draft-0": "8001"}.get(i["id"], "")
        assert words == [w.replace("{port}", port) for w in i["launch"]["argv"]]
        assert "--port" not in words or words[words.index("--port") + 1] in services[i["id"]]["healthcheck"]["test"][3]
    dry = podman_compose(tmp_path, "--verbose", "--dry-run", "up", "-d")
    assert dry.returncode == 0, dry.stderr
    assert "--entrypoint" in dry.stderr + dry.stdout and "vllm/vllm-openai:v0.32.0" in dry.stderr + dry.stdout


def test_phases_are_profiles_and_a_missing_image_is_said(tmp_path: Path, podman_compose) -> None:
    path = spec(tmp_path, "name: p\ngpus: 1xRTX-4090\nphases: [one, two]\nworkloads:\n  a: {kind: job, command: [x], gpus: 1, memory: 1GiB, phases: one}\n  b: {kind: job, command: [y, '$$z'], gpus: 1, memory: 1GiB}\n")
    export("compose", path, "-o", str(tmp_path / "compose.yaml"))
    raw = yaml.safe_load((tmp_path / "compose.yaml").read_text())
    assert {n: s["profiles"] for n, s in raw["services"].items()} == {"a-0": ["one"], "b-0-one": ["one"], "b-0-two": ["two"]}
    r = podman_compose(tmp_path, "config")
    assert r.returncode != 0 and "A_IMAGE" in r.stderr


def test_the_units_are_read_by_systemd(tmp_path: Path) -> None:
    units = tmp_path / "units"
    with_secret("systemd", spec(tmp_path, SET), "-o", str(units))
    names = sorted(p.name for p in units.iterdir())
    assert names == ["set-draft-0.service", "set-prepare-0.service", "set-target-0.service", "set-tool-0.service", "set.target"]
    tool = (units / "set-tool-0.service").read_text()
    assert "Requires=set-prepare-0.service" in tool and "After=set-target-0.service" in tool and "ExecStartPost=" in tool
    draft = (units / "set-draft-0.service").read_text()
    assert "After=set-target-0.service" in draft and "Requires=" not in draft        # only its turn to start
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here: the units are not verified")
    r = subprocess.run(["systemd-analyze", "--user", "verify", *[str(p) for p in units.iterdir()]], capture_output=True, text=True, timeout=DEADLINE_S, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:",
                       "XDG_RUNTIME_DIR": str(tmp_path)})
    faults = [line for line in r.stderr.splitlines() if "set-" in line or "set.target" in line]
    assert not faults, r.stderr
    (units / "set-tool-0.service").write_text(tool.replace("[Service]", "[Service]\nNonsense=1"))
    r = subprocess.run(["systemd-analyze", "--user", "verify", str(units / "set-tool-0.service")], capture_output=True, text=True, timeout=DEADLINE_S, env={**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:", "XDG_RUNTIME_DIR": str(tmp_path)})
    assert "Nonsense" in r.stderr                                     # it does look


def test_a_spec_that_is_named_over_its_parent_gives_units_that_systemd_takes(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    spec(tmp_path / "there", SET)
    done = subprocess.run([str(BERTH), "export", "systemd", "-f", "../there/berth.yaml"], capture_output=True, text=True, cwd=tmp_path / "here", timeout=DEADLINE_S,
                          env={**os.environ, "HF_TOKEN": "x", "SECRET": "y"}, check=False)
    assert done.returncode == 0, done.stderr
    assert f"\nWorkingDirectory={(tmp_path / 'there').resolve()}\n" in done.stdout
    assert "/../" not in "".join(line for line in done.stdout.splitlines() if line.startswith("WorkingDirectory="))


TASKS = "import os, signal, sys, time; k = sys.argv[1]; print(k, flush=True); n = open('seen', 'a').write(k) and open('seen').read().count(k); "


def container(path: Path, service: str) -> list[str]:
    """What the container of a service runs, as words."""
    s = yaml.safe_load(files("compose", path)["compose.yaml"])["services"][service]
    return [w.replace("$$", "$") for w in s["entrypoint"] + s["command"]]


def slot(folder: Path, task: str, **more) -> Path:
    return spec(folder, yaml.safe_dump({"name": "t", "gpus": "1xRTX-4090", "workloads": {"j": {"kind": "job", "gpus": 0, "shards": 3, "command": ["python3", "-c", task, "${job.shard}"], **more}}}))


@pytest.mark.parametrize(("retries", "seen", "code"), [(0, "01", 1), (1, "0112", 0)])
def test_a_container_runs_the_tasks_of_its_slot(retries: int, seen: str, code: int, tmp_path: Path) -> None:
    """One after the other, each tried again as often as it may be; what fails for good ends it."""
    task = TASKS + "sys.exit(k == '1' and n < 2)"
    r = subprocess.run(container(slot(tmp_path, task, retries=retries), "j-0"), cwd=tmp_path, timeout=DEADLINE_S)
    assert (r.returncode, (tmp_path / "seen").read_text()) == (code, seen)


def test_a_container_that_is_stopped_asks_its_task(tmp_path: Path) -> None:
    task = TASKS + "signal.signal(signal.SIGTERM, lambda *a: (open('asked', 'w').close(), sys.exit(0))); print('armed', flush=True); time.sleep(1000)"
    p = subprocess.Popen(container(slot(tmp_path, task), "j-0"), cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert p.stdout and [p.stdout.readline(), p.stdout.readline()] == ["0\n", "armed\n"]
    p.terminate()
    assert p.wait(DEADLINE_S) == 143 and (tmp_path / "asked").exists() and (tmp_path / "seen").read_text() == "0"


def test_units_try_each_task_again_and_ask_odd_paths(tmp_path: Path) -> None:
    """Read as systemd reads them, by systemd where it is; the words themselves are run."""
    path = slot(tmp_path, TASKS + "sys.exit(k == '1' and n < 2)", retries=1)
    unit = files("systemd", path)["t-j-0.service"]
    for line in (x for x in unit.splitlines() if x.startswith("ExecStart=")):
        words = [w.replace("$$", "$").replace("%%", "%") for w in shlex.split(line.removeprefix("ExecStart="))]
        assert subprocess.run(words, cwd=tmp_path, timeout=DEADLINE_S).returncode == 0, line
    assert (tmp_path / "seen").read_text() == "0112"
    tool = spec(tmp_path, "name: t\ngpus: 1xRTX-4090\nworkloads: {s: {kind: service, command: [x], gpus: 0, port: 9000, ready: {http: \"/it's?q=100%20\"}}}\n")
    post = next(x for x in files("systemd", tool)["t-s-0.service"].splitlines() if x.startswith("ExecStartPost="))
    check = shlex.split(post.removeprefix("ExecStartPost="))[-1].replace("$$", "$").replace("%%", "%")
    assert "GET %s HTTP" in check and subprocess.run(["bash", "-n", "-c", check]).returncode == 0
    assert subprocess.run(["bash", "-c", "printf() { shift; echo \"$1\"; }; " + check.split("&& ")[1].split(" >&3")[0]], capture_output=True, text=True).stdout == "/it's?q=100%20\n"


# ---- errors ----

def test_an_export_is_whole_or_none(tmp_path: Path) -> None:
    """Nine thousand long tasks are no script of eight MiB that ends in the middle of a word, and no container that the kernel cannot start."""
    path = slot(tmp_path, "x" * 1500, shards=9000)
    assert "t.sh is more than 8.00 MiB" in export("sh", path, code=1).stderr
    assert "j-0 has 9000 tasks" in export("compose", path, code=1).stderr
    assert "more than 8.00 MiB" in export("systemd", path, code=1).stderr
    assert export("compose", slot(tmp_path, "x", shards=9000)).stdout.count('"python3 -c x ') == 9000


def ports_in(text: str) -> dict[str, str]:
    return dict(line.split()[1:3] for line in text.splitlines() if line.startswith("vacant ") and len(line.split()) == 3)


def test_a_port_that_is_asked_for_is_had_and_nobody_beside_it_has_the_same(tmp_path: Path) -> None:
    service = "{{kind: service, command: [x], port: {}, memory: 4GiB, gpus: 1, phases: {}}}"
    path = spec(tmp_path, "name: t\ngpus: 2xA100-SXM4-80GB\nphases: [one, two]\nworkloads:\n"
                f"  a: {service.format(9000, 'one')}\n  b: {service.format(9000, 'two')}\n  c: {service.format(8000, 'two')}\n  d: {service.format('auto', 'two')}\n")
    assert ports_in(export("sh", path).stdout) == {"a-0": "9000", "b-0": "9000", "c-0": "8000", "d-0": "8001"}


def test_a_server_that_stays_runs_on_with_the_ports_of_its_own(tmp_path: Path) -> None:
    path = spec(tmp_path, "name: t\ngpus: 4xA100-SXM4-80GB\nphases: [one, two]\nworkloads:\n  llm: {engine: sglang, model: Qwen/Qwen2.5-7B-Instruct, tp: 2}\n"
                "  x: {kind: service, command: [x], memory: 4GiB, gpus: 1, phases: one, port: 20000}\n  y: {kind: service, command: [x], memory: 4GiB, gpus: 1, phases: two}\n")
    text = export("sh", path).stdout
    assert text.count("\nbegin llm-0 ") == 1 and "\nleave llm-0" not in text
    assert "--nccl-port 20001" in text and ports_in(text)["x-0"] == "20000"


def test_where_no_port_is_left_that_is_said(tmp_path: Path) -> None:
    path = spec(tmp_path, "name: t\ngpus: 1xRTX-4090\nworkloads:\n" + "".join(f"  s{i}: {{kind: service, command: [x], gpus: 0, port: auto}}\n" for i in range(537)))
    r = export("sh", path, "--port", "65000", code=1)
    assert "s536-0: no port is left" in r.stderr and "a lower --port" in r.stderr and r.stdout == ""


def test_what_cannot_be_exported_is_said(tmp_path: Path) -> None:
    assert "env, sh, compose" in export("fish", spec(tmp_path, SET), code=2).stderr
    path = spec(tmp_path, "name: g\ngpus: 1xRTX-4090\nworkloads: {a: {kind: job, command: [x, '${gateway.url}'], gpus: 0}}\ngateway: {cache: true}\n")
    assert "gateway" in export("sh", path, code=1).stderr
    path = spec(tmp_path, "name: g\ngpus: 1xRTX-4090\nworkloads: {a: {engine: vllm, model: Qwen/Qwen2.5-32B-Instruct}}\n")
    r = export("sh", path, code=3)
    assert r.stdout == "" and "would fit" in r.stderr


def test_a_kept_plan_is_exported_the_same(tmp_path: Path) -> None:
    path = spec(tmp_path, SET.replace('env: {SECRET: "${SECRET}"}', "env: {}"))
    subprocess.run([str(BERTH), "plan", "-f", str(path), "-o", str(tmp_path / "a.plan")], capture_output=True, check=True, env={"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": "/nonexistent", "PATH": os.environ["PATH"]})
    kept = subprocess.run([str(BERTH), "export", "compose", "--plan", str(tmp_path / "a.plan")], capture_output=True, text=True)
    assert kept.returncode == 0 and kept.stdout == export("compose", path).stdout
