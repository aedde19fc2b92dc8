"""The ticket cache on the disk: its path, its owner, and errors."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gmsa_doctor.clients.kerberos import ticket_cache
from gmsa_doctor.clients.kerberos.ticket_cache import (
    DEFAULT,
    SIZE_LIMIT,
    BrokenCache,
    CacheFile,
    NoCache,
    Owner,
    TicketCache,
    UnreadableCache,
    UnsupportedCache,
)
from tests.ccaches import CACHE, build

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A good cache, for its owner only."""
    path = tmp_path / "krb5cc"
    path.write_bytes(build(CACHE))
    path.chmod(0o600)
    return path


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that everybody may enter; pytest's own are closed."""
    with TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def nobody() -> Iterator[None]:
    """Be another user."""
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_good_cache_is_read_with_its_owner(file: Path) -> None:
    found = TicketCache(str(file), {}).read()
    owner = Owner(os.geteuid(), os.getegid(), 0o600)
    assert found == CacheFile(str(file), os.geteuid(), owner, CACHE)
    assert found.owner.mode_text == "0600"


@pytest.mark.parametrize(
    ("name", "environ", "path"),
    [
        (None, {}, DEFAULT),
        (None, {"KRB5CCNAME": ""}, DEFAULT),
        (None, {"KRB5CCNAME": "FILE:/run/cc"}, "/run/cc"),
        (None, {"KRB5CCNAME": "/run/cc"}, "/run/cc"),
        (None, {"KRB5CCNAME": "FILE:/run/a:b"}, "/run/a:b"),
        ("/tmp/cc", {"KRB5CCNAME": "KEYRING:x"}, "/tmp/cc"),
        ("FILE:cc", {}, "cc"),
    ],
)
def test_a_name_gives_the_path_of_a_file(name: str | None, environ: dict[str, str], path: str) -> None:
    assert TicketCache(name, environ).path == path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("KEYRING:persistent:0", "the ticket cache type KEYRING: is not supported; use FILE:/path"),
        ("MEMORY:x", "MEMORY:"),
        ("DIR:/tmp/caches", "DIR:"),
        ("KCM:", "KCM:"),
        ("file:/tmp/cc", "file:"),
        ("/tmp/a:b", "'/tmp/a:b'"),
        ("FILE:", "has no path"),
    ],
)
def test_another_type_of_cache_is_reported(name: str, words: str) -> None:
    with pytest.raises(UnsupportedCache, match=words):
        TicketCache(name, {}).read()


def no_cache(path: Path) -> NoCache:
    with pytest.raises(NoCache) as caught:
        TicketCache(str(path), {}).read()
    return caught.value


def test_a_missing_file_and_a_missing_directory_are_distinguished(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ticket_cache, "DEFAULT", str(tmp_path / "nowhere"))
    beside = no_cache(file.with_name("other"))
    assert (beside.directory_exists, beside.default_exists) == (True, False)
    assert beside.text == f"there is no ticket cache at {tmp_path}/other"
    below = no_cache(tmp_path / "no" / "krb5cc")
    assert (below.directory_exists, below.default_exists) == (False, False)
    assert f"the directory {tmp_path}/no does not exist" in below.text
    assert not no_cache(file / "krb5cc").directory_exists


def test_a_cache_at_credentials_fetchers_own_path_is_reported(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_cache, "DEFAULT", str(file))
    assert no_cache(file.with_name("other")).default_exists


@as_root
def test_another_users_cache_is_unreadable_and_its_owner_reported(open_directory: Path, file: Path) -> None:
    moved = file.rename(open_directory / "krb5cc")
    with nobody(), pytest.raises(UnreadableCache) as caught:
        TicketCache(str(moved), {}).read()
    assert (caught.value.user, caught.value.owner) == (NOBODY, Owner(0, 0, 0o600))
    assert caught.value.text == (f"uid {NOBODY} cannot read {moved}: it belongs to uid 0 (gid 0), mode 0600")
    moved.chmod(0o644)
    with nobody():
        assert TicketCache(str(moved), {}).read().user == NOBODY


@as_root
def test_a_parent_directory_may_be_inaccessible(open_directory: Path, file: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    moved = file.rename(closed / "krb5cc")
    with nobody(), pytest.raises(UnreadableCache, match="a parent directory is not accessible") as caught:
        TicketCache(str(moved), {}).read()
    assert caught.value.owner is None


def broken(path: Path | str) -> BrokenCache:
    with pytest.raises(BrokenCache) as caught:
        TicketCache(str(path), {}).read()
    return caught.value


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"", "it is empty"), (b"hello", "first byte is 0x68"), (build(CACHE)[:-3], "is cut off")],
)
def test_a_file_that_is_not_a_cache_is_reported_with_its_owner(file: Path, content: bytes, why: str) -> None:
    file.write_bytes(content)
    error = broken(file)
    assert why in error.why
    assert error.owner == Owner(os.geteuid(), os.getegid(), 0o600)


def test_a_pipe_a_device_and_a_directory_are_not_opened(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero"), tmp_path):
        assert broken(path).why == "it is not a regular file"


def test_an_invalid_path_is_reported(tmp_path: Path) -> None:
    assert broken("a\0b").why == "not a path"
    assert "name too long" in broken(tmp_path / ("x" * 300)).why


def test_a_huge_file_is_read_up_to_the_limit(file: Path) -> None:
    with file.open("r+b") as handle:
        handle.truncate(SIZE_LIMIT * 1000)
    assert "larger than" in broken(file).why


def test_a_symbolic_link_is_followed(file: Path) -> None:
    link = file.with_name("link")
    link.symlink_to(file)
    assert TicketCache(str(link), {}).read().content == CACHE


def test_a_read_waits_for_a_cache_that_is_being_rewritten(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticket_cache, "_RETRY_SECONDS", (0.02,) * 500)
    whole = file.read_bytes()
    looked = threading.Event()

    class Watched(dict[str, str]):
        """Stands in for the environment, to know when the client begins."""

        def get(self, key: str, default: object = None) -> str:
            looked.set()
            return str(file)

    def renew() -> None:
        looked.wait()
        for part in (whole[:20], whole[: len(whole) // 2], whole):
            time.sleep(0.05)
            file.write_bytes(part)

    file.unlink()
    writer = threading.Thread(target=renew)
    writer.start()
    assert TicketCache(environ=Watched()).read().content == CACHE
    writer.join()


def test_the_file_is_not_changed(file: Path) -> None:
    before = (file.read_bytes(), os.stat(file).st_mtime_ns, os.stat(file).st_ino)
    TicketCache(str(file), {}).read()
    assert (file.read_bytes(), os.stat(file).st_mtime_ns, os.stat(file).st_ino) == before
    assert list(file.parent.iterdir()) == [file]
