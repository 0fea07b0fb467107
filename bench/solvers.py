"""berth's search beside CBC, HiGHS and CP-SAT on the same problems. Usage: bench/solvers.py [path/to/bench-solvers] [--limit S] [--count N] [--cards N] [--workloads N]

One formulation for all: binaries and linear rows, written here from what bench-solvers prints (docs/benchmarks/plan.md states it). The goals are taken one
after another: workloads placed at each priority, highest first, then wants (copies). Every answer is checked against the rows in whole bytes, berth's too; a
solver's answer that breaks one counts as no plan. The time limit is for all goals together: at its end the best plan that the solver has counts, proven or
not. A solver that is not there is named and left out: `cbc` on the PATH (Debian coinor-cbc), highspy and ortools in the Python that runs this;
`make bench-solvers` puts the two into a virtual environment outside the tree. --rows prints each problem."""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parents[1]
Row = tuple[dict[int, int], int, int]                # coefficients, least, most
MIB = 1 << 20


class Model:
    """Binaries, rows, goals (each a linear form, to be made as large as can be)."""

    def __init__(self, problem: dict) -> None:
        self.n, self.rows, self.goals = 0, [], []
        self.p, self.works = problem, problem["works"]
        self.copy: dict[tuple[int, int], int] = {}                   # (work, replica): it stands
        self.option: dict[tuple[int, int, int, int], int] = {}       # (work, replica, shape, class): and so
        self.stage: dict[tuple[int, int, int, int, int, int], int] = {}
        self.on: dict[tuple[int, int], dict[int, list[int]]] = {}    # (work, replica): card -> binaries of which one says "on it"
        self.kind: dict[tuple[int, int, int, int, int, str], int] = {}
        self.load: list[dict[int, int]] = [{} for _ in problem["cap"]]
        for i in range(len(self.works)):
            self.add_work(i)
        for g, load in enumerate(self.load):
            self.row(load, 0, problem["cap"][g])
        self.neighbours()
        self.set_goals()

    def var(self) -> int:
        self.n += 1
        return self.n - 1

    def row(self, terms: dict[int, int], least: int, most: int) -> None:
        if terms:
            self.rows.append((terms, least, most))

    def add_work(self, i: int) -> None:
        w = self.works[i]
        for r in range(w["copies_want"]):
            y = self.copy[i, r] = self.var()
            self.on[i, r] = {}
            if not w["cpu_only"]:
                ways = {}
                for s, shape in enumerate(w["shapes"]):
                    for o in shape["options"]:
                        ways[self.add_option(i, r, s, o)] = 1
                self.row({**ways, y: -1}, 0, 0) if ways else self.row({y: 1}, 0, 0)
            if r:                                    # copies in turn, all in one shape
                self.row({self.copy[i, r - 1]: 1, y: -1}, 0, 1)
                for s in range(len(w["shapes"])):
                    mine = {v: 1 for (a, b, c, _), v in self.option.items() if (a, b, c) == (i, r, s)}
                    first = {v: -1 for (a, b, c, _), v in self.option.items() if (a, b, c) == (i, 0, s)}
                    self.row({**mine, **first}, -1, 0)
            if 0 < r < w["copies_min"]:
                self.row({y: 1, self.copy[i, 0]: -1}, 0, 0)
        if not w["optional"]:
            self.row({self.copy[i, 0]: 1}, 1, 1)

    def add_option(self, i: int, r: int, s: int, o: dict) -> int:
        shape, z = self.works[i]["shapes"][s], self.var()
        self.option[i, r, s, o["class"]] = z
        poorest: dict[int, int] = {}
        for t, row in enumerate(o["bytes"]):
            kinds: dict[str, dict[int, int]] = {}
            for g, need in enumerate(row):
                if need < 0:
                    continue
                x = self.stage[i, r, s, o["class"], t, g] = self.var()
                self.on[i, r].setdefault(g, []).append(x)
                self.load[g][x] = need
                kinds.setdefault(self.p["kind"][g] if self.works[i]["server"] else "any", {})[x] = 1
                if self.p["class"][g] == o["class"]:
                    poorest[x] = 1
            chosen = {}
            for name, xs in kinds.items():           # a tensor-parallel group is of one kind of card
                k = self.kind[i, r, s, o["class"], t, name] = self.var()
                self.row({**xs, k: -shape["tp"]}, 0, 0)
                chosen[k] = 1
            self.row({**chosen, z: -1}, 0, 0)
        if o["class"] >= 0:
            self.row({**poorest, z: -1}, 0, len(poorest)) if poorest else self.row({z: 1}, 0, 0)
        return z

    def neighbours(self) -> None:
        cards = range(len(self.p["cap"]))
        for (i, r), on in self.on.items():
            for g, xs in on.items():                 # a card once in a copy
                self.row({**{x: 1 for x in xs}, self.copy[i, r]: -1}, -1, 0)
        pairs = sorted(self.on)
        for a, first in enumerate(pairs):
            for second in pairs[a + 1:]:
                if not self.works[first[0]]["may_share"][second[0]]:
                    for g in cards:
                        both = self.on[first].get(g, []) + self.on[second].get(g, [])
                        if g in self.on[first] and g in self.on[second]:
                            self.row({x: 1 for x in both}, 0, 1)
        for (i, r), on in self.on.items():
            if self.works[i]["same"] >= 0:
                self.follow(i, r, on, self.on.get((self.works[i]["same"], r)))

    def follow(self, i: int, r: int, on: dict[int, list[int]], target: dict[int, list[int]] | None) -> None:
        y, cards = self.copy[i, r], len(self.p["cap"])
        if target is None:
            self.row({y: 1}, 0, 0)
            return
        for g, xs in on.items():
            self.row({**{x: 1 for x in xs}, **{x: -1 for x in target.get(g, [])}}, -1, 0)
        mine = {x: 1 for xs in on.values() for x in xs}
        self.row({**mine, **{x: -1 for xs in target.values() for x in xs}, y: -cards}, -cards, cards)
        terms = {x: 1 for xs in target.values() for x in xs}         # not fewer than the target has
        self.row({**terms, **{x: -1 for x in mine}, y: cards}, -cards, cards)

    def set_goals(self) -> None:
        for level in sorted({w["priority"] for w in self.works}, reverse=True):
            self.goals.append({self.copy[i, 0]: 1 for i, w in enumerate(self.works) if w["priority"] == level})
        wants: dict[int, int] = {}
        for i, w in enumerate(self.works):
            for r in range(w["copies_want"]):
                per = 1000 * (r + 1) // w["copies_want"] - 1000 * r // w["copies_want"] if w["copies_want"] > 1 else 0
                wants[self.copy[i, r]] = per + (1000 if w["server"] and r == 0 else 0)
        self.goals.append({v: c for v, c in wants.items() if c})

    def values_of(self, copies: list[dict]) -> list[int]:
        x = [0] * self.n
        for c in copies:
            key = (c["work"], c["replica"])
            x[self.copy[key]] = 1
            if not c["cards"]:
                continue
            shape = (*key, c["shape"], c["class"])
            x[self.option[shape]] = 1
            tp = self.works[c["work"]]["shapes"][c["shape"]]["tp"]
            for j, g in enumerate(c["cards"]):
                x[self.stage[(*shape, j // tp, g)]] = 1
                x[self.kind[(*shape, j // tp, self.p["kind"][g] if self.works[c["work"]]["server"] else "any")]] = 1
        return x

    def broken(self, x: list[int], rows: list[Row]) -> int:
        return sum(not least <= sum(c * x[v] for v, c in terms.items()) <= most for terms, least, most in rows)

    def worth(self, x: list[int]) -> list[int]:
        return [sum(c * x[v] for v, c in goal.items()) for goal in self.goals]


def lp(model: Model, rows: list[Row], goal: dict[int, int]) -> str:
    """Rows in MiB where they are of bytes: whole numbers past 2^31 are hard on floating point."""
    out = ["Maximize", " obj: " + (linear(goal, 1) or "0 b0"), "Subject To"]
    for i, (terms, least, most) in enumerate(rows):
        by = MIB if max(map(abs, terms.values())) >= MIB else 1
        if least == most:
            out.append(f" r{i}: {linear(terms, by)} = {least / by!r}")
            continue
        out.append(f" r{i}l: {linear(terms, by)} >= {least / by!r}")
        out.append(f" r{i}m: {linear(terms, by)} <= {most / by!r}")
    return "\n".join([*out, "Binaries", *(f" b{v}" for v in range(model.n)), "End", ""])


def linear(terms: dict[int, int], by: int) -> str:
    return "\n  ".join(f"{'+' if c >= 0 else '-'} {abs(c) / by!r} b{v}" for v, c in terms.items())


# Each solver: 'proven' with values, 'no' where there is no plan, or 'late' with the best so far (empty: none).
Answer = tuple[str, list[int]]


def cbc(model: Model, rows: list[Row], goal: dict[int, int], seconds: float) -> Answer:
    with tempfile.TemporaryDirectory() as d:
        Path(d, "p.lp").write_text(lp(model, rows, goal), encoding="ascii")
        try:
            subprocess.run(["cbc", f"{d}/p.lp", "-timemode", "elapsed", "-sec", f"{seconds:.1f}", "-ratio", "0", "-allow", "0", "-solve", "-solu", f"{d}/p.sol"],
                           check=True, capture_output=True, timeout=seconds + 60)
        except subprocess.TimeoutExpired:            # it looks at the clock between steps, and some are long
            return "late", []
        head, *lines = Path(d, "p.sol").read_text(encoding="ascii").splitlines()
    if head.startswith(("Infeasible", "Integer infeasible")):
        return "no", []
    x = [0] * model.n
    for name, value in (line.replace("**", "").split()[1:3] for line in lines):
        if name.startswith("b"):
            x[int(name[1:])] = round(float(value))
    return "proven" if head.startswith("Optimal") else "late", x


def highs(model: Model, rows: list[Row], goal: dict[int, int], seconds: float) -> Answer:
    import highspy
    h = highspy.Highs()
    for name, value in (("output_flag", False), ("threads", 1), ("time_limit", seconds), ("mip_rel_gap", 0.0), ("mip_abs_gap", 0.5)):
        h.setOptionValue(name, value)
    with tempfile.TemporaryDirectory() as d:
        Path(d, "p.lp").write_text(lp(model, rows, goal), encoding="ascii")
        h.readModel(f"{d}/p.lp")
    h.run()
    status = h.getModelStatus()
    if status in (highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible):
        return "no", []
    if h.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return "late", []
    values, x = h.getSolution().col_value, [0] * model.n
    for i in range(h.getNumCol()):
        x[int(h.getColName(i)[1][1:])] = round(values[i])
    return "proven" if status == highspy.HighsModelStatus.kOptimal else "late", x


def cp_sat(model: Model, rows: list[Row], goal: dict[int, int], seconds: float) -> Answer:
    from ortools.sat.python import cp_model
    m = cp_model.CpModel()
    b = [m.new_bool_var(f"b{v}") for v in range(model.n)]
    for terms, least, most in rows:
        m.add_linear_constraint(sum(c * b[v] for v, c in terms.items()), least, most)
    m.maximize(sum(c * b[v] for v, c in goal.items()))
    s = cp_model.CpSolver()
    s.parameters.max_time_in_seconds, s.parameters.num_workers = seconds, 1
    status = s.solve(m)
    if status == cp_model.INFEASIBLE:
        return "no", []
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return "late", []
    return "proven" if status == cp_model.OPTIMAL else "late", [int(s.value(v)) for v in b]


SOLVERS: dict[str, tuple[Callable[..., Answer], Callable[[], object]]] = {
    "CBC": (cbc, lambda: shutil.which("cbc")),
    "HiGHS": (highs, lambda: importlib.util.find_spec("highspy")),
    "CP-SAT": (cp_sat, lambda: importlib.util.find_spec("ortools")),
}


def solve(name: str, model: Model, limit: float) -> tuple[str, list[int]]:
    """Goal after goal, each held at its best for those after it. 'late': the best plan when time was over, or none."""
    end, rows, x = time.monotonic() + limit, list(model.rows), []
    for goal in model.goals:
        left = end - time.monotonic()
        said, y = SOLVERS[name][0](model, rows, goal, left) if left > 0.1 else ("late", [])
        if said == "no":
            return ("no", []) if not x else ("broke a row", model.worth(x))
        if y and not model.broken(y, rows):
            x = y
        elif said == "proven":
            return "broke a row", model.worth(x) if x else []
        if said == "late":
            return "late", model.worth(x) if x else []
        best = sum(c * x[v] for v, c in goal.items())
        rows.append((goal, best, sum(abs(c) for c in goal.values())))
    return "proven", model.worth(x)


def verdict(said: str, worth: list[int], mine: list[int] | None) -> str:
    """A solver that says 'no' has proven it; one without a plan in time has shown nothing but that berth's is better, if there is one."""
    if mine is None:
        return "solver better" if worth else "equal" if said == "no" else "neither"
    if not worth:
        return "berth better"
    return "equal" if worth == mine else "berth better" if mine > worth else "solver better"


def main() -> int:
    ap = argparse.ArgumentParser()
    ap.add_argument("tool", nargs="?", default=str(ROOT / "build" / "bench" / "bench-solvers"))
    for name, value in (("limit", 60), ("count", 15), ("cards", 8), ("workloads", 10)):
        ap.add_argument(f"--{name}", type=int, default=value)
    ap.add_argument("--rows", action="store_true")
    o = ap.parse_args()
    tool = o.tool if Path(o.tool).name == "bench-solvers" else str(Path(o.tool).resolve().parents[2] / "bench" / "bench-solvers")
    here = [n for n, (_, there) in SOLVERS.items() if there()]
    for n in set(SOLVERS) - set(here):
        print(f"{n} is not here: left out (cbc: apt-get install coinor-cbc; highspy, ortools: make bench-solvers)")
    if not here:
        return 0
    tally: dict[str, dict[str, int]] = {n: {} for n in here}
    took: dict[str, list[float]] = {n: [] for n in ["berth", *here]}
    workers = {n: ProcessPoolExecutor(1) for n in here}              # the libraries of HiGHS and OR-tools do not live in one process
    number, drawn, fits, bad, whole = 0, 0, 0, 0, 0
    while drawn < o.count and number < 50 * o.count:
        number += 1
        text = subprocess.run([tool, str(number), str(o.cards), str(o.workloads)], check=True, capture_output=True, text=True).stdout
        if not text:
            continue
        problem = json.loads(text)
        model, berth, drawn = Model(problem), problem["berth"], drawn + 1
        mine = berth["placed"] + [berth["wants"]] if berth["found"] else None
        fits += mine is not None
        whole += berth["complete"]
        took["berth"].append(berth["seconds"])
        if mine is not None:
            x = model.values_of(berth["copies"])
            if model.broken(x, model.rows) or model.worth(x) != mine:
                bad += 1
                print(f"  {number}: berth's plan and the formulation disagree: {model.broken(x, model.rows)} rows broken, {mine} against {model.worth(x)}")
        for n in here:
            start = time.monotonic()
            said, worth = workers[n].submit(solve, n, model, o.limit).result()
            took[n].append(time.monotonic() - start)
            v = verdict(said, worth, mine)
            for key in (v, said):
                tally[n][key] = tally[n].get(key, 0) + 1
            if o.rows:
                print(f"  {number}: {n}: {v} ({said}, {took[n][-1]:.1f} s): {worth} against {mine}", flush=True)
            elif v == "solver better" or said == "broke a row":
                print(f"  {number}: {n}: {v} ({said}): {worth} against berth's {mine}, {'whole tree seen' if berth['complete'] else 'stopped at the node limit'}")
            if (v == "solver better" and berth["complete"]) or (v == "berth better" and said in ("proven", "no")):
                bad += 1                             # two proofs that differ, or a proof that is none: the formulation or one of the two is wrong
    print(f"{drawn} problems of {o.cards} cards and {o.workloads} workloads ({fits} fit), {o.limit} s each, one thread; berth saw the whole tree of {whole}, median {statistics.median(took['berth']):.3f} s, "
          f"worst {max(took['berth']):.3f} s")
    print(f"{'':8}{'equal':>8}{'berth better':>14}{'solver better':>15}{'neither':>9}{'not proven':>12}{'median s':>10}")
    for n in here:
        t = tally[n]
        print(f"{n:8}{t.get('equal', 0):8}{t.get('berth better', 0):14}{t.get('solver better', 0):15}{t.get('neither', 0):9}{t.get('late', 0) + t.get('broke a row', 0):12}{statistics.median(took[n]):10.2f}")
    for w in workers.values():
        w.shutdown()
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
