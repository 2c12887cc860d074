"""Where the replayed traces are, and where each comes from."""

from dataclasses import dataclass
from pathlib import Path


class MissingTraceError(Exception):
    """A trace's file is not in the folder: says what it is and where it comes from."""


@dataclass(frozen=True, slots=True)
class Source:
    """A public trace in the columns that `entente simulate` reads."""

    file: str
    origin: str
    licence: str
    verb: str
    """Of `entente trace`: what converts it."""

    def find(self, folder: Path) -> Path:
        """Its file in a folder. Raises MissingTraceError."""
        path = folder / self.file
        if not path.is_file():
            message = (
                f"{path}: missing. It is made from {self.origin} ({self.licence}) by `entente trace {self.verb}`, as"
                " docs/explanation/results.md shows. Say where it is by `make replay TRACES=<folder>`,"
                " or leave out what needs it: ONLY=..."
            )
            raise MissingTraceError(message)
        return path


PHILLY = Source(
    "philly-2017.csv.gz",
    "Microsoft's Philly cluster, github.com/msr-fiddle/philly-traces at 29a1b87; Jeon et al., USENIX ATC 2019",
    "CC BY 4.0",
    "from-philly",
)
ITP = Source(
    "itp-2021.csv.gz",
    "the ten clusters of Microsoft's ITP, github.com/microsoft/elasticflow-traces at 277ed24; Gu et al., ASPLOS 2023",
    "MIT",
    "from-itp",
)
OPENB = Source(
    "alibaba-openb-2023.csv.gz",
    "Alibaba's cluster-trace-gpu-v2023, github.com/hkust-adsl/kubernetes-scheduler-simulator at 8f3d641;"
    " Weng et al., USENIX ATC 2023",
    "Apache-2.0",
    "from-openb",
)
