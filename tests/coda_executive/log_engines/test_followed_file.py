"""The torture list of log files, each a test; no event loop here."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coda_executive.log_engines.followed_file import LONGEST_LINE, FollowedFile, Lines, OverlongLine

BUFFER = bytearray(64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "daemon.log"


class Reader:
    """What came of a followed file: its lines as (number, offset, text)."""

    def __init__(self, path: Path, buffer: bytearray = BUFFER) -> None:
        self.file = FollowedFile(path)
        self.buffer = buffer

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def new(self) -> list[tuple[int, int, bytes]]:
        lines: list[tuple[int, int, bytes]] = []
        while (completed := self.file.read(self.buffer)) is not None:
            lines += split(completed)
        return lines

    def flush(self) -> list[tuple[int, int, bytes]]:
        return split(self.file.flush())

    def texts(self) -> list[bytes]:
        return [text for _, _, text in self.new()]


def split(parts: list[Lines | OverlongLine]) -> list[tuple[int, int, bytes]]:
    lines = []
    for part in parts:
        if isinstance(part, OverlongLine):
            lines.append((part.number, part.offset, b"overlong " + part.excerpt[:5]))
            continue
        offset = part.offset
        for count, text in enumerate(part.data.split(b"\n")[:-1]):
            lines.append((part.number + count, offset, text))
            offset += len(text) + 1
    return lines


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_are_numbered_and_located_from_the_first_byte(path: Path) -> None:
    append(path, b"one\ntwo\n")
    with Reader(path) as reader:
        assert reader.new() == [(1, 0, b"one"), (2, 4, b"two")]
        append(path, b"\nfour\n")
        assert reader.new() == [(3, 8, b""), (4, 9, b"four")]


def test_a_file_that_is_not_there_yet_is_read_once_it_is(path: Path) -> None:
    with Reader(path) as reader:
        assert reader.new() == []
        append(path, b"one\n")
        assert reader.texts() == [b"one"]


def test_an_unfinished_line_is_held_until_its_end_is_written(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\ntw")
        assert reader.texts() == [b"one"]
        append(path, b"o ")
        assert reader.texts() == []
        append(path, b"words\nthr")
        assert reader.new() == [(2, 4, b"two words")]


def test_a_flush_gives_the_unfinished_line_once(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\ntwo")
        assert reader.texts() == [b"one"]
        assert reader.flush() == [(2, 4, b"two")]
        assert reader.flush() == []


def test_a_flushed_line_whose_newline_comes_later_is_not_given_again(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one")
        assert reader.texts() == []
        assert reader.flush() == [(1, 0, b"one")]
        append(path, b"\r\ntwo\n")
        assert reader.new() == [(2, 5, b"two")]


def test_a_flushed_line_that_grows_later_is_given_whole_under_its_number(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"pat")
        assert reader.texts() == []
        assert reader.flush() == [(1, 0, b"pat")]
        append(path, b"tern\ntwo\n")
        assert reader.new() == [(1, 0, b"pattern"), (2, 8, b"two")]


def test_a_line_end_of_two_bytes_may_be_split_over_two_reads(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\r")
        assert reader.texts() == []
        append(path, b"\ntwo\r\n")
        assert reader.new() == [(1, 0, b"one\r"), (2, 5, b"two\r")]


def test_bytes_that_are_no_text_pass_through(path: Path) -> None:
    append(path, b"\xff\xfe\x00\n\x80\n")
    with Reader(path) as reader:
        assert reader.texts() == [b"\xff\xfe\x00", b"\x80"]


def test_rotation_by_rename_goes_on_in_the_new_file(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\n")
        assert reader.texts() == [b"one"]
        append(path, b"two\n")
        path.rename(path.with_suffix(".0"))
        append(path, b"three\n")
        assert reader.new() == [(2, 4, b"two"), (3, 8, b"three")]


def test_a_rotated_file_is_read_to_its_end_while_no_new_one_is_there(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\n")
        assert reader.texts() == [b"one"]
        old = path.rename(path.with_suffix(".0"))
        assert reader.texts() == []
        append(old, b"two\n")
        assert reader.texts() == [b"two"]
        append(path, b"three\n")
        assert reader.texts() == [b"three"]


def test_a_line_cut_by_a_rotation_ends_there(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\ncut")
        assert reader.texts() == [b"one"]
        path.rename(path.with_suffix(".0"))
        append(path, b"three\n")
        assert reader.new() == [(2, 4, b"cut"), (3, 8, b"three")]


def test_a_rotation_between_the_open_file_and_the_look_at_the_path_loses_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer adds a line and rotates right between our last read and our look at the path."""
    real_stat = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        monkeypatch.setattr(Path, "stat", real_stat)
        append(path, b"two\n")
        path.rename(path.with_suffix(".0"))
        append(path, b"three\n")
        return real_stat(self, follow_symlinks=follow_symlinks)

    with Reader(path) as reader:
        append(path, b"one\n")
        assert reader.file.read(BUFFER) is not None
        monkeypatch.setattr(Path, "stat", stat)
        assert reader.texts() == [b"two", b"three"]


def test_truncation_begins_again_at_the_start_of_the_file(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"2024-05-01 one\ncut")
        assert reader.texts() == [b"2024-05-01 one"]
        os.truncate(path, 0)
        append(path, b"new\n")
        assert reader.new() == [(2, 15, b"cut"), (3, 19, b"new")]


def test_truncation_is_noticed_when_the_file_has_grown_beyond_our_place_again(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"12:00:01 one\n")
        assert reader.texts() == [b"12:00:01 one"]
        os.truncate(path, 0)
        append(path, b"12:00:02 a long new line\n12:00:03 three\n")
        assert reader.new() == [(2, 13, b"12:00:02 a long new line"), (3, 38, b"12:00:03 three")]


def test_a_node_restarted_into_a_new_file_goes_on_counting(path: Path) -> None:
    with Reader(path) as reader:
        append(path, b"one\n")
        assert reader.texts() == [b"one"]
        path.unlink()
        append(path, b"two\n")
        assert reader.new() == [(2, 4, b"two")]


def test_a_deleted_file_is_read_to_its_end(path: Path) -> None:
    """Tearing down a node must not lose lines that were written before."""
    append(path, b"one\n")
    with Reader(path) as reader:
        assert reader.texts() == [b"one"]
        append(path, b"two\n")
        path.unlink()
        assert reader.texts() == [b"two"]


def test_a_line_longer_than_the_buffer_is_one_line(path: Path) -> None:
    long = b"x" * 10 * len(BUFFER)
    append(path, b"one\n" + long + b"\nthree\n")
    with Reader(path) as reader:
        assert reader.new() == [(1, 0, b"one"), (2, 4, long), (3, 5 + len(long), b"three")]


def test_a_line_over_the_limit_keeps_only_its_beginning(path: Path) -> None:
    length = 3 * LONGEST_LINE
    append(path, b"one\n" + b"y" * length + b"\nthree\n")
    with Reader(path, bytearray(1 << 16)) as reader:
        lines: list[tuple[int, int, bytes]] = []
        held = 0
        while (completed := reader.file.read(reader.buffer)) is not None:
            lines += split(completed)
            held = max(held, len(reader.file._unfinished))
        assert lines == [(1, 0, b"one"), (2, 4, b"overlong yyyyy"), (3, 5 + length, b"three")]
        assert held <= LONGEST_LINE + (1 << 16)


def test_an_overlong_line_without_end_is_flushed_once(path: Path) -> None:
    append(path, b"y" * (LONGEST_LINE + 1))
    with Reader(path, bytearray(1 << 16)) as reader:
        assert reader.new() == []
        assert reader.flush() == [(1, 0, b"overlong yyyyy")]
        assert reader.flush() == []
        append(path, b"yy\ntwo\n")
        assert reader.new() == [(2, LONGEST_LINE + 4, b"two")]


def test_glob_characters_in_a_path_are_only_characters(tmp_path: Path) -> None:
    directory = tmp_path / "node [1]*?"
    directory.mkdir()
    append(directory / "daemon.log", b"one\n")
    with Reader(directory / "daemon.log") as reader:
        assert reader.texts() == [b"one"]


def test_a_directory_in_its_place_is_an_error(path: Path) -> None:
    path.mkdir()
    with Reader(path) as reader, pytest.raises(IsADirectoryError):
        reader.new()


def test_its_repr_shows_where_it_is(path: Path) -> None:
    append(path, b"one\ntw")
    with Reader(path) as reader:
        reader.new()
        assert repr(reader.file) == f"<FollowedFile {path} at 6, line 2, 2 bytes unfinished>"


@given(
    pieces=st.lists(
        st.binary(max_size=12) | st.sampled_from([b"\n", b"ab\n", b"\r\n", b"flush"]), max_size=30
    ),
    buffer=st.integers(1, 20),
)
def test_any_way_of_writing_gives_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], buffer: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "daemon.log"
    got: dict[int, tuple[int, bytes]] = {}
    order = []
    with Reader(path, bytearray(buffer)) as reader:
        for piece in pieces:
            if piece == b"flush":
                found = reader.new() + reader.flush()
            else:
                append(path, piece)
                found = reader.new()
            for number, offset, text in found:
                order.append(number)
                got[number] = (offset, text.rstrip(b"\r"))
        for number, offset, text in reader.flush():
            order.append(number)
            got[number] = (offset, text.rstrip(b"\r"))

    whole = b"".join(piece for piece in pieces if piece != b"flush")
    expected, offset = {}, 0
    for number, text in enumerate(whole.split(b"\n"), start=1):
        expected[number] = (offset, text.rstrip(b"\r"))
        offset += len(text) + 1
    if not whole.split(b"\n")[-1]:
        expected.pop(len(expected))
    assert got == expected
    assert order == sorted(order)
