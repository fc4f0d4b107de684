# make demo    install, make the demo bank where there is no data yet, start the pages on PORT (8501)
# make test    install what tests need (Chromium and a Chinese font too), check, run every test
# make quick   the checks, and the tests that need no browser and no processes, for the hand at work
# make check   format, lint, types, import rules
# make test-dates  the tests without a browser on other days: the turn of a year, Spring Festival, a leap day
# make bench   figures of speed            make real FILE=…   import a file into a home of its own
# make screens pictures of the pages       make lock          resolve requirements*.txt again
PORT ?= 8501
# Tests beside each other: one more than there are cores, since some of them wait.
WORKERS ?= $(shell expr $$(nproc 2>/dev/null || echo 2) + 1)
PYTHON ?=
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --no-input --progress-bar off --require-hashes

.PHONY: demo test quick test-dates check bench real screens lock install install-dev system-packages
.DELETE_ON_ERROR:
# Where an image forbids to keep compiled modules, each process that tests start would compile them anew: 2 → 8 s.
unexport PYTHONDONTWRITEBYTECODE

demo: install
	@$(BIN)/python -m seed --if-empty
	@echo "Switchboard: http://localhost:$(PORT)  (stop with Ctrl-C)"
	@exec env KPI_SNAPSHOT_WORKER=$${KPI_SNAPSHOT_WORKER:-inside} $(BIN)/streamlit run app.py --server.port $(PORT) --browser.serverAddress localhost

test: system-packages install-dev check
	$(BIN)/python -m pytest tests --ignore tests/browser -n $(WORKERS) --dist loadfile --no-loadscope-reorder -q
	$(BIN)/python -m pytest tests/browser -n $(WORKERS) --dist worksteal -q

quick: check
	$(BIN)/python -m pytest tests --ignore tests/browser -m "not long" -n $(WORKERS) --dist loadfile -q

test-dates: system-packages install-dev
	@$(BIN)/python -m tests.clock

check: install-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install-dev
	@$(BIN)/python -m bench

real: install
	@test -n "$(FILE)" || { echo "make real FILE=path/to/file [MAPPING=path/to/mapping.toml]"; exit 2; }
	@$(BIN)/python -m kpi.cli.import_and_report $(FILE) $(if $(MAPPING),--mapping $(MAPPING))

screens: system-packages install-dev
	@$(BIN)/python -m tests.browser.screens

lock: install-dev
	$(BIN)/uv pip compile --quiet $(UV_LOCK) $(UPGRADE) requirements.txt -o requirements.lock
	$(BIN)/uv pip compile --quiet $(UV_LOCK) $(UPGRADE) -c requirements.lock requirements-dev.txt -o requirements-dev.lock
UV_LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command "make lock" --no-emit-index-url

# --- installing: a stamp a step, so that a second run does nothing ---

install: .venv/runtime.stamp
install-dev: .venv/dev.stamp
system-packages:
	@.ci/system-packages

.venv/created.stamp:
	@python=$$(PYTHON="$(PYTHON)" .ci/python) && echo "Making .venv with $$python …" && "$$python" -m venv --clear .venv
	@touch $@

.venv/runtime.stamp: requirements.lock .venv/created.stamp
	@echo "Installing the packages of the program (a minute) …"
	@$(PIP) -r requirements.lock
	@touch $@

# The test lock holds the runtime's packages in the same versions. Of it, pip installs uv, and uv the rest in seconds;
# where only pip knows the way to the packages (a mirror), pip takes a minute.
.venv/dev.stamp: requirements-dev.lock requirements.lock .venv/created.stamp
	@echo "Installing the packages of the program and its tests …"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.lock >.venv/uv.lock && $(PIP) -r .venv/uv.lock
	@$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.lock \
		|| $(PIP) -r requirements-dev.lock
	@touch .venv/runtime.stamp $@
