"""frequency - peaks in the spectrum that no camera makes.

Two maps are cut into blocks of 32 x 32 and Fourier transformed: the brightness (a generator's checkerboard is a sharp
peak at a high frequency), and how badly each pixel is predicted by its neighbours (blown-up regions predict every second
pixel exactly, so this map repeats). Sensor noise is flat: its highest bin stays near ten times the mean.
"""

from __future__ import annotations

import cmath
import math

from pixels import Image, Plane, ramp

NAME = "frequency"
BLOCK = 32
_LOW = BLOCK // 4  # bins below a quarter of the sampling rate belong to the scene
_TWIDDLE = {n: [cmath.exp(-2j * math.pi * k / n) for k in range(n // 2)] for n in (2, 4, 8, 16, 32)}
_HANN = [0.5 - 0.5 * math.cos(2 * math.pi * (i + 0.5) / BLOCK) for i in range(BLOCK)]


def fft(x: list[complex]) -> list[complex]:
    """Radix 2, for lengths up to 32."""
    n = len(x)
    if n == 1:
        return x
    even = fft(x[0::2])
    odd = [w * v for w, v in zip(_TWIDDLE[n], fft(x[1::2]))]
    return [a + b for a, b in zip(even, odd)] + [a - b for a, b in zip(even, odd)]


def spectrum(plane: Plane, x0: int, y0: int) -> list[list[float]]:
    """Power of one block: [fx][fy], fx from 0 to 16 (the rest mirrors it), fy from 0 to 31."""
    rows = []
    for y in range(BLOCK):
        line = plane[y0 + y][x0 : x0 + BLOCK]
        rows.append(fft([complex(v * w * _HANN[y]) for v, w in zip(line, _HANN)]))
    return [[abs(v) ** 2 for v in fft([row[fx] for row in rows])] for fx in range(BLOCK // 2 + 1)]


def peak(plane: Plane, x0: int, y0: int) -> tuple[float, int, int]:
    """The highest bin above the scene's frequencies, as a multiple of the mean of all of them, and where it is."""
    power = spectrum(plane, x0, y0)
    high = [
        (value, fx, min(fy, BLOCK - fy))
        for fx, column in enumerate(power)
        for fy, value in enumerate(column)
        if max(fx, min(fy, BLOCK - fy)) >= _LOW
    ]
    top = max(high)
    mean = sum(v for v, _, _ in high) / len(high)
    return (top[0] / mean if mean > 1e-9 else 0.0), top[1], top[2]


def misfit(plane: Plane) -> Plane:
    """How far each pixel is from its left and right and from its upper and lower neighbours; the log keeps edges small."""
    width = len(plane[0])
    out = [[0.0] * width for _ in plane]
    for y in range(1, len(plane) - 1):
        above, line, below = plane[y - 1], plane[y], plane[y + 1]
        out[y][1:-1] = [
            math.log1p(abs(left - 2 * v + right) + abs(up - 2 * v + down))
            for left, v, right, up, down in zip(line, line[1:], line[2:], above[1:], below[1:])
        ]
    return out


def _centred(plane: Plane) -> Plane:
    mean = sum(map(sum, plane)) / (len(plane) * len(plane[0]))
    return [[v - mean for v in row] for row in plane]


def analyse(image: Image) -> dict[str, object]:
    luma = image.luma()
    best = {"brightness": (0.0, 0, 0, 0, 0), "prediction": (0.0, 0, 0, 0, 0)}
    for name, plane in (("brightness", _centred(luma)), ("prediction", _centred(misfit(luma)))):
        for y in range(0, image.height - BLOCK + 1, BLOCK):
            for x in range(0, image.width - BLOCK + 1, BLOCK):
                best[name] = max(best[name], (*peak(plane, x, y), x, y))
    name = max(best, key=lambda key: best[key][0])
    ratio, fx, fy, x, y = best[name]
    score = ramp(ratio, 15, 60)
    where = f"{ratio:.0f} times the mean at ({fx / BLOCK:.2f}, {fy / BLOCK:.2f}) cycles per pixel, block {x},{y}"
    if score < 0.5:
        finding = "no peak in the spectrum"
    elif name == "brightness":
        finding = f"periodic brightness as generators leave it: {where}"
    else:
        finding = f"resampled region: {where}"
    return {"score": score, "finding": finding, "brightness_peak": best["brightness"][0], "prediction_peak": best["prediction"][0]}
