"""Tasks of a job: a matrix and shards, queued over slots; done stays done. Real processes, no GPU."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import eventually, flat
from plans import SLEEP, House, instance, plan, python

NOTE = python("import sys, pathlib\npathlib.Path(sys.argv[1]).open('a').write(' '.join(sys.argv[2:]) + '\\n')")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path)
    yield one
    one.close()


def matrix(**keys: list) -> list[dict]:
    return [{"key": k, "values": [str(x) for x in v]} for k, v in keys.items()]


def slots(name: str, n: int, argv: list[str], tasks: dict, **launch) -> list[dict]:
    return [instance(f"{name}-{i}", argv, "job", tasks=tasks, **launch) for i in range(n)]


def lines(path: Path) -> list[str]:
    return sorted(path.read_text().splitlines()) if path.exists() else []


def test_every_cell_and_shard_runs_once_over_two_slots(house: House, tmp_path: Path) -> None:
    argv = [*NOTE, str(tmp_path / "ran"), "{job.layer}", "{job.size}", "{job.shard}/{job.shards}"]
    done = house.up(plan("p", *slots("x", 2, argv, {"matrix": matrix(layer=[10, 11], size=["s", "l"]), "shards": 3})))
    assert done.returncode == 0, done.stderr
    assert lines(tmp_path / "ran") == sorted(f"{a} {b} {c}/3" for a in (10, 11) for b in "sl" for c in range(3))
    assert "layer=11 size=l shard=2/3" in done.stderr
    assert len((tmp_path / "state" / "projects" / "p" / "done").read_text().splitlines()) == 12


def test_done_stays_done_and_a_longer_matrix_runs_its_new_points(house: House, tmp_path: Path) -> None:
    def up(layers: list[int], *args: str):
        argv = [*NOTE, str(tmp_path / "ran"), "{job.layer}"]
        return house.up(plan("p", *slots("x", 2, argv, {"matrix": matrix(layer=layers)})), *args)

    assert up([10, 11]).returncode == 0
    again = up([10, 11])
    assert again.returncode == 0 and "every task of every job is done" in again.stdout
    assert not house.runtime.exists()
    assert up([12, 10, 11, 13]).returncode == 0
    assert lines(tmp_path / "ran") == ["10", "11", "12", "13"]
    assert up([10], "--again").returncode == 0
    assert lines(tmp_path / "ran") == ["10", "10", "11", "12", "13"]


def test_a_task_that_fails_is_tried_again_and_then_stops_the_queue(house: House, tmp_path: Path) -> None:
    code = "import sys, pathlib\nn = sys.argv[2]\npathlib.Path(sys.argv[1]).open('a').write(n + '\\n')\nsys.exit(n == '1')"
    done = house.up(plan("p", *slots("x", 1, python(code, str(tmp_path / "ran"), "{job.n}"), {"matrix": matrix(n=[0, 1, 2, 3])}, retries=1)))
    assert done.returncode == 1 and "x-0 failed" in done.stderr, done.stderr
    assert lines(tmp_path / "ran") == ["0", "1", "1"]
    fixed = "import sys, pathlib\nn = sys.argv[2]\npathlib.Path(sys.argv[1]).open('a').write(n + '\\n')"
    assert house.up(plan("p", *slots("x", 1, python(fixed, str(tmp_path / "ran"), "{job.n}"), {"matrix": matrix(n=[0, 1, 2, 3])}))).returncode == 0
    assert lines(tmp_path / "ran") == ["0", "0", "1", "1", "1", "2", "3"]          # another command: all of it


def test_the_daemon_dies_and_no_task_runs_twice(house: House, tmp_path: Path) -> None:
    code = "import os, sys, time, pathlib\npathlib.Path(sys.argv[1]).open('a').write(sys.argv[2] + '\\n')\nwhile not os.path.exists(sys.argv[1] + '.go'): time.sleep(0.01)"
    argv = python(code, str(tmp_path / "ran"), "{job.n}")
    assert house.up(plan("p", instance("s-0", SLEEP), *slots("x", 2, argv, {"matrix": matrix(n=range(6))})), "-d").returncode == 0
    eventually("two at work", lambda: lines(tmp_path / "ran") == ["0", "1"])
    house.kill_daemon()
    assert {house.ps()[f"x-{i}"]["task"]["name"] for i in range(2)} == {"n=0", "n=1"}
    (tmp_path / "ran.go").touch()
    for _ in range(3):
        house.kill_daemon()
        house.ps()
    eventually("all done", lambda: all(house.state(f"x-{i}") == "done" for i in range(2)))
    assert lines(tmp_path / "ran") == [str(n) for n in range(6)]
    assert "(6 of 6 tasks done)" in flat(house.berth("ps").stdout)


def test_down_in_the_middle_and_up_again_goes_on(house: House, tmp_path: Path) -> None:
    code = "import os, sys, time, pathlib\npathlib.Path(sys.argv[1]).open('a').write(sys.argv[2] + '\\n')\nwhile sys.argv[2] == '2' and not os.path.exists(sys.argv[1] + '.go'): time.sleep(0.01)"
    value = plan("p", *slots("x", 1, python(code, str(tmp_path / "ran"), "{job.n}"), {"matrix": matrix(n=range(4))}))
    assert house.up(value, "-d").returncode == 0
    eventually("the third", lambda: lines(tmp_path / "ran") == ["0", "1", "2"])
    assert house.berth("down").returncode == 0
    (tmp_path / "ran.go").touch()
    assert house.up(value).returncode == 0
    assert lines(tmp_path / "ran") == ["0", "1", "2", "2", "3"]


def test_a_phase_whose_jobs_are_done_is_skipped_the_next_time(house: House, tmp_path: Path) -> None:
    first = instance("gen-0", [*NOTE, str(tmp_path / "ran"), "gen"], "job")
    server = instance("srv-0", python(f"import pathlib, time\npathlib.Path({str(tmp_path / 'ran')!r}).open('a').write('srv\\n')\nprint('up', flush=True)\ntime.sleep(1000)"),
                      ready={"kind": "log", "pattern": "^up$"})
    code = "import os, sys, pathlib\npathlib.Path(sys.argv[1]).open('a').write('ext\\n')\nsys.exit(not os.path.exists(sys.argv[1] + '.ok'))"
    ext = instance("ext-0", python(code, str(tmp_path / "ran")), "job")
    value = {**plan("p"), "phases": [{"name": "generate", "instances": [server, first]}, {"name": "extract", "instances": [ext]}]}
    assert house.up(value).returncode == 1
    assert sorted(lines(tmp_path / "ran")) == ["ext", "gen", "srv"]
    (tmp_path / "ran.ok").touch()
    assert house.up(value, "--wait-jobs").returncode == 0
    assert sorted(lines(tmp_path / "ran")) == ["ext", "ext", "gen", "srv"]         # neither generated nor served again


@pytest.mark.parametrize(("tasks", "words"), [
    ({"matrix": [{"key": "n", "values": []}]}, "empty"),
    ({"matrix": [{"values": ["1"]}]}, "key"),
    ({"matrix": "all"}, "matrix"),
    ({"matrix": [], "shards": 0}, "shards"),
    ({"matrix": [{"key": f"k{i}", "values": [str(j) for j in range(1000)]} for i in range(7)]}, "1,000,000"),
])
def test_bad_tasks(house: House, tasks: dict, words: str) -> None:
    done = house.up(plan("p", instance("x-0", SLEEP, "job", tasks=tasks)))
    assert done.returncode == 1 and words in done.stderr, done.stderr
