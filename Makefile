# `make help` lists the targets. Set-up is done once for each requirements.lock.
PYTHON ?= python3
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup repro ui test test-slow lint format lock plots-page

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: ## make .venv from requirements.lock (skipped when neither it nor the folder has changed)
	@{ cmp -s requirements.lock .venv/requirements.lock && pwd -P | cmp -s - .venv/folder; } || \
		./.ci/setup "$(PYTHON)"

repro: setup ## run the whole pipeline: fetch, inspect, split, pack, train, evaluate
	@python -m spoonful.dvc_rwlock
	@dvc repro
	@spoonful summary

ui: setup ## open the MLflow UI
	@spoonful ui

test: setup ## run the fast tests (under 4 minutes on 2 cores)
	@pytest -n 2 --dist worksteal -m "not slow"

test-slow: setup ## run the slow tests: real pipelines, servers and killed processes
	@pytest -n 3 --dist loadfile --no-loadscope-reorder -m slow

lint: setup ## check style and types
	@ruff check .
	@ruff format --check .
	@mypy

format: setup ## put the code into the project's format
	@ruff check --fix .
	@ruff format .

lock: ## renew requirements.lock from pyproject.toml (needs uv)
	@uv pip compile pyproject.toml --extra cloud --extra dev --extra optuna --extra pipeline --universal --generate-hashes \
		--custom-compile-command "make lock" --python-version 3.11 \
		--quiet --output-file requirements.lock

plots-page: ## renew .dvc/plots.html, the page of dvc plots with Vega in it (needs uv)
	@uv run --no-project --with vl-convert-python==1.9.0.post1 python .ci/plots_page.py
