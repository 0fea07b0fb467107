#!/usr/bin/env bash
# demo.sh - the forensics example from plan to freed memory, on four simulated A100-40GB: what `make demo` runs.
# Works in a temporary folder and leaves nothing behind, also when stopped half way with Ctrl-C.
#   demo.sh BERTH ENGINE      paths of the two programs (default: the build tree above this folder)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
berth=$(realpath "${1:-$root/build/src/cmd/berth}")
engine=$(realpath "${2:-$root/build/sim/engine/berth-sim-engine}")
fleet=4xA100-SXM4-40GB
model=Qwen/Qwen2.5-32B-Instruct

if [ "${BERTH_DEMO_INSIDE:-}" != 1 ]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/berth-demo.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap : INT TERM                  # the children get it too and end; then we clean up
    cp "$here"/*.py "$here"/berth.yaml "$work"
    mkdir "$work/bin"
    ln -s "$berth" "$work/bin/berth"
    ln -s "$engine" "$work/bin/vllm" # the simulated engine answers to vLLM's name, with a version beside it
    echo 0.32.0 >"$work/bin/vllm.version"
    cd "$work"
    rc=0
    BERTH_DEMO_INSIDE=1 BERTH_SIM_SPEED=${BERTH_SIM_SPEED:-2} PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH="$work/bin:$PATH" \
        "$berth" sim "$fleet" -- bash "$here/demo.sh" "$berth" "$engine" || rc=$?
    exit "$rc"
fi

# ---- from here on inside the simulated machine ----
bold=; plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m'; plain=$'\e[0m'; fi
step() { printf '\n%s== %s%s\n' "$bold" "$1" "$plain"; }
run() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; "$@"; }
interrupted() { printf '\ninterrupted: taking the set down\n'; berth down >/dev/null 2>&1 || true; exit 130; }
trap interrupted INT TERM

step "1. The fleet (simulated: every byte is counted, no kernel runs)"
run berth gpus

step "2. Will $model fit on two of these cards? Not with vLLM's own defaults: the ledger says why, and what would"
run berth estimate "$model" --gpu A100-SXM4-40GB --tensor-parallel-size 2 || [ $? = 3 ]

step "3. The plan in bytes instead of fractions: the whole context, and LLM and vision tools never on the same card"
run berth plan

step "4. The same with TP=3 pinned: refused before anything starts"
sed 's/gpus: {min: 2, max: 3}/tp: 3/' berth.yaml >tp3.yaml
run berth plan -f tp3.yaml && { echo "demo: TP=3 was not refused" >&2; exit 1; } || [ $? = 3 ]
rm tp3.yaml

step "5. Up: start, watch, ready"
run berth up -d

step "6. Who runs where, with which bytes"
run berth ps
run berth verify

step "7. Images through four vision tools into a queue; the LLM takes batches from it while vision goes on"
run berth logs -f analyst

step "8. Down, and the memory is really free"
run berth down
run berth gpus
