"""watermark - a faint tile repeated over the whole picture.

The picture less its local mean is folded at every period from 5 to 16: all pixels at the same place in the tile are
averaged. Noise averages away with the number of tiles, a watermark does not, even where it is weaker than the noise. What
repeats every 2 or 4 pixels is taken out first: that is a generator's trace, and the frequency tool's work.
"""

from __future__ import annotations

import math

from pixels import Image, Plane, ramp

NAME = "watermark"
PERIODS = range(5, 17)


def residual(luma: Plane) -> Plane:
    """Each inner pixel less the mean of its four neighbours."""
    return [
        [v - (up + down + left + right) / 4 for v, up, down, left, right in zip(line[1:], above[1:], below[1:], line, line[2:])]
        for above, line, below in zip(luma, luma[1:], luma[2:])
    ]


def fold(plane: Plane, period: int) -> Plane:
    """The mean tile of period x period."""
    tile = []
    for ty in range(period):
        lines = plane[ty::period]
        column_sums = [sum(column) for column in zip(*lines)]
        tile.append([
            sum(column_sums[tx::period]) / (len(lines) * len(column_sums[tx::period]))
            for tx in range(period)
        ])
    return tile


def strength(plane: Plane, period: int, variance: float) -> float:
    """By how many standard deviations the mean tile varies more than noise of this variance would make it."""
    tile = fold(plane, period)
    tiles = len(plane) * len(plane[0]) / period**2
    mean = sum(map(sum, tile)) / period**2
    freedom = period**2 - 1
    ratio = sum((v - mean) ** 2 for row in tile for v in row) / freedom * tiles / variance
    return (ratio - 1) / math.sqrt(2 / freedom)


def analyse(image: Image) -> dict[str, object]:
    plane = residual(image.luma())
    short = fold(plane, 4)
    plane = [[v - short[y % 4][x % 4] for x, v in enumerate(row)] for y, row in enumerate(plane)]
    variance = sum(v * v for row in plane for v in row) / (len(plane) * len(plane[0]))
    if variance < 1e-6:
        return {"score": 0.0, "finding": "no noise to hide in", "period": 0, "strength": 0.0}
    value, period = max((strength(plane, p, variance), p) for p in PERIODS)
    score = ramp(value, 7, 28)
    finding = f"a tile of {period} x {period} repeats, {value:.0f} standard deviations strong" if score >= 0.5 else "nothing repeats"
    return {"score": score, "finding": finding, "period": period, "strength": value}
