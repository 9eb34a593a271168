"""What a daemon's binary says of itself, and what is said when it is none."""

from pathlib import Path

import msgspec
import pytest
from tests.coda_executive.engines.local.testnets import Recorded, stub

from coda_executive.engines.local.handshake import daemon_command, parse_event_ids, parse_version
from coda_executive.errors import DeployError

EVENTS = b'[["Block_produced","64e2d3e86c37c09b15efdaf7470ce879",["breadcrumb"]],["Other","0a",[]]]'


def test_version_is_found_among_other_lines() -> None:
    assert (
        parse_version(b"warning: x\nCommit 0a1b on branch compatible\n", "mina")
        == "Commit 0a1b on branch compatible"
    )


def test_events_are_read_compact_pretty_or_after_other_text() -> None:
    expected = {"Block_produced": "64e2d3e86c37c09b15efdaf7470ce879", "Other": "0a"}
    pretty = msgspec.json.format(EVENTS, indent=2)
    for output in (EVENTS, pretty, b"[note] starting\n" + EVENTS + b"\n"):
        assert parse_event_ids(output, "mina") == expected


@pytest.mark.parametrize("output", [b"", b"hello", b"[1, 2]", b'{"a": 1}', b"\xff\xfe"])
def test_nonsense_is_refused_and_quoted(output: bytes) -> None:
    said = repr(output.decode("utf-8", "replace")) if output else "nothing"
    with pytest.raises(DeployError) as version:
        parse_version(output, "mina")
    with pytest.raises(DeployError) as events:
        parse_event_ids(output, "mina")
    assert (
        str(version.value)
        == f"`mina version` printed no `Commit … on branch …` but: {said}; is it a Mina daemon?"
    )
    assert f"but: {said}; is it a Mina daemon?" in str(events.value)


def test_command_is_split_as_by_a_shell_and_its_program_found(tmp_path: Path) -> None:
    program = tmp_path / "my daemon"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert daemon_command(f"'{program}' --flag 'two words'") == (str(program), "--flag", "two words")
    assert daemon_command("sh")[0].endswith("/sh")


@pytest.mark.parametrize(
    ("daemon", "message"),
    [
        ("no-such-daemon", "there is no daemon 'no-such-daemon': neither a file nor a program in PATH"),
        ("/etc/passwd", "the daemon /etc/passwd may not be executed; chmod"),
        ("'half", "is no command: No closing quotation; check its quotes"),
        ("", "--daemon is empty; give the command of a daemon"),
    ],
)
def test_daemon_that_cannot_be_run_is_refused(daemon: str, message: str) -> None:
    with pytest.raises(DeployError, match=message):
        daemon_command(daemon)


@pytest.mark.real
@pytest.mark.parametrize(
    ("conduct", "message"),
    [
        ("nonsense", r"version` printed no `Commit … on branch …` but: 'hello, I am a toaster'"),
        ("refuses", r"version` ended with exit code 2 and said: 'no such command'; is it a Mina daemon\?"),
        ("hangs", r"did not answer .* within 0.3 s; is it a Mina daemon\? If .* raise --handshake-limit"),
    ],
)
async def test_program_that_is_no_daemon_is_told_at_the_handshake(
    run_directory: Path, conduct: str, message: str
) -> None:
    run = Recorded(run_directory, stub(conduct))
    run.options = msgspec.structs.replace(run.options, handshake_limit=0.3 if conduct == "hangs" else 30.0)
    manager = run.manager()
    with pytest.raises(DeployError, match=message):
        await manager.handshake()
    await manager.destroy()
    assert await manager.leaks() == ()
