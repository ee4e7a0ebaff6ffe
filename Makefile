# Everything lives in .venv (packages) and var/ (state). No step asks for a network but the package registry.

# The hour at which the example account is run: 14:00 in New York, 23:30 in Kolkata.
EXAMPLE_HOUR := 2026-03-20T14:00:00-04:00

# The first Python 3.11 to 3.13 found; `make PYTHON=/path/to/python run` chooses another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)

.PHONY: run test setup lint lock clean

run: setup  ## the main job on the example account, at its own hour
	.venv/bin/partnerflow load-example
	.venv/bin/partnerflow run --as-of $(EXAMPLE_HOUR)

test: setup  ## style and all tests
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/python -m pytest -n auto --dist loadfile

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "partnerflow needs Python 3.11, 3.12 or 3.13: install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements.lock
	.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index --editable .
	.venv/bin/python -m pip check
	@touch .venv/ready

lock:  ## resolve the ranges of pyproject.toml anew (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev \
		--custom-compile-command "make lock" --upgrade --quiet pyproject.toml -o requirements.lock

clean:  ## forget the environment; the state in var/ stays
	rm -rf .venv
