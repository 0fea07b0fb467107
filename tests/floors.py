"""The house has floors: a file includes its own folder and the floors below it, nothing above and nothing beside.

usage: floors.py ROOT        prints every include that points up or sideways; exits 1 if there is one
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

FLOORS = {
    "cmd": 8,
    "cluster": 7,
    "run": 6, "gate": 6, "watch": 6,
    "launch": 5, "wire": 5,
    "plan": 4,
    "need": 3, "pace": 3,
    "spec": 2, "model": 2, "gpu": 2, "engine": 2, "store": 2,
    "base": 1,
}
# What a folder may take from outside src/ (prefixes of the include).
OUTSIDE = {
    "gpu": ("abi/",),
    "cmd": ("abi/", "sim/state.h"),
    "run": ("abi/",),
}
# The one door between rooms of a floor: berth.yaml's `args` are checked by the engine's own flag table.
BESIDE = {("spec", "engine")}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"')
CODE = ("*.c", "*.h")


def includes(path: Path) -> list[tuple[int, str]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(i, m.group(1)) for i, line in enumerate(lines, 1) if (m := INCLUDE.match(line))]


def fault_in_src(path: Path, target: str) -> str | None:
    """path is relative to src/. Why this include is not allowed, or None."""
    top = target.split("/")[0]
    if len(path.parts) == 1:                       # main.c: the table of verbs
        return None if top == "cmd" else "main.c sees cmd/ only"
    here = path.parts[0]
    if here not in FLOORS:
        return f"folder src/{here} has no floor in tests/floors.py"
    if "/" not in target:
        return "write the folder: \"" + here + "/" + target + "\""
    if top == here:
        return None
    if top in FLOORS:
        if FLOORS[top] < FLOORS[here] or (here, top) in BESIDE:
            return None
        side = "beside" if FLOORS[top] == FLOORS[here] else "above"
        return f"{top} (floor {FLOORS[top]}) is {side} {here} (floor {FLOORS[here]})"
    if target.startswith(OUTSIDE.get(here, ())):
        return None
    return f"{here} takes nothing from {top}/"


def fault_outside(path: Path, target: str) -> str | None:
    """path is relative to the root: abi/, guard/, sim/."""
    here, top = path.parts[0], target.split("/")[0]
    if "/" not in target or top == here:
        return None
    if here == "abi":
        return "abi/ is freestanding"
    if top == "abi":
        return None
    if path.parts[:2] == ("sim", "engine") and FLOORS.get(top, 9) <= 2:
        return None
    return f"{'/'.join(path.parts[:-1])} takes nothing from {top}/"


def faults(root: Path) -> tuple[int, list[str]]:
    seen, bad = 0, []
    for base, judge in (("src", fault_in_src), ("abi", fault_outside), ("guard", fault_outside), ("sim", fault_outside)):
        files = sorted(f for pattern in CODE for f in (root / base).rglob(pattern))
        for file in files:
            seen += 1
            relative = file.relative_to(root / "src" if base == "src" else root)
            for line, target in includes(file):
                why = judge(relative, target)
                if why:
                    bad.append(f"{file.relative_to(root)}:{line}: includes \"{target}\": {why}")
    return seen, bad


def self_test() -> None:
    """The judge itself must be able to say no."""
    assert fault_in_src(Path("need/kv.c"), "plan/plan.h")
    assert fault_in_src(Path("spec/spec.c"), "model/model.h")
    assert fault_in_src(Path("spec/spec.c"), "engine/engine.h") is None
    assert fault_in_src(Path("engine/vllm.c"), "spec/spec.h")
    assert fault_in_src(Path("base/str.c"), "gpu/gpu.h")
    assert fault_in_src(Path("run/keeper.c"), "gate/gate.h")
    assert fault_in_src(Path("model/model.c"), "abi/cuda.h")
    assert fault_in_src(Path("cmd/up.c"), "run/run.h") is None
    assert fault_in_src(Path("cmd/up.c"), "sim/kinds.h")
    assert fault_outside(Path("sim/state.c"), "base/str.h")
    assert fault_outside(Path("sim/engine/core.c"), "need/need.h")
    assert fault_outside(Path("sim/engine/core.c"), "model/model.h") is None
    assert fault_outside(Path("guard/cuda.c"), "base/str.h")


def main() -> int:
    self_test()
    seen, bad = faults(Path(sys.argv[1]).resolve())
    if seen < 10:
        print(f"only {seen} files found under {sys.argv[1]}: wrong folder?")
        return 1
    print("\n".join(bad) if bad else f"{seen} files, no include points up or sideways")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
