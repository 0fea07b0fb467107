"""measure - what a round took, and when vision and the LLM worked at the same time."""

from __future__ import annotations

from dataclasses import dataclass, field

Interval = tuple[float, float]  # began, ended: seconds of the machine's monotonic clock


@dataclass
class Round:
    images: int
    mode: str  # serial or overlapped
    seconds: float = 0.0
    vision: list[Interval] = field(default_factory=list)  # one per image
    llm: list[Interval] = field(default_factory=list)  # one per question
    right: int = 0  # images told as they were made

    def as_json(self) -> dict[str, object]:
        return {
            "images": self.images,
            "mode": self.mode,
            "seconds": round(self.seconds, 3),
            "images_per_s": round(self.images / self.seconds, 3) if self.seconds else 0.0,
            "llm_calls": len(self.llm),
            "vision_busy_s": round(busy(self.vision), 3),
            "llm_busy_s": round(busy(self.llm), 3),
            "both_busy_s": round(overlap(self.vision, self.llm), 3),
            "right": self.right,
        }


def union(intervals: list[Interval]) -> list[Interval]:
    """The same time without double counting, in order."""
    merged: list[Interval] = []
    for began, ended in sorted(intervals):
        if merged and began <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ended))
        else:
            merged.append((began, ended))
    return merged


def busy(intervals: list[Interval]) -> float:
    return sum(ended - began for began, ended in union(intervals))


def overlap(some: list[Interval], others: list[Interval]) -> float:
    """Seconds in which one of each was under way."""
    return sum(
        max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
        for a in union(some)
        for b in union(others)
    )


def table(rounds: list[Round]) -> str:
    head = ("images", "mode", "seconds", "images/s", "LLM calls", "vision busy", "LLM busy", "both busy")
    rows = [head]
    for r in rounds:
        j = r.as_json()
        rows.append((
            str(r.images), r.mode, f"{r.seconds:.2f}", f"{j['images_per_s']:.2f}", str(len(r.llm)),
            f"{j['vision_busy_s']:.2f} s", f"{j['llm_busy_s']:.2f} s", f"{j['both_busy_s']:.2f} s",
        ))
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(w) if i == 1 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
        for row in rows
    )


def conclusion(rounds: list[Round]) -> str:
    """What the largest serial and overlapped rounds say, in words; empty unless both were run."""
    most = max((r.images for r in rounds), default=0)
    times = {r.mode: r for r in rounds if r.images == most}
    if set(times) != {"serial", "overlapped"} or times["overlapped"].seconds <= 0:
        return ""
    serial, over = times["serial"], times["overlapped"]
    return (
        f"{most} images: overlapped is {serial.seconds / over.seconds:.1f} times as fast as serial; "
        f"vision and LLM worked at the same time for {overlap(over.vision, over.llm):.2f} s of its {over.seconds:.2f} s"
    )
