# make run [PHOTO=portrait.jpg]   opens the window       make setup   installs only
# make test [TESTS=tests/core]    runs the tests         make lint    ruff and mypy
# make bench [BENCH=name]         runs the benchmarks    make PYTHON=/path/to/python3.12 ...   builds .venv with that one

SHELL := /bin/sh
PY := .venv/bin/python
STAMP := .venv/.installed
TESTS ?= tests
export PYTHON PHOTO

.PHONY: run setup system test lint bench notice lock clean

run: setup
	@$(PY) main.py $${PHOTO:+"$$PHOTO"}

setup: system $(STAMP)

# Looks for shared libraries by name each time: a few milliseconds, and right after a system upgrade too.
system:
	@.ci/system-libraries

# A .venv whose Python is gone (moved, upgraded) is made anew; one that an interrupted install left is finished.
$(STAMP): requirements.txt requirements-dev.txt constraints.txt | system
	@if ! { [ -x $(PY) ] && $(PY) -m pip --version >/dev/null 2>&1; }; then \
		python=$$(.ci/find-python) || exit 1; \
		echo "making .venv with $$python"; \
		"$$python" -m venv --clear .venv || exit 1; \
	fi
	@echo "installing the packages of requirements.txt and requirements-dev.txt into .venv"
	@$(PY) -m pip install --quiet --use-pep517 --disable-pip-version-check -c constraints.txt -r requirements.txt -r requirements-dev.txt
	@touch $@

test: setup
	@$(PY) -m pytest $(TESTS)

lint: setup
	@$(PY) -m ruff check .
	@$(PY) -m mypy

bench: setup
	@for program in benchmarks/$(or $(BENCH),*).py; do \
		case "$$program" in */_*) continue ;; esac; \
		echo "== $$program"; $(PY) "$$program" || exit 1; \
	done

# Writes the sha256 and size of every data file under resources/ into NOTICE anew.
notice: setup
	@$(PY) -m tests.notice --write

# Takes what .venv holds now as the tested set of versions.
lock: $(STAMP)
	@{ head -n 1 constraints.txt; $(PY) -m pip freeze | sed 's/+cpu$$//'; } > .venv/constraints.new
	@mv .venv/constraints.new constraints.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
