"""The search on drawn problems. Usage: bench/plan.py [path/to/bench-plan] [--quick]

Nine tables: small problems against plain enumeration; the same with every key drawn that decides what stands where; what must hold between pairs of such problems that differ in one thing; phases against enumeration of all of them together; phases with every key drawn; what was proven of larger ones against plans of the problems beside them; 8 unequal cards, 12 workloads, 3 phases
(how many are proven, and how soon); 64 cards and 60 workloads (how far the plan is from the bound); 1,250 machines of 8 cards and 5,000 workloads (the same, and how much memory that takes). What is drawn: bench/plan_draw.h, bench/plan_small.h, bench/plan_full.h, bench/plan_turns.h; the same problems on every machine. Times are CPU
time of one core. Exits 1 when an answer differs from enumeration; figures not reached are printed as such."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def rows(tool: str, *args: object) -> list[list[str]]:
    out = subprocess.run([tool, *map(str, args)], check=True, capture_output=True, text=True).stdout
    return [line.split() for line in out.splitlines() if line[:1].isdigit()]


def said(reached: bool) -> str:
    return "reached" if reached else "NOT reached"


def small(tool: str, quick: bool, *steps: int) -> bool:
    """steps: 1 = leave the order of the plan at once, so that small problems too go by numbers of copies, shapes, cards."""
    found = [r for r in rows(tool, "small", 1, 700 if quick else 6500, *steps) if len(r) == 5]
    equal = sum(r[3] == "1" for r in found)
    fit = sum(r[2] == "1" for r in found)
    way = "shapes before cards" if steps else "against enumeration"
    print(f"{way}: {equal} of {len(found)} equal ({fit} fit; {sum(int(r[4]) for r in found)} placements enumerated)")
    for r in found:
        if r[3] != "1":
            print(f"  differs: bench-plan small {r[0]} {int(r[0]) + 1} {' '.join(map(str, steps))}")
    return equal == len(found)


def enumerated(tool: str, mode: str, most: int, title: str, verdict: str) -> bool:
    """Rows that end in: does it fit, does the search agree with the enumeration, does the plan that comes of it, how many placements were enumerated."""
    found = [r for r in rows(tool, mode, 1, most) if len(r) >= 5]
    wrong = [r for r in found if r[-3:-1] != ["1", "1"]]
    print(f"{title}: {len(found) - len(wrong)} of {len(found)} {verdict} ({sum(r[-4] == '1' for r in found)} fit; {sum(int(r[-1]) for r in found)} placements enumerated)")
    for r in wrong:
        print(f"  differs: bench-plan {mode} {r[0]} {int(r[0]) + 1}")
    return not wrong


def full(tool: str, quick: bool) -> bool:
    """Every key that decides; the enumeration shares nothing with the search but bytes and rates of a shape."""
    return enumerated(tool, "full", 1000 if quick else 6500, "every key drawn", "equal")


PAIRS = ["a card more: as many placed, as much wanted", "cards in another order: the same score", "workloads in another order: the same score", "a higher priority: placed as before",
         "a foreign byte: not better", "foreign GiB: not better", "an optional one removed: the others no worse", "sharing allowed: not worse", "fewer requests: no worse with whole contexts",
         "one more optional: not worse", "more RAM: not worse"]


def pairs(tool: str, quick: bool) -> bool:
    found = [r for r in rows(tool, "meta", 1, 300 if quick else 10000) if len(r) == 3]
    print("\npairs that differ in one thing:")
    for i, name in enumerate(PAIRS):
        mine = [r for r in found if int(r[1]) == i]
        print(f"  {name:48} {sum(r[2] == '1' for r in mine)} of {len(mine)}")
    for r in found:
        if r[2] != "1":
            print(f"  not so: bench-plan meta {r[0]} {int(r[0]) + 1}: {PAIRS[int(r[1])]}")
    return all(r[2] == "1" for r in found)


def together(tool: str, quick: bool) -> bool:
    found = [r for r in rows(tool, "phases", 1, 300 if quick else 5000) if len(r) == 7]
    equal, shared = sum(r[1] == "1" for r in found), [r for r in found if r[4] != "0"]
    apart = sum(r[3] != r[4] for r in shared)
    print(f"\nphases together: {equal} of {len(found)} keep as much in place as any choice of placements ({len(shared)} have somebody in several phases; in {apart} not all can stay)")
    print(f"  CPU time of the plan  median {statistics.median(float(r[6]) for r in found):.1f} ms, worst {max(float(r[6]) for r in found):.0f} ms")
    for r in found:
        if r[1] != "1":
            print(f"  moves needlessly: bench-plan phases {r[0]} {int(r[0]) + 1}")
    return equal == len(found)


def turns(tool: str, quick: bool) -> bool:
    """The search in each phase, and the plan of all of them."""
    return enumerated(tool, "turns", 600 if quick else 6500, "phases with every key drawn", "reach what each phase can alone")


HUNTED = [(8, 12, 3, 5000), (8, 12, 2, 1), (12, 10, 1, 5000), (8, 8, 1, 5000), (6, 9, 1, 1), (5, 7, 1, 1)]


def hunt(tool: str, quick: bool) -> bool:
    """Cards, workloads, phases, nodes before the order is changed: what is proven must not be beaten by a plan of a problem beside it."""
    found = []
    for cards, works, phases, nodes in HUNTED:
        found += [(r, cards, works, phases, nodes) for r in rows(tool, "hunt", 1, 6 if quick else 200, cards, works, phases, 28, nodes) if len(r) == 6]
    wrong = [x for x in found if x[0][2] != "0"]
    print(f"\nlarger problems, proven: {sum(int(x[0][1]) for x in found)} phases, {sum(int(x[0][2]) for x in found)} of them wrong "
          f"({sum(int(x[0][3]) for x in found)} plans of {sum(int(x[0][4]) for x in found)} problems beside them, {sum(int(x[0][5]) for x in found)} of those proven too)")
    for r, cards, works, phases, nodes in wrong:
        print(f"  wrong: bench-plan hunt {r[0]} {int(r[0]) + 1} {cards} {works} {phases} 28 {nodes}")
    return not wrong


def exact(tool: str, quick: bool) -> None:
    all_rows = rows(tool, "exact", 1, 60 if quick else 1200, 8, 12, 3)
    drawn = [r for r in all_rows if r[1] != "refused"][: 1000]
    ms = sorted(float(r[3]) for r in drawn)
    proven = [r for r in drawn if r[6] == "0"]
    fits = [r for r in drawn if r[1] == "fits"]
    median, worst = statistics.median(ms), ms[-1]
    print(f"\n8 unequal cards, 12 workloads, 3 phases: {len(drawn)} problems, {len(fits)} fit in all phases; {len(all_rows) - len(drawn)} more drawn against themselves")
    print(f"  proven in all phases  {len(proven)} of {len(drawn)}" + ("" if len(proven) == len(drawn) else "  (NOT all)"))
    print(f"  median                {median:.1f} ms   ({said(median < 50)}: 50 ms)")
    print(f"  9 of 10 in            {ms[int(len(ms) * 0.9)]:.1f} ms")
    print(f"  worst                 {worst:.1f} ms   ({said(worst < 1000 and len(proven) == len(drawn))}: 1 s, proven)")
    gaps = [float(r[7]) for r in drawn if r[6] != "0" and float(r[7]) > 0]
    if gaps:
        print(f"  gap where not proven  median {100 * statistics.median(gaps):.1f} %, worst {100 * max(gaps):.1f} %")


def large(tool: str, quick: bool) -> None:
    found = [r for r in rows(tool, "exact", 1, 5 if quick else 30, 64, 60, 1) if r[1] == "fits"]
    gaps, ms = [float(r[7]) for r in found], [float(r[3]) for r in found]
    if not found:
        return
    print(f"\n64 cards, 60 workloads, 1 phase: {len(found)} problems that fit")
    print(f"  gap to the bound      median {100 * statistics.median(gaps):.2f} %, worst {100 * max(gaps):.2f} %   ({said(max(gaps) <= 0.02)}: 2 %)")
    print(f"  CPU time              median {statistics.median(ms):.0f} ms, worst {max(ms):.0f} ms   ({said(max(ms) < 2000)}: 2 s)")


def boxes(tool: str, quick: bool) -> None:
    """Each in a process of its own, so that the memory is its own."""
    found = []
    for number in (1, 2) if quick else range(1, 13):
        found += [r for r in rows(tool, "boxes", number, number + 1, 1250, 5000) if r[1] != "refused"]
    if not found:
        return
    ms, mib = [float(r[2]) for r in found], [float(r[8]) for r in found if r[1] == "fits"]
    gaps, service = [float(r[4]) for r in found if r[1] == "fits"], [float(r[7]) for r in found if r[1] == "fits" and float(r[6]) == 0]
    print(f"\n1,250 machines of 8 cards, 5,000 workloads, 1 phase: {len(found)} problems, {len(gaps)} planned")
    print(f"  gap to the bound      median {100 * statistics.median(gaps):.2f} %, worst {100 * max(gaps):.2f} %   ({said(max(gaps) <= 0.05)}: 5 %)")
    if service:
        print(f"  of service, where all contexts are as wanted: worst {100 * max(service):.2f} % ({len(service)} of {len(gaps)})")
    print(f"  CPU time, check too   median {statistics.median(ms) / 1e3:.1f} s, worst {max(ms) / 1e3:.1f} s   ({said(max(ms) < 10000 and len(gaps) == len(found))}: 10 s)")
    print(f"  memory                {max(mib):.0f} MiB   ({said(max(mib) < 1024)}: 1 GiB)")


def main() -> int:
    args = [a for a in sys.argv[1:] if not a.startswith("--")]
    given = Path(args[0]) if args else ROOT / "build" / "bench" / "bench-plan"
    tool = given if given.name == "bench-plan" else given.resolve().parents[2] / "bench" / "bench-plan"
    quick = "--quick" in sys.argv
    ok = small(str(tool), quick)
    ok = small(str(tool), quick, 1) and ok
    ok = full(str(tool), quick) and ok
    ok = pairs(str(tool), quick) and ok
    ok = together(str(tool), quick) and ok
    ok = turns(str(tool), quick) and ok
    ok = hunt(str(tool), quick) and ok
    exact(str(tool), quick)
    large(str(tool), quick)
    boxes(str(tool), quick)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
