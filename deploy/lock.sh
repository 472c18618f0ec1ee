#!/bin/bash
# Pins every Python package by version and hash. No address of a registry gets into the locks.
set -euo pipefail
cd "$(dirname "$0")/.."
pin() { .venv/bin/uv pip compile -q --upgrade --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 "$@"; }

pin pyproject.toml -o requirements.lock
pin pyproject.toml --extra test -c requirements.lock -o requirements-test.lock
echo uv | pin - -o deploy/installer.lock
! grep -nE '://' requirements.lock requirements-test.lock deploy/installer.lock
