# Every target works on a fresh machine that has python3 (3.11 or newer), pip, make and git.
#
#   make test        the whole suite on httpx, offline; then what may differ on httpx2
#   make demo        the examples against the local emulator, no key needed
#   make check       format, lint, types, import contract
#   make coverage    the suite measured: every branch of the core, 95 % of everything
#   make test-long   the tests marked `long`, 2,000 examples of each property of the core (with
#                    EXAMPLES=most 200,000), and the fault matrix on every HTTP transport
#   make record      record the cassettes again (live with CEREBRAS_API_KEY, else from the emulator)
#   make bench       the benchmarks
#   make dist        wheel, source archive, and a bill of what they install (CycloneDX)
#   make requirements  resolve requirements/*.in again (needs uv)
#
# ARGS goes to pytest:                    make test ARGS="-k stream -x"
# Tests at a time, one a core by default: make test WORKERS=0
# With the oldest releases we support:    make test PINS=lowest VENV=.venv-lowest

PYTHON   ?= python3
VENV     ?= .venv
PINS     ?= test
ARGS     ?=
WORKERS  ?= auto
EXAMPLES ?= many
BIN      := $(VENV)/bin
READY    := $(VENV)/.ready
PYTEST   := $(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal

.PHONY: test demo check coverage test-long record bench dist requirements clean

test: $(READY)
	CEREBRAS_EXT_HTTP=httpx $(PYTEST) $(ARGS)
	CEREBRAS_EXT_HTTP=httpx2 $(PYTEST) -m "not long and not once" tests/client tests/langchain tests/llama_index $(ARGS)

demo: $(READY)
	$(BIN)/python -m examples

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

coverage: $(READY)
	$(PYTEST) --cov --cov-report= $(ARGS)
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 \
		--include='cerebras_ext/*.py,cerebras_ext/catalog/*,cerebras_ext/schema/*' \
		--omit='cerebras_ext/_http.py,cerebras_ext/aclient.py,cerebras_ext/client.py'

test-long: $(READY)
	$(BIN)/python -m pytest -m long --timeout 900 $(ARGS)
	$(PYTEST) -m "hypothesis and not long" -k "not schema" tests/core \
		--hypothesis-profile=$(EXAMPLES) --timeout 0 $(ARGS)
	CEREBRAS_EXT_HTTP=httpx2 $(PYTEST) tests/faults $(ARGS)
	CEREBRAS_EXT_HTTP=httpx2 CEREBRAS_EXT_TRANSPORT=stock $(PYTEST) tests/faults $(ARGS)
	CEREBRAS_EXT_HTTP=httpx CEREBRAS_EXT_TRANSPORT=stock $(PYTEST) tests/faults $(ARGS)

record: $(READY)
	$(BIN)/python -m pytest --record-mode=rewrite --force-enable-socket -m vcr $(ARGS)

bench: $(READY)
	$(BIN)/python -m benchmarks $(ARGS)

dist: $(READY)
	mkdir -p build
	$(BIN)/python -m hatchling build
	$(BIN)/python .ci/sbom.py > build/sbom.cdx.json

# Old pips cannot resolve or even read some of the pinned wheels, so pip itself comes first.
$(READY): requirements/$(PINS).txt pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/$(PINS).txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

COMPILE = uv pip compile --quiet pyproject.toml --all-extras --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make requirements"

requirements:
	$(COMPILE) requirements/test.in --output-file requirements/test.txt
	$(COMPILE) --resolution lowest-direct requirements/lowest.in --output-file requirements/lowest.txt
	for peer in benchmarks/requirements/*.in; do \
		uv pip compile --quiet $$peer --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --custom-compile-command "make requirements" \
			--output-file $${peer%.in}.txt; done

clean:
	rm -rf .venv .venv-* build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
