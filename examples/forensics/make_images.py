#!/usr/bin/env python3
"""make_images - photographs that never were, some of them forged; the same bytes for the same seed.

A picture is a soft scene (two colours, a few round things, a fine texture) plus the noise of a sensor that grows with the
light. A forgery changes its pixels the way the trade does; KINDS says how. What it leaves out of a real camera: lens,
demosaicing and JPEG, all of which would blur the traces that the tools look for.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from collections.abc import Callable
from pathlib import Path

sys.dont_write_bytecode = True  # an example leaves nothing in its folder

from pixels import Image, png_encode

SIZE = 128  # pixels per side
Channels = list[list[list[int]]]  # [red, green, blue][y][x]


def _clip(value: float) -> int:
    return max(0, min(255, round(value)))


def _scene(rng: random.Random) -> list[list[list[float]]]:
    """Light as it falls on the sensor, per channel, between about 40 and 215."""
    angle = rng.uniform(0, 2 * math.pi)
    dx, dy = math.cos(angle) / SIZE, math.sin(angle) / SIZE
    dark, bright = [[rng.uniform(lo, hi) for _ in range(3)] for lo, hi in ((60, 100), (120, 180))]
    balls = [
        (rng.uniform(0, SIZE), rng.uniform(0, SIZE), rng.uniform(12, 30), [rng.uniform(-35, 35) for _ in range(3)])
        for _ in range(rng.randint(3, 5))
    ]
    wave_x, wave_y, wave = rng.uniform(0.15, 0.4), rng.uniform(0.15, 0.4), rng.uniform(2, 4)
    light: list[list[list[float]]] = [[[0.0] * SIZE for _ in range(SIZE)] for _ in range(3)]
    for y in range(SIZE):
        for x in range(SIZE):
            along = 0.5 + (x - SIZE / 2) * dx * 0.7 + (y - SIZE / 2) * dy * 0.7
            grain = wave * math.sin(wave_x * x) * math.sin(wave_y * y)
            level = [a + (b - a) * along + grain for a, b in zip(dark, bright)]
            for cx, cy, radius, colour in balls:
                edge = (math.hypot(x - cx, y - cy) - radius) / 3  # an edge some six pixels soft, as a lens gives
                if edge < 6:
                    inside = 1 / (1 + math.exp(edge))
                    level = [a + inside * b for a, b in zip(level, colour)]
            for plane, value in zip(light, level):
                plane[y][x] = value
    return light


def _shoot(rng: random.Random, light: list[list[list[float]]], noise: float = 1.0) -> Channels:
    """The sensor: noise of about 3 grey levels, a little more where it is bright."""
    gauss = rng.gauss
    return [[[_clip(v + gauss(0, noise * (2 + v / 128))) for v in row] for row in plane] for plane in light]


def _place(rng: random.Random, side: int) -> tuple[int, int]:
    return rng.randrange(4, SIZE - side - 4), rng.randrange(4, SIZE - side - 4)


def clean(rng: random.Random, picture: Channels) -> None:
    """Nothing was done."""


def checkerboard(rng: random.Random, picture: Channels) -> None:
    """A region comes from a generator that upsamples by transposed convolution: every other pixel is a little lighter."""
    x0, y0 = _place(rng, 64)
    for plane in picture:
        for y in range(y0, y0 + 64):
            for x in range(x0, x0 + 64):
                plane[y][x] = _clip(plane[y][x] + (2 if (x + y) % 2 else -2))


def upscaled(rng: random.Random, picture: Channels) -> None:
    """The middle of a region is blown up by two, bilinear: each second pixel is the mean of its neighbours."""
    x0, y0 = _place(rng, 64)
    for plane in picture:
        source = [row[x0 + 16 : x0 + 49] for row in plane[y0 + 16 : y0 + 49]]
        for y in range(64):
            top, below, fy = source[y // 2], source[y // 2 + 1], (y % 2) / 2
            for x in range(64):
                fx, i = (x % 2) / 2, x // 2
                upper = top[i] * (1 - fx) + top[i + 1] * fx
                lower = below[i] * (1 - fx) + below[i + 1] * fx
                plane[y0 + y][x0 + x] = _clip(upper * (1 - fy) + lower * fy)


def spliced(rng: random.Random, picture: Channels) -> None:
    """A region was taken from another camera's picture, of higher sensitivity: its noise is two and a half times ours."""
    x0, y0 = _place(rng, 40)
    other = _shoot(rng, _scene(rng), noise=2.5)
    for plane, theirs in zip(picture, other):
        for y in range(y0, y0 + 40):
            plane[y][x0 : x0 + 40] = theirs[y][x0 : x0 + 40]


def watermarked(rng: random.Random, picture: Channels) -> None:
    """A secret tile of plus and minus one grey level, repeated over the whole picture: nobody sees it."""
    period = rng.choice((7, 8, 11, 12))
    tile = [[rng.choice((-1, 1)) for _ in range(period)] for _ in range(period)]
    for plane in picture:
        for y, row in enumerate(plane):
            plane[y] = [_clip(v + tile[y % period][x % period]) for x, v in enumerate(row)]


def cloned(rng: random.Random, picture: Channels) -> None:
    """Something was covered with a piece of the same picture (copy and move)."""
    side = 28
    from_x, from_y = _place(rng, side)
    to_x, to_y = _place(rng, side)
    while max(abs(to_x - from_x), abs(to_y - from_y)) < side:
        to_x, to_y = _place(rng, side)
    for plane in picture:
        for y in range(side):
            plane[to_y + y][to_x : to_x + side] = plane[from_y + y][from_x : from_x + side]


KINDS: dict[str, Callable[[random.Random, Channels], None]] = {
    f.__name__: f for f in (clean, checkerboard, spliced, watermarked, cloned, upscaled)
}


def make(kind: str, seed: int) -> Image:
    rng = random.Random(f"forensics {kind} {seed}")  # text seeds are hashed by SHA-512: the same in every Python 3
    picture = _shoot(rng, _scene(rng))
    KINDS[kind](rng, picture)
    rgb = bytes(v for rows in zip(*picture) for pixel in zip(*rows) for v in pixel)
    return Image(SIZE, SIZE, rgb)


def kind_of(number: int) -> str:
    """Picture 0 is clean, 1 is a checkerboard, and so on, round and round."""
    return list(KINDS)[number % len(KINDS)]


def write_images(folder: Path, count: int, seed: int = 1) -> list[tuple[Path, str]]:
    """Write `count` pictures; returns their files and how each was made (which no file tells)."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(count):
        path = folder / f"image-{number:03d}.png"
        path.write_bytes(png_encode(make(kind_of(number), seed * 1000 + number)))
        made.append((path, kind_of(number)))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the PNG files go")
    parser.add_argument("--images", type=int, default=10, metavar="N", help="how many (default 10)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another number, other pictures (default 1)")
    options = parser.parse_args()
    for path, kind in write_images(options.folder, options.images, options.seed):
        print(f"{path}  {kind}")


if __name__ == "__main__":
    main()
