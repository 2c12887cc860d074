import hashlib
import io
import tarfile
from pathlib import Path

import pytest

import release


def archive(*names: str, mtime: int) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz") as file:
        for name in names:
            header = tarfile.TarInfo(name)
            header.mtime, header.size, header.uname = mtime, len(name), "somebody"
            file.addfile(header, io.BytesIO(name.encode()))
    return output.getvalue()


def test_an_archive_is_the_same_whenever_and_by_whomever_it_was_packed() -> None:
    first = release.dated(archive("entente/a", "entente/b", mtime=1), 1_000)

    assert first == release.dated(archive("entente/b", "entente/a", mtime=2), 1_000)
    assert first != release.dated(archive("entente/a", "entente/b", mtime=1), 2_000)


def test_a_dated_archive_holds_the_same_files_of_nobody() -> None:
    packed = release.dated(archive("entente/a", mtime=1), 1_000)

    with tarfile.open(fileobj=io.BytesIO(packed)) as file:
        (member,) = file.getmembers()
        content = file.extractfile(member)
        assert content is not None
        assert content.read() == b"entente/a"
        assert (member.mtime, member.uname, member.mode) == (1_000, "", 0o644)


def test_checksums_are_of_every_file_and_as_sha256sum_reads_them(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"one")

    text = release.checksums(tmp_path).read_text()

    assert text == "".join(
        f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in (("a", b"one"), ("b", b"two"))
    )


def test_everything_is_dated_by_the_last_commit_or_by_what_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(release.EPOCH_VARIABLE, raising=False)
    assert int(release.epoch()) > 1_700_000_000

    monkeypatch.setenv(release.EPOCH_VARIABLE, "1000")
    assert release.epoch() == "1000"


def test_without_docker_there_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert release.image(tmp_path, tmp_path, "0.1.0", {}) is None
