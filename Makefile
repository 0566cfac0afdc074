# Everything a fresh machine needs is made here: Python 3.11 or later and a Rust toolchain are all it must have.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
REPORT := demo-report
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find src -name '*.rs')

.PHONY: demo test lint bench docs notebooks clean

demo: $(VENV)/.built
	$(BIN)/python -m fastigial.demo --out $(REPORT)

test: lint
	cargo test --quiet
	$(BIN)/python -m mypy
	$(BIN)/python -m mypy.stubtest fastigial._core
	OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest
	OPENBLAS_NUM_THREADS=1 $(BIN)/python notebooks/execute.py

lint: $(VENV)/.built
	cargo fmt --check
	cargo clippy --quiet --all-targets -- -D warnings
	cargo clippy --quiet --features python --lib -- -D warnings
	$(BIN)/ruff check
	$(BIN)/ruff format --check

# About 55 minutes on two idle cores; for a look: `python benches/peers/run.py --quick`. Progress goes to standard error.
bench: $(VENV)/.built .venv-peers/.installed
	cargo bench --quiet --bench kernels
	$(BIN)/python benches/hard_cases.py >/dev/null
	$(BIN)/python benches/memory.py >/dev/null
	$(BIN)/python benches/rank_grid.py >/dev/null
	$(BIN)/python benches/beyond_memory.py >/dev/null
	$(BIN)/python benches/peers/run.py --repetitions 3 >/dev/null
	$(BIN)/python benches/networks/run.py --repetitions 3 >/dev/null
	$(BIN)/python benches/cerebellum/run.py --repetitions 3 >/dev/null
	@cat $(addprefix benches/results/,peers.md networks.md cerebellum.md rank_grid.md hard_cases.md memory.md beyond_memory.md)

docs: $(VENV)/.built
	$(BIN)/python -m pip install --quiet --group docs
	$(BIN)/python -m sphinx -W -q docs docs/_build/html

notebooks: $(VENV)/.built
	OPENBLAS_NUM_THREADS=1 $(BIN)/python notebooks/execute.py

# The environment holds what pyproject.toml names; maturin builds the core in release mode and links the package to it.
$(VENV)/.tools: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "fastigial needs Python 3.11 or later")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet 'maturin>=1.9.4,<2' 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --group dev
	touch $@

$(VENV)/.built: $(VENV)/.tools $(SOURCES)
	$(BIN)/maturin develop --release --quiet
	touch $@

.venv-peers/.installed: benches/peers/requirements.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet -r $<
	touch $@

clean:
	rm -rf target $(VENV) .venv-peers $(REPORT) docs/_build
