#!/usr/bin/env python3
"""vision_worker - the one `vision` service: four tools on the same card, one image after the other.

It holds its card as a real service would: a context and a staging buffer through libcuda, and each image is copied into it. The
tools' arithmetic (frequency, noise, watermark, spatial) is plain Python on the CPU, so that the example needs no
package. It takes images from the spool's inbox and puts findings in its queue (spool.py), from "vision: ready" until SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True  # an example leaves nothing in its folder

import frequency
import noise
import spatial
import watermark
from gpu_buffer import GpuBuffer, GpuError, MiB
from pixels import Image, ImageError, png_read
from spool import Finding, Spool, SpoolError, short

TOOLS = (frequency, noise, watermark, spatial)
IDLE_S = 0.02  # how often an empty inbox is looked at


class Stopped(Exception):
    """SIGTERM or Ctrl-C came while an image was looked at."""


def look(image: Image, stop: threading.Event) -> dict[str, Finding]:
    """What each tool says; a signal is obeyed between two tools."""
    said = {}
    for tool in TOOLS:
        if stop.is_set():
            raise Stopped
        said[tool.NAME] = tool.analyse(image)
    return said


def examine(path: Path, buffer: GpuBuffer | None, stop: threading.Event) -> Finding:
    """A file that is no image is a finding too: the service goes on."""
    began = time.monotonic()  # one clock for all processes of a machine: the analyst compares it with its own
    finding: Finding = {"image": path.stem}
    try:
        image = png_read(path)
        if buffer:
            buffer.upload(image.rgb)
        finding["tools"] = look(image, stop)
    except ImageError as why:
        finding["error"] = str(why)
    except OSError as why:
        finding["error"] = f"read: {why.strerror}"
    return finding | {"began_s": began, "ended_s": time.monotonic()}


def summary(finding: Finding) -> str:
    tools = finding.get("tools")
    if not isinstance(tools, dict):
        return f"cannot be read: {finding['error']}"
    return "  ".join(f"{name} {said['score']:.2f}" for name, said in tools.items())


def serve(spool: Spool, buffer: GpuBuffer | None, stop: threading.Event, quiet: bool) -> None:
    while not stop.is_set():
        path = spool.take_image()
        if path is None:
            stop.wait(IDLE_S)
            continue
        try:
            finding = examine(path, buffer, stop)
        except (Stopped, GpuError):
            spool.return_image(path)  # whoever comes next begins it anew
            if stop.is_set():
                return
            raise
        spool.report(path, finding)
        if not quiet:
            seconds = float(str(finding["ended_s"])) - float(str(finding["began_s"]))
            print(f"vision: {short(path.stem)} in {seconds:.2f} s: {summary(finding)}", flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("FORENSICS_WORK") or "work"), metavar="FOLDER",
                        help="the spool's folder (default: $FORENSICS_WORK, else ./work)")
    parser.add_argument("--staging-mib", type=int, default=1536, metavar="N", help="bytes held on the card for images (default 1536)")
    parser.add_argument("--cpu", action="store_true", help="use no GPU at all")
    parser.add_argument("--quiet", action="store_true", help="no line per image")
    chosen = parser.parse_args()
    if chosen.staging_mib < 64:
        parser.error("--staging-mib: at least 64, one image's slot")
    return chosen


def main() -> int:
    chosen = options()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    buffer = None
    try:
        spool = Spool(chosen.work)
        spool.own("vision")
        if not chosen.cpu:
            buffer = GpuBuffer(chosen.staging_mib * MiB)
            print(f"vision: {chosen.staging_mib} MiB of staging held on {buffer.name()}", flush=True)
        again = spool.recover_images()
        if again:
            print(f"vision: {again} images of an earlier run are begun anew", flush=True)
        print("vision: ready", flush=True)
        serve(spool, buffer, stop, chosen.quiet)
    except (GpuError, SpoolError) as why:
        print(f"vision: {why}", file=sys.stderr, flush=True)
        return 1
    finally:
        if buffer:
            buffer.close()
    print("vision: stopped", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
