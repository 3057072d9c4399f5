# make run [PHOTO=portrait.jpg]   opens the window       make setup   installs only
# make test [TESTS=tests/core]    runs the tests         make lint    ruff and mypy
# make bench [BENCH=name|all]     times the reference and ours, or runs another benchmark, or each of them
# make PYTHON=/path/to/python3.12 ...   builds .venv with that one
# make pytorch3d SOURCE=folder    builds pytorch3d from its source into .venv: an optional rasterizer

SHELL := /bin/sh
PY := .venv/bin/python
STAMP := .venv/.installed
TESTING := .venv/.installed-for-tests
TOOLS := .venv/build-tools
TESTS ?= tests
export PYTHON PHOTO SOURCE

.PHONY: run setup setup-tests system test lint bench pytorch3d pytorch3d-source notice lock clean

run: setup
	@$(PY) main.py $${PHOTO:+"$$PHOTO"}

setup: system $(STAMP)

# What only tests and checks need is left out of `make run`: they are 300 MB.
setup-tests: setup $(TESTING)

# Looks for shared libraries by name each time: a few milliseconds, and right after a system upgrade too.
system:
	@.ci/system-libraries

# A .venv whose Python is gone (moved, upgraded) is made anew; one that an interrupted install left is finished.
$(STAMP): requirements.txt constraints.txt | system
	@if ! { [ -x $(PY) ] && $(PY) -m pip --version >/dev/null 2>&1; }; then \
		python=$$(.ci/find-python) || exit 1; \
		echo "making .venv with $$python"; \
		"$$python" -m venv --clear .venv || exit 1; \
	fi
	@echo "installing the packages of requirements.txt into .venv"
	@$(PY) -m pip install --quiet --use-pep517 --disable-pip-version-check -c constraints.txt -r requirements.txt
	@touch $@

$(TESTING): requirements-dev.txt $(STAMP)
	@echo "installing the packages of requirements-dev.txt into .venv"
	@$(PY) -m pip install --quiet --use-pep517 --disable-pip-version-check -c constraints.txt -r requirements.txt -r requirements-dev.txt
	@touch $@

test: setup-tests
	@$(PY) -m pytest $(TESTS)

lint: setup-tests
	@$(PY) -m ruff check .
	@$(PY) -m mypy

bench: setup
	@for program in benchmarks/$(or $(BENCH:all=*),reference).py; do \
		case "$$program" in */_*) continue ;; esac; \
		echo "== $$program"; $(PY) "$$program" || exit 1; \
	done

# The source decides by itself between CPU and CUDA: CUDA where torch finds a GPU and there is a CUDA compiler, or with FORCE_CUDA=1.
# Its build tools go beside the packages, not among them; torch and the rest stay at the versions of constraints.txt.
pytorch3d: pytorch3d-source setup
	@echo "building pytorch3d in $$SOURCE: 10 to 25 minutes on two cores (MAX_JOBS=N for more)"
	@$(PY) -m pip install --quiet --disable-pip-version-check --upgrade --target $(TOOLS) 'setuptools>=70.1' wheel ninja
	@PATH="$(abspath $(TOOLS))/bin:$$PATH" PYTHONPATH="$(abspath $(TOOLS))" MAX_JOBS="$${MAX_JOBS:-2}" \
		$(PY) -m pip install --disable-pip-version-check --no-build-isolation -c constraints.txt "$$SOURCE"
	@$(PY) -c "from core.render.rasterize import get_rasterizer as get; print('pytorch3d draws on', get('pytorch3d').device)"

pytorch3d-source:
	@if [ -z "$$SOURCE" ]; then \
		echo "make pytorch3d needs the folder of pytorch3d's source: make pytorch3d SOURCE=folder" >&2; \
		echo "(a checkout or an unpacked release of github.com/facebookresearch/pytorch3d, 0.7.9 or newer)" >&2; exit 2; \
	elif [ ! -f "$$SOURCE/setup.py" ]; then \
		echo "$$SOURCE is not pytorch3d's source: it has no setup.py. Name the folder that a checkout or a release unpacks to." >&2; exit 2; \
	elif [ ! -f "$$SOURCE/pytorch3d/csrc/rasterize_meshes/rasterize_meshes.h" ]; then \
		echo "$$SOURCE has no C++ headers (pytorch3d/csrc/rasterize_meshes/rasterize_meshes.h), as in some repackagings." >&2; \
		echo "Use a checkout or a release of github.com/facebookresearch/pytorch3d." >&2; exit 2; \
	fi

# Writes the sha256 and size of every data file under resources/ into NOTICE anew.
notice: setup-tests
	@$(PY) -m tests.notice --write

# Takes what .venv holds now as the tested set of versions.
lock: $(TESTING)
	@{ head -n 1 constraints.txt; $(PY) -m pip freeze | sed 's/+cpu$$//'; } > .venv/constraints.new
	@mv .venv/constraints.new constraints.txt

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache
