"""The command line of the local plane: `python -m localplane up` and `python -m localplane build`."""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from localplane import binaries, interruption
from localplane.errors import PlaneError
from localplane.plane import LocalPlane
from localplane.progress import JsonTeller


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    interruption.listen(with_parent=options.command == "build" and options.json)
    try:
        if options.command == "build":
            _build(options.names, json=options.json)
        else:
            _up(options)
    except KeyboardInterrupt:
        print("everything is stopped", file=sys.stderr)
        return interruption.INTERRUPTED
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
    build.add_argument("--json", action="store_true", help="tell progress as JSON, one object a line of standard error")
    return parser


def _build(names: Sequence[str], *, json: bool) -> None:
    for path in binaries.ensure_all(names, JsonTeller(sys.stderr) if json else None).values():
        print(path)


def exports(kubeconfig: Path, kubectl: Path) -> tuple[str, str]:
    """The lines by which another terminal finds the cluster, and `entente` and kubectl."""
    folders = (Path(sys.executable).parent, kubectl.parent)
    return f"export KUBECONFIG={kubeconfig}", f"export PATH={':'.join(map(str, folders))}:$PATH"


def _up(options: argparse.Namespace) -> None:
    with LocalPlane(options.directory) as plane:
        if options.nodes:
            plane.add_gpu_nodes(
                options.nodes, options.gpus, options.product, blocks=options.blocks, racks=options.racks
            )
        print(f"# {plane.server} runs until this command is interrupted; logs are in {plane.directory}")
        print("\n".join(exports(plane.kubeconfig, plane.layout.binaries["kubectl"])), flush=True)
        with contextlib.suppress(KeyboardInterrupt):  # that is how it is meant to end
            threading.Event().wait()


if __name__ == "__main__":
    sys.exit(main())
