#!/usr/bin/env python3
"""analyst - the `analyst` job: hands pictures to vision, takes its findings from the queue, asks the LLM for a verdict.

Serial: hand one picture in, wait for its finding, ask the LLM, then the next. Overlapped: hand all in and ask about what
has queued up, a batch at a time, while vision goes on with the next ones. Whether a picture is manipulated is decided
by the tools' scores; what the LLM says is printed beside it and decides nothing (the LLM of the demo is simulated).
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # an example leaves nothing in its folder

from llm import Llm, LlmError, printable
from make_images import write_images
from measure import Round, conclusion, table
from spool import Finding, Spool, SpoolError, short

POLL_S = 0.01
SURE = 0.5  # a tool's score from which a picture counts as manipulated
SYSTEM = "You are an image forensics analyst. Four tools score pictures from 0 (clean) to 1 (manipulated). Give one short verdict per picture."


class Stalled(Exception):
    """No finding came for too long."""


class Analyst:
    def __init__(self, spool: Spool, llm: Llm, options: argparse.Namespace) -> None:
        self.spool, self.llm, self.options = spool, llm, options
        self.made: dict[str, str] = {}  # name in the spool -> how the picture was made; the tools never see this

    def say(self, line: str) -> None:
        if not self.options.quiet:
            print(line, flush=True)

    def run(self, mode: str, pictures: list[tuple[Path, str]], prefix: str) -> Round:
        names = [f"{prefix}-{path.stem}" for path, _ in pictures]
        self.made |= {name: kind for name, (_, kind) in zip(names, pictures)}
        this = Round(len(pictures), mode)
        began = time.monotonic()
        if mode == "serial":
            for name, (path, _) in zip(names, pictures):
                self.spool.submit(path, name)
                self.consume(1, 1, this)
        else:
            for name, (path, _) in zip(names, pictures):
                self.spool.submit(path, name)
            self.consume(len(names), self.options.batch, this)
        this.seconds = time.monotonic() - began
        return this

    def consume(self, count: int, batch: int, this: Round) -> None:
        """Give `count` findings their verdict, up to `batch` of them at a time."""
        while count:
            findings = self.wait(min(batch, count))
            began = time.monotonic()
            said = self.llm.ask(SYSTEM, "\n".join(map(describe, findings)), self.options.max_tokens)
            ended = time.monotonic()
            this.llm.append((began, ended))
            self.say(f"analyst: LLM verdict on {len(findings)} in {ended - began:.2f} s")
            for finding in findings:
                this.vision.append((float(str(finding["began_s"])), float(str(finding["ended_s"]))))
                this.right += self.conclude(finding, said)
            self.say(f"    LLM says: {printable(said, 100)}")
            count -= len(findings)

    def wait(self, most: int) -> list[Finding]:
        deadline = time.monotonic() + self.options.timeout
        while not (findings := self.spool.take_findings(most)):
            if time.monotonic() > deadline:
                why = "vision is running but slow"
                if not self.spool.owned("vision"):
                    why = "no vision service works there: start vision_worker.py with the same FORENSICS_WORK"
                raise Stalled(f"no finding in {self.spool.queue} for {self.options.timeout:.0f} s ({why})")
            time.sleep(POLL_S)
        return findings

    def conclude(self, finding: Finding, said: str) -> bool:
        """Store and show one verdict; true if it is how the picture was made."""
        name, by = str(finding["image"]), accusers(finding)
        verdict = "unreadable" if "error" in finding else "manipulated" if by else "clean"
        self.spool.conclude(finding | {"verdict": verdict, "by": by, "llm": said, "llm_model": self.llm.model})
        kind = self.made.get(name, "unknown")
        self.say(f"    {short(name)}  made: {kind:<12}  {scores(finding)}  -> {verdict}")
        return kind != "unknown" and verdict == ("clean" if kind == "clean" else "manipulated")


def tools_of(finding: Finding) -> dict[str, dict[str, Any]]:
    tools = finding.get("tools")
    return tools if isinstance(tools, dict) else {}


def accusers(finding: Finding) -> list[str]:
    return [name for name, said in tools_of(finding).items() if said["score"] >= SURE]


def scores(finding: Finding) -> str:
    return "  ".join(f"{name} {said['score']:.2f}" for name, said in tools_of(finding).items()) or str(finding.get("error"))


def describe(finding: Finding) -> str:
    """One line of the question."""
    noted = "; ".join(tools_of(finding)[name]["finding"] for name in accusers(finding))
    return f"{short(str(finding['image']))}: {scores(finding)}. {noted or 'nothing found'}"


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--llm", required=True, metavar="URL", help="the LLM server's root, like http://127.0.0.1:8000")
    parser.add_argument("--images", type=int, default=10, metavar="N", help="pictures in the larger round (default 10)")
    parser.add_argument("--batch", type=int, default=4, metavar="N", help="findings in one question, overlapped (default 4)")
    parser.add_argument("--mode", choices=("serial", "overlapped", "both"), default="both",
                        help="both: one picture and N, serial and overlapped, and a table (default)")
    parser.add_argument("--work", type=Path, default=Path(os.environ.get("FORENSICS_WORK") or "work"), metavar="FOLDER",
                        help="the spool's folder (default: $FORENSICS_WORK, else ./work)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="figures as JSON (default: report.json in the work folder)")
    parser.add_argument("--max-tokens", type=int, default=32, metavar="N", help="length of a verdict (default 32)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another number, other pictures (default 1)")
    parser.add_argument("--timeout", type=float, default=60, metavar="S", help="give up when no finding came for so long (default 60)")
    parser.add_argument("--quiet", action="store_true", help="only the table")
    options = parser.parse_args()
    if min(options.images, options.batch, options.max_tokens) < 1 or options.timeout <= 0:
        parser.error("--images, --batch, --max-tokens and --timeout are greater than 0")
    return options


def work(analyst: Analyst) -> list[Round]:
    options, spool = analyst.options, analyst.spool
    spool.recover_findings()
    if left := spool.unfinished():
        analyst.say(f"analyst: {left} pictures of an earlier run have no verdict yet: they come first")
        analyst.consume(left, options.batch, Round(left, "overlapped"))
    analyst.say(f"analyst: making {options.images} pictures in {spool.folder / 'images'}")
    pictures = write_images(spool.folder / "images", options.images, options.seed)
    modes = ("serial", "overlapped") if options.mode == "both" else (options.mode,)
    sizes = sorted({1, options.images}) if options.mode == "both" else [options.images]
    rounds = []
    for size in sizes:
        for mode in modes:
            analyst.say(f"analyst: {size} picture{'s' * (size > 1)}, {mode}")
            prefix = f"{time.time_ns():x}-{mode}"  # rounds of all runs sort by their time, and never share a name
            rounds.append(analyst.run(mode, pictures[:size], prefix))
    return rounds


def show(rounds: list[Round], model: str, options: argparse.Namespace, report: Path) -> None:
    right, count = sum(r.right for r in rounds), sum(r.images for r in rounds)
    print(f"\n{table(rounds)}")
    if text := conclusion(rounds):
        print(text)
        print(f"(serial asks once per picture, overlapped about up to {options.batch} at once; --batch 1 shows what overlap alone gives)")
    print(f"verdicts as the pictures were made: {right} of {count}", flush=True)
    figures = {"llm_model": model, "batch": options.batch, "rounds": [r.as_json() for r in rounds], "right": right, "images": count}
    report.write_text(json.dumps(figures, indent=1) + "\n")


def main() -> int:
    options = parse_options()
    caught: list[int] = []

    def stop(number: int, _frame: object) -> None:
        caught.append(number)
        if len(caught) == 1:  # a second one does not disturb the tidying
            raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    spool = None
    try:
        folder = Spool(options.work)
        folder.own("analyst")
        spool = folder  # ours: from here on we put back what we took
        llm = Llm(options.llm)
        analyst = Analyst(spool, llm, options)
        analyst.say(f"analyst: the LLM is {printable(llm.model, 80)} at {llm.url}")
        show(work(analyst), llm.model, options, options.report or spool.folder / "report.json")
        return 0
    except (LlmError, SpoolError, Stalled, OSError) as why:
        print(f"analyst: {why}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        print("analyst: stopped; pictures without a verdict stay in the work folder for the next run", file=sys.stderr, flush=True)
        return 128 + caught[0]
    finally:
        if spool:
            spool.recover_findings()


if __name__ == "__main__":
    sys.exit(main())
