"""noise - a region whose sensor noise is not the rest's.

Immerkaer's mask (a difference of two Laplacians) is blind to flat, sloping and gently curved light, so what it leaves of
a block is that block's noise. One camera gives one noise, up to the light; a pasted or smoothed region stands out as a group of
neighbouring blocks that all have another.
"""

from __future__ import annotations

import math
from statistics import median

from pixels import Image, Plane, ramp

NAME = "noise"
BLOCK = 8
_SCALE = math.sqrt(math.pi / 2) / 6  # mean |mask| of Gaussian noise to its standard deviation
_LEAST = 0.05  # grey levels: below that a block counts as without noise
_FAR = 0.45  # |ln(noise / median)|: about three times the scatter of one block's estimate


def noise_map(luma: Plane) -> list[list[float]]:
    """Standard deviation of the noise of each block of 8 x 8."""
    height, width = len(luma), len(luma[0])
    rough = []
    for y in range(1, height - 1):
        # the mask is (1, -2, 1) down times (1, -2, 1) across
        down = [a - 2 * b + c for a, b, c in zip(luma[y - 1], luma[y], luma[y + 1])]
        rough.append([abs(a - 2 * b + c) for a, b, c in zip(down, down[1:], down[2:])])
    blocks = []
    for y in range(0, height - 2 - BLOCK + 1, BLOCK):
        rows = rough[y : y + BLOCK]
        blocks.append([
            _SCALE * sum(sum(row[x : x + BLOCK]) for row in rows) / BLOCK**2
            for x in range(0, width - 2 - BLOCK + 1, BLOCK)
        ])
    return blocks


def largest_group(odd: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """The largest set of blocks that touch by a side."""
    best: list[tuple[int, int]] = []
    rest = set(odd)
    while rest:
        group = [rest.pop()]
        for x, y in group:  # grows while we walk it
            for near in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
                if near in rest:
                    rest.remove(near)
                    group.append(near)
        best = max(best, group, key=len)
    return best


def analyse(image: Image) -> dict[str, object]:
    blocks = noise_map(image.luma())
    usual = max(median(v for row in blocks for v in row), _LEAST)
    apart = {(x, y): math.log(max(v, _LEAST) / usual) for y, row in enumerate(blocks) for x, v in enumerate(row)}
    groups = [
        largest_group({at for at, v in apart.items() if sign * v > _FAR})
        for sign in (1, -1)
    ]
    group = max(groups, key=len)
    weight = sum(abs(apart[at]) for at in group)
    score = ramp(weight, 1.5, 6)
    factor = math.exp(sum(apart[at] for at in group) / len(group)) if group else 1.0
    finding = "one noise all over"
    if score >= 0.5:
        x, y = (BLOCK * min(at[i] for at in group) for i in (0, 1))
        finding = f"{len(group)} blocks from {x},{y} have {factor:.1f} times the noise of the rest"
    return {"score": score, "finding": finding, "noise": usual, "blocks": len(group), "factor": factor}
