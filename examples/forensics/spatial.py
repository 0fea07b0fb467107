"""spatial - a piece of the picture that is there twice (copy and move).

Every 8 x 8 block becomes sixteen numbers (its 2 x 2 sums, coarsely). The blocks are sorted by them, so equal ones become
neighbours, and each pair of equal blocks votes for the vector from one to the other. Noise makes two blocks differ even
in the clearest sky: many votes for one vector are a copy. A copy that was rotated, scaled or compressed is not found.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from pixels import Image, ramp

NAME = "spatial"
BLOCK = 8
_NEAR = 10  # shorter vectors are not counted: such blocks share pixels
_FLAT = 4  # distinct numbers below which a block has too little in it to be recognised


def features(image: Image) -> list[tuple[bytes, int, int]]:
    """(sixteen bytes, x, y) of every block that is not flat."""
    green = image.channel(1)
    cells = [
        bytes((a + b + c + d) >> 3 for a, b, c, d in zip(top, top[1:], below, below[1:]))
        for top, below in pairwise(green)
    ]
    found = []
    for y in range(image.height - BLOCK + 1):
        lines = cells[y : y + BLOCK : 2]
        for x in range(image.width - BLOCK + 1):
            key = b"".join([line[x : x + BLOCK - 1 : 2] for line in lines])
            if len(set(key)) >= _FLAT:
                found.append((key, x, y))
    return found


def copies(image: Image) -> tuple[int, tuple[int, int], tuple[int, int]]:
    """Votes of the commonest vector, the vector, and where its first block lies."""
    blocks = sorted(features(image))
    votes: Counter[tuple[int, int]] = Counter()
    first: dict[tuple[int, int], tuple[int, int]] = {}
    for (key, x, y), (other, x2, y2) in pairwise(blocks):
        vector = (x2 - x, y2 - y)  # sorted: x2 >= x, so a vector has one sign only
        if key == other and max(abs(vector[0]), abs(vector[1])) >= _NEAR:
            votes[vector] += 1
            first.setdefault(vector, (x, y))
    if not votes:
        return 0, (0, 0), (0, 0)
    vector, count = max(votes.items(), key=lambda item: (item[1], item[0]))
    return count, vector, first[vector]


def analyse(image: Image) -> dict[str, object]:
    count, vector, at = copies(image)
    score = ramp(count, 10, 100)
    finding = "nothing is there twice"
    if score >= 0.5:
        finding = f"{count} blocks near {at[0]},{at[1]} come again {vector[0]},{vector[1]} pixels away"
    return {"score": score, "finding": finding, "equal_blocks": count, "vector": list(vector)}
