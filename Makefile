.PHONY: check test format ci

check:
	ruff check .
	ruff format --check .
	mypy

test:
	pytest

format:
	ruff check --fix .
	ruff format .

ci:
	bash .ci/run
