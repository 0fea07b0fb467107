"""pixels - an RGB image, its PNG file, and the little arithmetic that the four vision tools share. Plain Python, no package."""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

Plane = list[list[float]]  # one number per pixel, row by row

MAX_PIXELS = 4 << 20  # plain Python looks at about half a million pixels a second: refuse what would take a minute
MAX_FILE_BYTES = 64 << 20
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class ImageError(Exception):
    """The file is not an image that we can read; the message says why."""


@dataclass(frozen=True)
class Image:
    width: int
    height: int
    rgb: bytes  # 3 bytes per pixel, row by row, no padding

    def channel(self, index: int) -> list[bytes]:
        """Rows of one channel: 0 red, 1 green, 2 blue."""
        flat, width = self.rgb[index::3], self.width
        return [flat[y * width : (y + 1) * width] for y in range(self.height)]

    def luma(self) -> Plane:
        red, green, blue = (self.channel(i) for i in range(3))
        return [
            [0.299 * r + 0.587 * g + 0.114 * b for r, g, b in zip(*rows)]
            for rows in zip(red, green, blue)
        ]


def ramp(value: float, nothing: float, certain: float) -> float:
    """A score: 0 up to `nothing`, 1 from `certain` on, in between by the logarithm (0.5 at their geometric mean)."""
    if value <= nothing:
        return 0.0
    return min(1.0, math.log(value / nothing) / math.log(certain / nothing))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_encode(image: Image) -> bytes:
    stride = 3 * image.width
    lines = b"".join(b"\0" + image.rgb[y * stride : (y + 1) * stride] for y in range(image.height))
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, 6)) + _chunk(b"IEND", b"")


def png_read(path: Path) -> Image:
    """Read an 8-bit RGB PNG that is not interlaced; everything else is an ImageError."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ImageError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
    return png_decode(path.read_bytes())


def png_decode(data: bytes) -> Image:
    if not data.startswith(_SIGNATURE):
        raise ImageError("not a PNG file")
    width = height = 0
    packed = bytearray()
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        if at + 12 + size > len(data) or zlib.crc32(kind + body) != int.from_bytes(data[at + 8 + size : at + 12 + size], "big"):
            raise ImageError(f"damaged {kind.decode('latin-1')} chunk at byte {at}")
        if kind == b"IHDR":
            width, height = _header(body)
        elif kind == b"IDAT":
            packed += body
        elif kind == b"IEND":
            break
        at += 12 + size
    if not width:
        raise ImageError("no IHDR chunk")
    want = height * (3 * width + 1)
    try:
        lines = zlib.decompressobj().decompress(bytes(packed), want)
    except zlib.error as why:
        raise ImageError(f"pixels do not unpack: {why}") from None
    if len(lines) != want:
        raise ImageError(f"{want} bytes of pixels expected, {len(lines)} found")
    return Image(width, height, _unfilter(lines, 3 * width, height))


def _header(body: bytes) -> tuple[int, int]:
    if len(body) != 13:
        raise ImageError("IHDR has the wrong length")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if (depth, colour, interlaced) != (8, 2, 0):
        raise ImageError("only 8-bit RGB without interlacing is read (try: convert IN -define png:color-type=2 -depth 8 OUT.png)")
    if width < 64 or height < 64 or width * height > MAX_PIXELS:
        raise ImageError(f"{width}x{height} pixels: at least 64x64 and at most {MAX_PIXELS} in all are looked at")
    return width, height


def _unfilter(lines: bytes, stride: int, height: int) -> bytes:
    """Undo PNG's per-line prediction (types 0 to 4 of the PNG specification)."""
    out = bytearray()
    above = bytes(stride)
    for y in range(height):
        kind = lines[y * (stride + 1)]
        line = bytearray(lines[y * (stride + 1) + 1 : (y + 1) * (stride + 1)])
        if kind > 4:
            raise ImageError(f"line {y} has the unknown filter {kind}")
        if kind == 2:
            line = bytearray((a + b) & 255 for a, b in zip(line, above))
        elif kind:
            for x in range(stride):
                left, corner = (line[x - 3], above[x - 3]) if x >= 3 else (0, 0)
                line[x] = (line[x] + _predict(kind, left, above[x], corner)) & 255
        out += line
        above = bytes(line)
    return bytes(out)


def _predict(kind: int, left: int, up: int, corner: int) -> int:
    if kind == 1:
        return left
    if kind == 3:
        return (left + up) // 2
    base = left + up - corner
    far = (abs(base - left), abs(base - up), abs(base - corner))
    return (left, up, corner)[far.index(min(far))]
