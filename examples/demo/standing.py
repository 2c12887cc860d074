"""An estate to try things on: control plane, hosts and operator, without tenants and jobs, until it is interrupted."""

import argparse
import contextlib
import sys
import time
from pathlib import Path

from demo import ground, people
from demo.cluster import ApiError, Cluster
from demo.operator_process import OperatorProcess
from demo.setup import install_resources
from localplane import PlaneError, interruption

FAILED = 1


def main() -> int:
    """Command line; runs until Ctrl-C, which is how it is meant to end."""
    parser = argparse.ArgumentParser(prog="python -m demo.standing", description=__doc__)
    parser.add_argument("directory", type=Path, help="where kubeconfigs, logs and data go")
    directory: Path = parser.parse_args().directory.absolute()
    interruption.listen()
    try:
        _run(directory)
    except KeyboardInterrupt:
        print("interrupted: everything is stopped")
        return interruption.INTERRUPTED
    except (ApiError, PlaneError, TimeoutError) as error:
        print(f"the estate cannot be kept: {error}", file=sys.stderr)
        return FAILED
    print("everything is stopped")
    return 0


def _run(directory: Path) -> None:
    print("starting a control plane on loopback ...", flush=True)
    with ground.local(directory) as place:
        install_resources(Cluster(place.kubeconfig))
        if place.plane is None:
            message = "there is no control plane of this machine"
            raise PlaneError(message)
        files = people.invite(place.plane, people.researchers(), directory)
        with OperatorProcess(place.kubeconfig, place.directory) as operator:
            print(f"{place.hosts} hosts with {place.gpus} GPUs and the operator are there, until Ctrl-C.")
            print(f"In another terminal, as the admin:\n  {place.export}")
            print("As a researcher of a tenant of examples/:")
            for file in files:
                print(f"  {place.export_for(file)}")
            sys.stdout.flush()
            with contextlib.suppress(KeyboardInterrupt):
                while True:
                    operator.keep()
                    time.sleep(1)


if __name__ == "__main__":
    sys.exit(main())
