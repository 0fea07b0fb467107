"""The pages and `--help` name the same options: none is missing on the pages, none is there that the verb does not have."""

from __future__ import annotations

import re
import subprocess

import pytest
from conftest import BERTH, ROOT

PAGES = {page.relative_to(ROOT).as_posix(): page.read_text() for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}
OPTION = r"(?<![\w-])--[a-z][a-z0-9_-]*"


def help_of(*words: str) -> str:
    return subprocess.run([BERTH, *words, "--help"], capture_output=True, text=True, check=True).stdout


VERBS = re.findall(r"^  ([a-z]+)  ", help_of(), re.M)


def rows_of(text: str) -> list[list[str]]:
    """The names of each option, long and short: `-d, --detach`."""
    table = text.split("\noptions:\n", 1)[1].split("\nexample:\n", 1)[0] if "\noptions:\n" in text else ""
    return [re.findall(r"(?<![\w-])-{1,2}[a-z][a-z0-9_-]*", line.split("  ")[0]) for line in re.findall(r"^  (-.*)$", table, re.M)]


def known(verb: str) -> set[str]:
    texts = [help_of(verb)] + ([help_of(verb, "--train", "m"), help_of(verb, "--engine", "sglang"), help_of(verb, "--engine", "llama-server")] if verb == "estimate" else [])
    return {name for text in texts for row in rows_of(text) for name in row} | {"--help"}


def test_there_are_verbs() -> None:
    assert {"plan", "up", "estimate", "diagnose", "sim"} <= set(VERBS) and ["-f", "--file"] in rows_of(help_of("plan"))


@pytest.mark.parametrize("verb", [v for v in VERBS if v != "estimate"])            # the engines' flags are in its own --help alone
def test_each_option_is_on_a_page(verb: str) -> None:
    told = "\n".join(PAGES.values())
    keys = set(re.findall(r"`([a-z_]+)`", PAGES["docs/reference/spec.md"])) if verb == "diagnose" else set()       # of a job: its keys are its flags
    missing = [row for row in rows_of(help_of(verb))
               if not any(re.search(rf"(?<![\w-]){re.escape(name)}(?![a-z-])", told) or name.strip("-").replace("-", "_") in keys for name in row)]
    assert not missing


@pytest.mark.parametrize("verb", VERBS)
def test_no_page_names_an_option_that_is_not_there(verb: str) -> None:
    have, wrong = known(verb), []
    for name, page in PAGES.items():
        for command in re.findall(rf"berth {verb}(?![a-z-])([^`|\n;&]*)", page):
            if verb == "run" and re.match(r" [a-z]+ --", command):                 # a job, and keys of its matrix
                continue
            wrong += [f"{name}: berth {verb} {option}" for option in re.findall(OPTION, command.split(" -- ")[0]) if option not in have]
    assert not wrong


def test_each_variable_of_the_environment_is_on_a_page() -> None:
    told = "\n".join(PAGES.values()) + (ROOT / "CONTRIBUTING.md").read_text()
    code = "\n".join(f.read_text() for f in (ROOT / "src").rglob("*.c"))
    names = set(re.findall(r'"(BERTH_[A-Z_]*[A-Z])"', code)) - {"BERTH_DOCTOR_ROOT"}        # a test's stand-in for /
    assert {"BERTH_PORTS", "BERTH_STALL"} <= names
    assert not {name for name in names if not re.search(rf"\b{name}\b", told)}
