"""Tables on a terminal: none is wider than it, and no figure is lost by that. What a pipe gets is not laid out anew."""

from __future__ import annotations

import os
import re
import subprocess

import pytest
from conftest import BERTH, ROOT

FORENSICS, TINKER = ROOT / "examples/forensics/berth.yaml", ROOT / "examples/tinker/berth.yaml"
ASKED = {
    "forensics": ["plan", "-f", FORENSICS],
    "tinker": ["plan", "-f", TINKER, "--gpus", "4xA100-SXM4-80GB"],
    "activations": ["plan", "-f", ROOT / "examples/activations/berth.yaml", "--gpus", "8xA100-SXM4-40GB"],
    "compare": ["plan", "-f", FORENSICS, "--compare", "2xH100-80GB-HBM3", "--compare", "4xA100-SXM4-40GB"],
    "alternatives": ["plan", "-f", FORENSICS, "--alternatives"],
    "cheapest": ["plan", "-f", ROOT / "examples/experiment/berth.yaml", "--cheapest"],
    "pace": ["pace", "Qwen/Qwen2.5-32B-Instruct", "--gpus", "4xA100-SXM4-40GB"],
}


def ask(what: str, columns: int | None) -> str:
    env = {**os.environ, **({"COLUMNS": str(columns)} if columns else {}), "LC_ALL": "C.UTF-8"}
    done = subprocess.run([str(BERTH), *map(str, ASKED[what])], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tables(text: str) -> list[str]:
    """The lines of tables and bars: prose around them is folded by the terminal itself."""
    lines = text.splitlines()
    at = [i for i, line in enumerate(lines) if line.startswith("───")]
    held = [i for i, line in enumerate(lines) if re.match(r"GPU \d", line)]
    for i in at:
        held += [i - 1, i]
        j = i + 1
        while j < len(lines) and lines[j]:
            held.append(j)
            j += 1
    prose = re.compile(r"[a-z0-9/-]+: |  \S.*: ")       # "train-0: train ...", "  PP=2: gpus: 2"
    return [lines[i] for i in sorted(set(held)) if not prose.match(lines[i]) or lines[i].startswith("   ")]


def figures(text: str) -> set[str]:
    return set(re.findall(r"\d[\d.,]*\d|\d", "\n".join(tables(text))))


@pytest.mark.parametrize("what", ASKED)
@pytest.mark.parametrize("columns", [80, 66])
def test_a_table_is_as_wide_as_the_terminal_and_keeps_its_figures(what: str, columns: int) -> None:
    narrow, wide = ask(what, columns), ask(what, 400)
    lines = tables(narrow)
    assert len(lines) >= 3
    assert [line for line in lines if len(line) > columns] == []
    assert figures(wide) - figures(narrow) == set()


@pytest.mark.parametrize("what", ASKED)
def test_a_terminal_that_is_wide_enough_gets_what_a_pipe_gets(what: str) -> None:
    assert re.sub("─+", "─", ask(what, 400)).count("\n") <= ask(what, None).count("\n")
    piped = tables(ask(what, None))
    assert not any(re.match(r" +(weights|at once|per card|load) [\d.,]+", line) for line in piped)
