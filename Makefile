# demo and test each work alone on a machine that has only Python 3.11 and make.

PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv

R_PACKAGES := r-cran-metafor r-cran-metadat r-cran-clubsandwich r-cran-lme4 r-cran-survival

.PHONY: demo test check docs validate bench lock clean

demo: .venv/.run ## the bundled review, to its report in out/
	@$(BIN)/secondlook demo --out out

test: .venv/.develop ## every test and every example in the documentation
	@$(BIN)/coverage run -m pytest
	@$(BIN)/coverage report --fail-under=90

check: .venv/.develop ## style, types, architecture
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

docs: .venv/.develop ## the reference pages and the figure of the README
	@$(BIN)/python docs/build.py

validate: .venv/.develop ## reference values anew from R (needs $(R_PACKAGES)), and how far we are from them
	@command -v Rscript >/dev/null || { echo "make validate needs R: apt install $(R_PACKAGES)"; exit 1; }
	@for script in validation/metafor/*.R validation/curve_synthesis/*.R; do echo "$$script"; Rscript "$$script" || exit 1; done
	@$(BIN)/python validation/metafor/summary.py --write
	@$(BIN)/pytest -q tests/synthesis
	@$(BIN)/python -m validation.audit.run

bench: .venv/.bench ## speed against other programs, in one run, as ratios
	@$(BIN)/python -m benchmarks

lock: $(UV) ## requirements/*.txt from pyproject.toml
	@$(UV) pip compile -q -U --universal --generate-hashes --python-version 3.11 --no-annotate pyproject.toml --group build -o requirements/run.txt
	@$(UV) pip compile -q -U --universal --generate-hashes --python-version 3.11 --no-annotate pyproject.toml --group build --group check --group test -c requirements/run.txt -o requirements/develop.txt
	@$(UV) pip compile -q -U --universal --generate-hashes --python-version 3.11 --no-annotate pyproject.toml --group build --group bench -c requirements/run.txt -o requirements/bench.txt

clean: ## everything that was made, the environment included
	@rm -rf .venv out .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "secondlook needs Python 3.11 or newer; this is $$($(PYTHON) --version). Try: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python cannot make environments here; on Debian: apt install python3-venv"; exit 1; }
	@echo "Installing what is needed into .venv (once; about a minute)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $(UV)

.venv/.run: requirements/run.txt pyproject.toml $(UV)
	@$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.txt
	@$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q src
	@touch $@

.venv/.develop: requirements/develop.txt .venv/.run
	@$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/develop.txt
	@touch $@

.venv/.bench: requirements/bench.txt .venv/.run
	@$(UV) pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@
