"""Makes what a release consists of: `python hack/release.py` writes wheel, sdist, chart, image, SBOM and checksums.

Everything is built from what git knows, and dated by the last commit (or by SOURCE_DATE_EPOCH), so that a second run
gives the same bytes. The image is the exception: its base and its layers are docker's; without docker there is none.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import os
import shutil
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path

import dist
from environments import ROOT, CommandFailedError, Environment, run
from localplane.binaries import ensure

TARGET = ROOT / "dist"
EPOCH_VARIABLE = "SOURCE_DATE_EPOCH"


def epoch() -> str:
    """Return the seconds since 1970 that everything is dated by."""
    return os.environ.get(EPOCH_VARIABLE) or run(["git", "log", "-1", "--format=%ct"]).strip()


def chart(checkout: Path, target: Path, seconds: int) -> Path:
    """Package the chart as Helm does, but with files of one date and of nobody; its path. Raises CommandFailedError."""
    with tempfile.TemporaryDirectory() as folder:
        run([ensure("helm"), "package", checkout / "helm" / "entente", "--destination", folder])
        (packed,) = Path(folder).glob("*.tgz")
        path = target / packed.name
        path.write_bytes(dated(packed.read_bytes(), seconds))
    return path


def dated(archive: bytes, seconds: int) -> bytes:
    """Return a .tgz with the same files, by name, all of one date and of nobody."""
    output = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as source,
        gzip.GzipFile(fileobj=output, mode="wb", mtime=seconds, filename="") as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as target,
    ):
        for member in sorted(source.getmembers(), key=lambda member: member.name):
            header = tarfile.TarInfo(member.name)
            header.size, header.mode, header.mtime = member.size, 0o644, seconds
            target.addfile(header, source.extractfile(member))
    return output.getvalue()


def bill(wheel: Path, target: Path, folder: Path, more: Mapping[str, str]) -> Path:
    """Write the SBOM of what the image has in it, as CycloneDX; its path. Raises CommandFailedError."""
    inside = Environment.made(folder / "inside")
    inside.install_locked("runtime")
    inside.pip("install", "--quiet", "--no-deps", "--no-index", wheel)
    inside.pip("uninstall", "--quiet", "--yes", "pip", "setuptools")
    tools = Environment.made(folder / "tools")
    tools.install_locked("release")
    path = target / f"{'-'.join(wheel.name.split('-')[:2])}.cdx.json"
    run(
        [
            *(tools.program("cyclonedx-py"), "environment", "--output-reproducible", "--output-format", "JSON"),
            *("--pyproject", ROOT / "pyproject.toml", "--output-file", path, inside.program("python")),
        ],
        more=more,
    )
    return path


def image(checkout: Path, target: Path, version: str, more: Mapping[str, str]) -> Path | None:
    """Build the image and save it; its path, or none where docker does not answer. Raises CommandFailedError."""
    docker = shutil.which("docker")
    try:
        if docker is None:
            return None
        run([docker, "info"])
    except CommandFailedError:
        return None
    path = target / f"entente-{version}-image.tar"
    run([docker, "build", "--tag", f"entente:{version}", checkout], more=more)
    run([docker, "save", "--output", path, f"entente:{version}"])
    return path


def checksums(target: Path) -> Path:
    """Write the SHA-256 of each file as `sha256sum --check` reads it; the path."""
    files = sorted(path for path in target.iterdir() if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    path = target / "SHA256SUMS"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def make(target: Path) -> None:
    """Make everything anew, and say where it is. Raises CommandFailedError."""
    seconds = epoch()
    more = {EPOCH_VARIABLE: seconds}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="entente-release-") as name:
        folder = Path(name).resolve()
        checkout = dist.check_out(folder / "checkout")
        wheel, _ = dist.build(checkout, target, more)
        chart(checkout, target, int(seconds))
        bill(wheel, target, folder, more)
        if image(checkout, target, version, more) is None:
            print("image: left out, since docker does not answer here")
    checksums(target)
    for path in sorted(target.iterdir()):
        print(path)


def demand_a_clean_tree() -> None:
    """Raise CommandFailedError where something is not committed."""
    if run(["git", "status", "--porcelain"]):
        message = "there are changes that are not committed: commit them, or say --dirty to try"
        raise CommandFailedError(message)


def main() -> int:
    """Make a release's files; exit code 1 where that fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dirty", action="store_true", help="also with changes that are not committed")
    parser.add_argument("--out", type=Path, default=TARGET, help="the folder, emptied first (default: dist/)")
    options = parser.parse_args()
    try:
        if not options.dirty:
            demand_a_clean_tree()
        make(options.out.resolve())
    except CommandFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
