"""A real Prometheus that scrapes one target on this machine."""

import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

READY_S = 60.0
SCRAPE_INTERVAL_S = 1


@dataclass(frozen=True)
class Prometheus:
    address: str

    def query(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """The value of each series of an instant query now, by the series' labels."""
        url = f"http://{self.address}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(url, timeout=10) as answer:  # a server on this machine
            result = json.load(answer)["data"]["result"]
        return {frozenset(series["metric"].items()): float(series["value"][1]) for series in result}

    def query_until(self, expression: str, *, deadline_s: float = 60.0) -> dict[frozenset[tuple[str, str]], float]:
        """The first answer that has a series in it.

        Raises:
            TimeoutError: there was none in time.
        """
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            if found := self.query(expression):
                return found
            time.sleep(0.2)
        msg = f"no series for {expression} within {deadline_s} s"
        raise TimeoutError(msg)


@contextmanager
def prometheus(binary: Path, folder: Path, *, port: int, target: str) -> Iterator[Prometheus]:
    """Scrapes `target` (host:port) each second, until the end of the block."""
    config = {
        "global": {"scrape_interval": f"{SCRAPE_INTERVAL_S}s", "scrape_timeout": f"{SCRAPE_INTERVAL_S}s"},
        "scrape_configs": [{"job_name": "entente", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{port}"
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 # the pinned binary with fixed arguments
            [
                str(binary),
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
                "--scrape.discovery-reload-interval=100ms",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_ready(process, address, folder / "prometheus.log")
            yield Prometheus(address)
        finally:
            process.terminate()
            process.wait(timeout=30)


def _await_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://{address}/-/ready", timeout=2):  # on this machine
                return
        except OSError:
            time.sleep(0.1)
    msg = f"prometheus did not become ready within {READY_S} s:\n{log.read_text()[-2000:]}"
    raise RuntimeError(msg)
