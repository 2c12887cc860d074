#!/bin/sh
# Lock the dependencies with hashes and without addresses of any index. Needs `uv`.
set -eu
cd "$(dirname "$0")/.."

lock() { # FILE INPUT [OPTION ...]
  file="requirements/$1.txt"
  shift
  uv pip compile -q "$@" --universal --python-version 3.11 --generate-hashes --no-header -o "$file"
}

lock runtime pyproject.toml
lock dev pyproject.toml --group dev
# What pyproject.toml promises at least: its own lower bounds, and with them what the tests need.
lock lowest pyproject.toml --group test --resolution lowest-direct --upgrade # else an earlier pin would stay
lock release --group release --constraint requirements/dev.txt

# What the image is built with, at the versions of the development lock.
echo "hatchling>=1.27" | lock build - --constraint requirements/dev.txt
