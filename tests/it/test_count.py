""".ci/count.py: the last line of CI is right, and one piece of bad luck is named and does not throw the rest away."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import escape

from conftest import ROOT


def count(*args: str | Path) -> tuple[int, list[str]]:
    done = subprocess.run([sys.executable, ROOT / ".ci" / "count.py", *args], capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.splitlines()


def junit(path: Path, **tests: str) -> Path:
    """A test's word: ok, skip, or what it said when it failed."""
    inside = {"ok": "", "skip": "<skipped/>"}
    cases = "".join(f'<testcase classname="test_x" name="{n}">{inside.get(t) if t in inside else f"<failure>{escape(t)}</failure>"}</testcase>' for n, t in tests.items())
    path.write_text(f'<testsuites><testsuite name="pytest">{cases}</testsuite></testsuites>')
    return path


def meson(path: Path, **tests: str) -> Path:
    path.write_text("".join(json.dumps({"name": f"berth:unit / {n}", "result": r, "stdout": f"said by {n}\n"}) + "\n" for n, r in tests.items()))
    return path


def test_adds_up_what_both_runners_say(tmp_path):
    a, b = meson(tmp_path / "a.json", x="OK", y="SKIP", z="EXPECTEDFAIL"), junit(tmp_path / "b.xml", p="ok", q="skip")
    assert count(a, b) == (0, ["3 passed, 0 failed, 2 skipped"])


def test_what_fails_twice_has_failed_and_what_passes_again_is_flaky(tmp_path):
    first = junit(tmp_path / "a.xml", good="ok", luck="line one\nassert 6 < 6", broken="assert False")
    again = junit(tmp_path / "b.xml", luck="ok", broken="assert False")
    assert count("--failed", first) == (0, ["test_x::luck", "test_x::broken"])
    rc, said = count(f"{first}+{again}")
    assert rc == 1 and said[-1] == "2 passed, 1 failed"
    assert said[:3] == ["flaky: test_x::luck", "    line one", "    assert 6 < 6"] and not any("broken" in line for line in said)
    junit(first, good="ok", luck="assert 6 < 6")
    rc, said = count(f"{first}+{again}")
    assert rc == 0 and said[0] == "flaky: test_x::luck" and said[-1] == "2 passed, 0 failed"


def test_a_unit_test_too(tmp_path):
    first, again = meson(tmp_path / "a.json", x="OK", y="TIMEOUT", z="FAIL"), meson(tmp_path / "b.json", y="OK", z="FAIL")
    assert count("--failed", first) == (0, ["berth:unit / y", "berth:unit / z"])
    rc, said = count(f"{first}+{again}")
    assert rc == 1 and said[-1] == "2 passed, 1 failed" and said[:3] == ["flaky: berth:unit / y", "    TIMEOUT", "    said by y"]


def test_a_second_try_forgives_only_what_it_ran(tmp_path):
    first = junit(tmp_path / "a.xml", p="assert False", q="assert False", r="assert False")
    again = junit(tmp_path / "b.xml", p="ok", q="skip")
    assert count(f"{first}+{again}")[1][-1] == "1 passed, 2 failed"
    rc, said = count(f"{first}+{tmp_path / 'none.xml'}")
    assert rc == 1 and "not run again" in said[0] and said[-1] == "0 passed, 3 failed"


def test_a_test_that_fails_and_whose_teardown_fails_is_one_test(tmp_path):
    path = tmp_path / "a.xml"
    path.write_text('<testsuite><testcase classname="c" name="n"><failure>one</failure></testcase><testcase classname="c" name="n"><error>two</error></testcase>'
                    '<testcase classname="c" name="m"/><testcase classname="c" name="m"><error>at the end</error></testcase></testsuite>')
    assert count(path) == (1, ["0 passed, 2 failed"])


def test_no_results_and_a_failed_step_are_failures(tmp_path):
    good, empty = junit(tmp_path / "a.xml", p="ok"), junit(tmp_path / "e.xml")
    (tmp_path / "torn.xml").write_text("<testsuite><testcase")
    (tmp_path / "torn.json").write_text('{"name": "x"}\n')
    for bad in (empty, tmp_path / "none.xml", tmp_path / "torn.xml", tmp_path / "torn.json", "step:lint"):
        rc, said = count(good, bad)
        assert rc == 1 and said[-1] == "1 passed, 1 failed", bad
    assert count(f"{good}+{tmp_path / 'none.xml'}") == (0, ["1 passed, 0 failed"])
    assert count(good, "skip:real") == (0, ["1 passed, 0 failed, 1 skipped"])
