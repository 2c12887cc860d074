"""Cuts the demo's slice out of a normalised trace: consecutive lines, unchanged.

python -m demo.slice_trace itp-2021.csv.gz --first 3470 --count 300 --out slice.csv`.
"""

import argparse
import gzip
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path


def cut(source: Path, first: int, count: int) -> str:
    """The header and `count` consecutive lines of a gzip CSV file, from job `first` on (counted from 0).

    Raises:
        ValueError: the trace has fewer jobs.
    """
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        header = next(file)
        lines = list(itertools.islice(file, first, first + count))
    if len(lines) < count:
        msg = f"{source}: jobs {first} to {first + count - 1} asked for, it ends at {first + len(lines) - 1}"
        raise ValueError(msg)
    return header + "".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    """Command line: write the slice and print its SHA-256."""
    parser = argparse.ArgumentParser(description="Cut consecutive jobs out of a trace.")
    parser.add_argument("source", type=Path, help="gzip CSV file, sorted by submit_s")
    parser.add_argument("--first", type=int, required=True, help="number of the first job, from 0")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    text = cut(options.source, options.first, options.count).encode()
    options.out.write_bytes(text)
    print(f"{hashlib.sha256(text).hexdigest()}  {options.out}")


if __name__ == "__main__":
    main()
