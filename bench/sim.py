"""What a call into the simulated driver costs, alone and beside 500 other processes: one table. docs/benchmarks/sim.md has the figures.

usage: sim.py BERTH    the berth of the build folder that holds bench/bench-sim and sim/
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    build = Path(sys.argv[1]).resolve().parents[2]
    return subprocess.run([build / "bench" / "bench-sim", build / "sim"], check=False).returncode


sys.exit(main())
