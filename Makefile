# Packages go to .venv, the state to var/. The only network access is to the package registry.

# The evaluation hour of the example account: 14:00 in New York, 23:30 in Kolkata.
EXAMPLE_HOUR := 2026-03-20T14:00:00-04:00

# The first Python 3.11 to 3.13 on the path; `make PYTHON=/path/to/python run` uses another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)

# The processes that run tests: one more than there are cores, since tests also wait for servers, files and processes.
WORKERS := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)

.PHONY: run lint test test-long test-postgres test-cluster test-adapters test-matrix coverage setup setup-spark setup-adapters lock vendor clean

run: setup  ## run the hourly job on the example account
	.venv/bin/partnerflow load-example
	.venv/bin/partnerflow run --as-of $(EXAMPLE_HOUR)

lint: setup  ## check style, types, import layers and words
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/python tests/support/words.py

test: lint  ## run the checks and all tests except the long ones
	.venv/bin/python -m pytest -n $(WORKERS) --dist loadfile

test-long: setup  ## run the slow tests: kills in every step and while sending, hours of the hourly flow with faults and of a changing account, a new condition on a new state
	PARTNERFLOW_KILLS=10 PARTNERFLOW_WEEK=6 PARTNERFLOW_CHANGING_HOURS=10 .venv/bin/python -m pytest -n $(WORKERS) --dist loadfile -m long

test-postgres: setup  ## run the tests of tests/on_postgres.txt, the slow ones too, on PostgreSQL, in a server that they start and stop
	PARTNERFLOW_TEST_ENGINE=postgres .venv/bin/python -m pytest -n $(WORKERS) --dist loadfile -m "not cluster and not adapters" @tests/on_postgres.txt

test-cluster: setup-spark  ## run the tests on a Spark cluster, which they start and stop: a master, two workers, a catalog
	.venv-spark/bin/python -m pytest tests/cluster -m cluster

test-adapters: setup setup-adapters  ## compile the dbt project with the adapters of five warehouses that cannot run here, and parse the SQL
	PARTNERFLOW_REQUIRE_ADAPTERS=1 .venv/bin/python -m pytest tests/adapters -m adapters

coverage: setup  ## run the tests with coverage of compiler/ and flows/; fail below 90 % (not in CI: it takes two thirds longer)
	.venv/bin/python -m pytest -n auto --dist loadfile --cov=compiler --cov=flows --cov-report=term:skip-covered --cov-fail-under=90

test-matrix: requirements.lock pyproject.toml  ## run the tests on each installed Python from 3.11 to 3.13
	@for v in 3.11 3.12 3.13; do \
		if command -v python$$v >/dev/null; then \
			echo "== Python $$v" && \
			python$$v -m venv --clear .venv-$$v && \
			.venv-$$v/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements.lock && \
			.venv-$$v/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index --editable . && \
			.venv-$$v/bin/python -m pytest -n auto --dist loadfile || exit 1; \
		else echo "== Python $$v is not installed: skipped"; fi; done

setup: .venv/ready

.venv/ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "partnerflow needs Python 3.11, 3.12 or 3.13: install one, or run: make PYTHON=/path/to/python $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements.lock
	.venv/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index --editable .
	.venv/bin/python -m pip check
	@touch .venv/ready

setup-spark: .venv-spark/ready

.venv-spark/ready: requirements-spark.lock pyproject.toml
	$(PYTHON) -m venv --clear .venv-spark
	.venv-spark/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-spark.lock
	.venv-spark/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --no-index --editable .
	.venv-spark/bin/python -m pip check
	@touch .venv-spark/ready

setup-adapters: .venv-adapters/ready

.venv-adapters/ready: requirements-adapters.lock
	$(PYTHON) -m venv --clear .venv-adapters
	.venv-adapters/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --require-hashes -r requirements-adapters.lock
	.venv-adapters/bin/python -m pip check
	@touch .venv-adapters/ready

lock:  ## write the three lock files from pyproject.toml (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra dev \
		--custom-compile-command "make lock" --upgrade --quiet pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --extra cluster \
		--constraint requirements.lock --custom-compile-command "make lock" --upgrade --quiet pyproject.toml \
		-o requirements-spark.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --group adapters \
		--custom-compile-command "make lock" --upgrade --quiet -o requirements-adapters.lock

HTMX := 2.0.11
HTMX_SHA512 := Thx/WtpeOQqSrqBCw/A1cwGJGg4UrVa3+sW0GmrM3p4gJgO89ecH4qtbnyzDDWFvBTqjnIMCgELTNt636dtamA==

vendor:  ## fetch htmx of the studio again from the npm registry, and check its hash (needs npm and openssl)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	npm pack --silent --pack-destination "$$folder" htmx.org@$(HTMX) >/dev/null && \
	test "$$(openssl dgst -sha512 -binary "$$folder/htmx.org-$(HTMX).tgz" | openssl base64 -A)" = "$(HTMX_SHA512)" && \
	tar -xzf "$$folder/htmx.org-$(HTMX).tgz" -C "$$folder" && \
	cp "$$folder/package/dist/htmx.min.js" flows/studio/static/vendor/htmx.min.js && \
	cp "$$folder/package/LICENSE" flows/studio/static/vendor/htmx.LICENSE && \
	echo "htmx $(HTMX)"

clean:  ## remove the environments; the state in var/ stays
	rm -rf .venv .venv-spark .venv-adapters .venv-3.*
