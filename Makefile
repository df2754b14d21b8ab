# make run    everything a new machine needs, then the app on the sample reports
# make test   everything the tests need, then checks and tests
SHELL := /bin/bash
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
ifdef CUDA
export CMAKE_ARGS := $(CMAKE_ARGS) -DGGML_CUDA=on
endif
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc)
MODEL_OPTIONS := $(if $(BASE),--base $(BASE)) $(if $(ADAPTER),--adapter $(ADAPTER))

.PHONY: run model test check unit soak format train lock screenshots bundle clean

run: model
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
		$(BIN)/chexdesk gui resources/samples; \
	else \
		$(BIN)/chexdesk label resources/samples --output samples-labelled.csv && \
		echo "No display here: the sample reports were labelled to samples-labelled.csv instead."; \
	fi

model: $(STAMPS)/app
	@$(BIN)/python -m export.default_pack $(MODEL_OPTIONS)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

# The lock holds what the app was tested with; pyproject.toml says what it needs.
$(STAMPS)/app: requirements.lock pyproject.toml | $(BIN)/python
	@echo "Installing the app (llama.cpp is compiled once: some minutes) …"
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/dev: $(STAMPS)/app pyproject.toml
	$(BIN)/pip install --quiet --editable '.[dev]'
	@touch $@

$(STAMPS)/training: $(STAMPS)/app pyproject.toml
	@echo "Installing the training extra (torch) …"
	$(BIN)/pip install --quiet --editable '.[training]'
	@touch $@

test: check unit

check: $(STAMPS)/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

unit: $(STAMPS)/dev $(STAMPS)/training model
	QT_QPA_PLATFORM=offscreen $(BIN)/pytest

# Damaged files for every reader, MINUTES of them (10 if not given).
soak: $(STAMPS)/dev model
	nice $(BIN)/python benchmarks/fuzz_readers.py --minutes $(or $(MINUTES),10)
	nice $(BIN)/python -m benchmarks.kills --kills 200
	nice $(BIN)/python -m benchmarks.hostile_models --mutations 500
	nice $(BIN)/python -m benchmarks.injections --strict
	nice $(BIN)/python -m benchmarks.upkeep

format: $(STAMPS)/dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

train: $(STAMPS)/training
	$(BIN)/python -m training all

# The lock again, from what is installed now: after a change of pyproject.toml.
lock: $(STAMPS)/dev
	$(BIN)/python .ci/lock.py > requirements.lock

screenshots: $(STAMPS)/dev model
	QT_QPA_PLATFORM=offscreen $(BIN)/python benchmarks/screenshot.py --out docs/screenshots

bundle: $(STAMPS)/dev model
	$(BIN)/pip install --quiet pyinstaller
	$(BIN)/pyinstaller --noconfirm build.spec

clean:
	rm -rf build dist resources/model samples-labelled.csv
