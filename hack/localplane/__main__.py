"""The command line of the local plane: `python -m localplane up` and `python -m localplane build`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from localplane import binaries
from localplane.errors import PlaneError
from localplane.plane import LocalPlane


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "build":
            _build(options.names)
        else:
            _up(options)
    except PlaneError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localplane", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run a control plane until it is interrupted")
    up.add_argument("--nodes", type=int, default=0, metavar="N", help="add N fake GPU nodes (default: none)")
    up.add_argument("--gpus", type=int, default=8, help="GPUs of each node (default: %(default)s)")
    up.add_argument("--product", default="H100", help="GPU product label (default: %(default)s)")
    up.add_argument("--blocks", type=int, default=1, help="cut the nodes into so many blocks (default: %(default)s)")
    up.add_argument("--racks", type=int, default=1, help="cut each block into so many racks (default: %(default)s)")
    up.add_argument(
        "--directory",
        type=Path,
        help="keep logs, data and keys here (default: a temporary directory, removed at the end)",
    )
    build = commands.add_parser("build", help="build binaries that are nowhere yet, and print where they are")
    build.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        default=list(binaries.PLANE),
        help=f"of {', '.join(sorted(binaries.OWNERS))} (default: those of the plane)",
    )
    return parser


def _build(names: Sequence[str]) -> None:
    for path in binaries.ensure_all(names).values():
        print(path)


def _up(options: argparse.Namespace) -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with LocalPlane(options.directory) as plane:
        if options.nodes:
            plane.add_gpu_nodes(
                options.nodes, options.gpus, options.product, blocks=options.blocks, racks=options.racks
            )
        print(f"# {plane.server} runs until this command is interrupted; logs are in {plane.directory}")
        print(f"export KUBECONFIG={plane.kubeconfig}")
        print(f"export PATH={binaries.ensure('kubectl').parent}:$PATH", flush=True)
        ended.wait()


if __name__ == "__main__":
    sys.exit(main())
