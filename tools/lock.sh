#!/bin/sh
# Renew requirements/*.txt from pyproject.toml. Needs uv on the path; the files hold hashes and no addresses.
set -eu
cd "$(dirname "$0")/.."
common="--universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header -q"
uv pip compile $common pyproject.toml --group build -o requirements/run.txt
uv pip compile $common pyproject.toml --extra pytest --extra speed --group build --group dev -c requirements/run.txt -o requirements/dev.txt
