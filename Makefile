# Every target does its own set-up: Python 3.11 or newer and make are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := .tools/bin/uv
READY := $(VENV)/.ready

.PHONY: demo test check evaluate bench lock setup clean

setup: $(READY)

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit("skypact needs Python 3.11 or newer; name one with make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): $(UV) requirements.lock pyproject.toml
	@echo "Setting up $(VENV) from requirements.lock"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $(READY)

lock: $(UV)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --group pyproject.toml:dev --group pyproject.toml:bench --python-version 3.11 pyproject.toml -o requirements.lock
