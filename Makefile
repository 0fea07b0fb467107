# The everyday commands. meson and ninja do the work; this file only remembers how to call them.
#
#   make          build into build/ (installs missing Debian packages first)
#   make demo     the forensics example on simulated GPUs
#   make test     unit tests, floors, fuzz corpora, then the black-box tests
#   make test-faults   every fault at every state of an instance: 23 rows of a table, half a minute each (make test takes seven of them)
#   make test-real   real engines on the CPU under berth (vLLM, llama-server): installs about 6 GB into ~/.cache/berth/real; QUICK=1: a few minutes
#   make test-gpu  berth on a real NVIDIA card: a few GiB of one that has them free; skips without a driver
#   make bench    the benchmarks of bench/, one table each
#   make bench-need  the memory ledger against 178 real starts; rows to docs/benchmarks/need.csv
#   make bench-rules  the rules other programs place by, against berth, on 200 instances
#   make bench-pace  the model of speed against 396 measured rows and 2333 gathered later: error by class, worst rows
#   make bench-run  the supervisor: restart, 200 instances, adoption, a flood of log; beside supervisord and runit where they are on PATH
#   make bench-solvers  the search beside CBC, HiGHS and CP-SAT on the same formulation (fetches highspy and ortools into a venv outside the tree)
#   make bench-plan  the search against enumeration on thousands of drawn problems; how soon and how well larger ones are planned
#   make fmt      clang-format on the lines changed since the last commit (tables keep their columns)
#   make lint     warnings of gcc and clang as errors, and the checks of .ci/lint.py
#   make install  PREFIX=/usr/local DESTDIR=
#   make deps     what is missing of the Debian packages, by apt-get; touches no network when nothing is missing
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
MESONFLAGS ?=
NINJAFLAGS ?=
PYTESTFLAGS ?=
JOBS ?= $(shell nproc)
PYTEST_JOBS ?= $(shell expr 2 '*' $(JOBS))
export BERTH_BUILD := $(abspath $(BUILD))

.PHONY: all deps demo test test-gpu bench bench-need bench-pace bench-plan bench-rules bench-run bench-solvers fmt lint install clean test-faults test-real
all: deps $(BUILD)/build.ninja
	ninja $(NINJAFLAGS) -j $(JOBS) -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix $(PREFIX) $(MESONFLAGS)

deps:
	@.ci/deps

demo: all
	@bash examples/forensics/demo.sh $(BUILD)/src/cmd/berth $(BUILD)/sim/engine/berth-sim-engine

# Both halves always run: a failing unit test does not hide the black-box ones.
test: all
	@rc=0; meson test -C $(BUILD) --no-rebuild --print-errorlogs --num-processes $(JOBS) --timeout-multiplier 4 || rc=1; \
	PYTEST_JOBS=$(PYTEST_JOBS) .ci/pytest tests/it $(PYTESTFLAGS); it=$$?; test -z "$(PYTEST_STATUS)" || echo $$it >"$(PYTEST_STATUS)"; \
	test $$it -eq 0 || rc=1; exit $$rc

test-gpu: all
	@.ci/pytest tests/gpu $(PYTESTFLAGS)

test-faults: all
	@BERTH_FAULTS=all .ci/pytest tests/it/test_faults.py $(PYTESTFLAGS)

test-real: all
	@tests/real/run $(PYTESTFLAGS)

bench: all
	@ninja $(NINJAFLAGS) -j $(JOBS) -C $(BUILD) benchmarks
	@rc=0; for b in bench/*.py; do echo "== $$b"; python3 $$b $(BUILD)/src/cmd/berth || rc=1; done; exit $$rc

bench-need: all
	@ninja $(NINJAFLAGS) -j $(JOBS) -C $(BUILD) benchmarks
	@python3 bench/need.py $(BUILD)/bench/bench-need

bench-rules: all
	@python3 bench/rules.py $(BUILD)/src/cmd/berth

bench-run: all
	@python3 bench/run.py $(BUILD)/src/cmd/berth

bench-pace: all
	@ninja $(NINJAFLAGS) -j $(JOBS) -C $(BUILD) benchmarks
	@python3 bench/pace.py $(BUILD)/bench/bench-pace

# git-clang-format exits 1 when it changed something; git itself exits 1 when there is no such command.
bench-plan: all
	@ninja $(NINJAFLAGS) -j $(JOBS) -C $(BUILD) benchmarks
	@python3 bench/plan.py $(BUILD)/bench/bench-plan

SOLVERS_VENV ?= $(HOME)/.cache/berth/solvers
bench-solvers: all
	@ninja $(NINJAFLAGS) -j $(JOBS) -C $(BUILD) benchmarks
	@test -x $(SOLVERS_VENV)/bin/python || python3 -m venv $(SOLVERS_VENV) || exit 1; \
	$(SOLVERS_VENV)/bin/pip install -q highspy ortools || echo "bench-solvers: highspy and ortools could not be installed: what is there is run" >&2; \
	$(SOLVERS_VENV)/bin/python bench/solvers.py $(BUILD)/bench/bench-solvers $(SOLVERSFLAGS)

fmt:
	@command -v git-clang-format >/dev/null || { echo "make fmt: no git-clang-format here: apt-get install clang-format" >&2; exit 1; }
	git clang-format --extensions c,h --force || test $$? -eq 1

# Every check runs, so that one look shows all there is to mend.
lint: deps
	@rc=0; python3 .ci/lint.py || rc=1; \
	for cc in gcc clang; do b=build-lint-$$cc; \
	  command -v $$cc >/dev/null || { echo "make lint: no $$cc here, its warnings are not checked: apt-get install $$cc"; continue; }; \
	  test -f $$b/build.ninja || CC=$$cc meson setup $$b --werror || exit 1; \
	  ninja $(NINJAFLAGS) -j $(JOBS) -C $$b || rc=1; done; exit $$rc

install: all
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD)

clean:
	rm -rf build build-lint-gcc build-lint-clang
