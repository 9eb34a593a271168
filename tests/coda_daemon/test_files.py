from pathlib import Path

import pytest

from coda_daemon.files import MAX_OPEN, Files


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_written_file_has_content_and_mode_and_leaves_no_partial_one(tmp_path: Path) -> None:
    files, path = Files(), str(tmp_path / "key")

    files.write(path, b"old")
    files.write(path, b"secret", mode=0o600)

    assert (files.read(path), files.mode(path), files.size(path)) == (b"secret", 0o600, 6)
    assert files.list_directory(str(tmp_path)) == ["key"]


def test_appending_goes_on_through_rename_write_and_remove(tmp_path: Path) -> None:
    files, path = Files(), str(tmp_path / "log")

    files.append(path, b"o", b"ne")
    files.sync(path)
    files.rename(path, path + ".0")
    files.append(path, b"two")
    assert (files.read(path + ".0"), files.read(path)) == (b"one", b"two")
    files.write(path, b"three")
    files.append(path, b"!")
    assert files.read(path) == b"three!"
    files.remove(path)
    files.append(path, b"new")
    assert files.read(path) == b"new"


def test_removing_a_directory_takes_what_is_open_in_it_along(tmp_path: Path) -> None:
    files, directory = Files(), str(tmp_path / "root")
    files.make_directory(directory + "/deeper", mode=0o700)
    files.append(directory + "/deeper/journal", b"x")

    files.remove(directory)
    files.remove(directory)

    assert not files.exists(directory)
    assert files.list_directory(directory) == ()
    files.make_directory(directory)
    files.append(directory + "/journal", b"y")
    assert files.read(directory + "/journal") == b"y"


def test_many_appended_files_do_not_keep_many_descriptors(tmp_path: Path) -> None:
    files = Files()
    before = open_descriptors()

    for number in range(3 * MAX_OPEN):
        files.append(str(tmp_path / str(number)), b"x")

    assert open_descriptors() <= before + MAX_OPEN
    for number in range(3 * MAX_OPEN):
        files.append(str(tmp_path / str(number)), b"y")
    assert all((tmp_path / str(number)).read_bytes() == b"xy" for number in range(3 * MAX_OPEN))
    files.close()


def test_missing_files_are_missing(tmp_path: Path) -> None:
    files, path = Files(), str(tmp_path / "none")

    for ask in (files.read, files.size, files.mode):
        with pytest.raises(FileNotFoundError):
            ask(path)
