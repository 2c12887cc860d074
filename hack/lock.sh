#!/bin/sh
# Lock the dependencies with hashes and without addresses of any index. Needs `uv`.
set -eu
cd "$(dirname "$0")/.."
for group in runtime dev; do
  flags=""
  [ "$group" = dev ] && flags="--group dev"
  # shellcheck disable=SC2086 # the flags are meant to be split
  uv pip compile -q pyproject.toml $flags --universal --python-version 3.11 --generate-hashes --no-header \
    -o "requirements/$group.txt"
done

# What the image is built with, at the versions of the development lock.
echo hatchling | uv pip compile -q - --constraint requirements/dev.txt --universal --python-version 3.11 \
  --generate-hashes --no-header -o requirements/build.txt
