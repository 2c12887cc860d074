"""An estate to try things on: control plane, hosts and operator, without tenants and jobs, until it is interrupted."""

import argparse
import sys
import time
from pathlib import Path

from demo import ground
from demo.cluster import ApiError, Cluster
from demo.operator_process import OperatorProcess
from demo.setup import install_resources
from localplane import PlaneError, interruption

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Command line; runs until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m demo.standing", description=__doc__)
    parser.add_argument("directory", type=Path, help="where kubeconfig, logs and data go")
    directory: Path = parser.parse_args().directory.absolute()
    interruption.listen()
    try:
        _run(directory)
    except KeyboardInterrupt:
        print("everything is stopped")
        return INTERRUPTED
    except (ApiError, PlaneError, TimeoutError) as error:
        print(f"the estate cannot be kept: {error}", file=sys.stderr)
    return FAILED


def _run(directory: Path) -> None:
    print("starting a control plane on loopback ...")
    with ground.local(directory) as place:
        install_resources(Cluster(place.kubeconfig))
        with OperatorProcess(place.kubeconfig, place.directory) as operator:
            print(f"{place.hosts} hosts with {place.gpus} GPUs and the operator are there, until Ctrl-C. Elsewhere:")
            print(f"  {place.export}", flush=True)
            while True:
                operator.keep()
                time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
