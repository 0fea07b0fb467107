# The everyday commands. meson and ninja do the work; this file only remembers how to call them.
#
#   make          build into build/ (installs missing Debian packages first)
#   make demo     the forensics example on simulated GPUs
#   make test     unit tests, floors, fuzz corpora, then the black-box tests
#   make bench    the benchmarks of bench/, one table each
#   make bench-need  the memory ledger against 178 real starts; rows to docs/benchmarks/need.csv
#   make fmt      clang-format on the lines changed since the last commit (tables keep their columns)
#   make lint     warnings of gcc and clang as errors, and the checks of .ci/lint.py
#   make install  PREFIX=/usr/local DESTDIR=
#   make deps     what is missing of the Debian packages, by apt-get; touches no network when nothing is missing
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
MESONFLAGS ?=
PYTESTFLAGS ?=
JOBS ?= $(shell nproc)
export BERTH_BUILD := $(abspath $(BUILD))

.PHONY: all deps demo test bench bench-need fmt lint install clean
all: deps $(BUILD)/build.ninja
	ninja -j $(JOBS) -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix $(PREFIX) $(MESONFLAGS)

deps:
	@.ci/deps

demo: all
	@bash examples/forensics/demo.sh $(BUILD)/src/cmd/berth $(BUILD)/sim/engine/berth-sim-engine

# Both halves always run: a failing unit test does not hide the black-box ones.
test: all
	@rc=0; meson test -C $(BUILD) --no-rebuild --print-errorlogs --num-processes $(JOBS) || rc=1; \
	.ci/pytest tests/it $(PYTESTFLAGS) || rc=1; exit $$rc

bench: all
	@rc=0; for b in bench/*.py; do echo "== $$b"; python3 $$b $(BUILD)/src/cmd/berth || rc=1; done; exit $$rc

bench-need: all
	@python3 bench/need.py $(BUILD)/bench/bench-need

fmt:
	git clang-format --extensions c,h --force || test $$? -eq 1

lint: deps
	python3 .ci/lint.py
	for cc in gcc $$(command -v clang); do b=build-lint-$$(basename $$cc); \
	  test -f $$b/build.ninja || CC=$$cc meson setup $$b --werror || exit 1; ninja -j $(JOBS) -C $$b || exit 1; done

install: all
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR="$(DESTDIR)" meson install -C $(BUILD)

clean:
	rm -rf build build-lint-gcc build-lint-clang
