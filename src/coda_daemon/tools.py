"""Commands beside the daemon: key files and the table of structured events (daemon contract A.11, E.4, E.5).

Each takes what follows its name and returns the exit code: 0, 1 for bad usage, 4 for a key pair that failed,
20 for a libp2p key that could not be made.
"""

import os
import sys
from collections.abc import Callable, Sequence

from coda_daemon.command_line import Command, Flag, HelpWanted, Kind, UsageError, parse
from coda_daemon.files import Files
from coda_protocol.format_error import FormatError
from coda_protocol.secret_box import ENTROPY_BYTES, WrongPasswordError

Tool = Callable[[Sequence[str]], int]

_PRIVKEY_PATH = Flag("privkey-path", Kind.TEXT, "file of the private key", is_required=True)


class _KeyFailed(Exception):
    """A key file cannot be read or written; the message says why."""


def find(group: str, name: str) -> Tool | None:
    """The tool `coda GROUP NAME`, or None."""
    return _TOOLS.get((group, name))


def _dump_structured_events(arguments: Sequence[str]) -> int:
    import msgspec

    from coda_protocol.structured_events import BY_NAME

    command = Command(
        "coda internal dump-structured-events",
        "List of [name, id, [field, …]] of every structured log event of this build",
        (
            Flag("out-file", Kind.TEXT, "write there instead of to stdout"),
            Flag("pretty", Kind.SWITCH, "indent"),
        ),
    )
    values = _parse(command, arguments)
    if isinstance(values, int):
        return values
    text = msgspec.json.encode([[event.name, event.id, list(event.fields)] for event in BY_NAME.values()])
    if "pretty" in values:
        text = msgspec.json.format(text)
    if path := values.get("out-file"):
        Files().write(path, text + b"\n")
    else:
        print(text.decode())
    return 0


def _generate_keypair(arguments: Sequence[str]) -> int:
    from coda_protocol.key_files import write_private_key
    from coda_protocol.keys import Keypair, PrivateKey
    from coda_protocol.pallas import GROUP_ORDER

    def generate(path: str, password: str) -> None:
        scalar = 1 + int.from_bytes(os.urandom(48), "little") % (GROUP_ORDER - 1)
        keypair = Keypair.of(PrivateKey(scalar))
        content = write_private_key(keypair.private, password, entropy=os.urandom(ENTROPY_BYTES))
        _write_key(path, content, beside=".pub", text=str(keypair.public))
        print(f"Keypair generated\nPublic key: {keypair.public}\nRaw public key: {keypair.public.raw_hex}")

    return _with_key_file("generate-keypair", arguments, "PRIVKEY_PASS", generate, failure=4)


def _validate_keypair(arguments: Sequence[str]) -> int:
    from coda_protocol.key_files import read_private_key
    from coda_protocol.keys import Keypair

    def validate(path: str, password: str) -> None:
        public = Keypair.of(read_private_key(_read_key(path), password)).public
        try:
            beside = Files().read(f"{path}.pub").decode(errors="replace").strip()
        except OSError as error:
            raise _KeyFailed(f"cannot read the public key beside it: {error}") from error
        if beside != str(public):
            raise _KeyFailed(f"{path}.pub holds {beside}, but the private key's is {public}")
        print(f"The key pair is valid\nPublic key: {public}")

    return _with_key_file("validate-keypair", arguments, "PRIVKEY_PASS", validate, failure=4)


def _dump_keypair(arguments: Sequence[str]) -> int:
    from coda_protocol.key_files import read_private_key
    from coda_protocol.keys import Keypair

    def dump(path: str, password: str) -> None:
        keypair = Keypair.of(read_private_key(_read_key(path), password))
        print(f"Public key: {keypair.public}\nPrivate key: {keypair.private.reveal()}")

    return _with_key_file("dump-keypair", arguments, "PRIVKEY_PASS", dump, failure=4)


def _generate_libp2p_keypair(arguments: Sequence[str]) -> int:
    from coda_protocol.key_files import write_libp2p_key
    from coda_protocol.libp2p_keys import Libp2pKeypair

    def generate(path: str, password: str) -> None:
        keypair = Libp2pKeypair.of_seed(os.urandom(32))
        content = write_libp2p_key(keypair, password, entropy=os.urandom(ENTROPY_BYTES))
        _write_key(path, content, beside=".peerid", text=keypair.peer_id)
        print(f"libp2p keypair:\n{keypair.reveal()}")

    return _with_key_file("generate-keypair", arguments, "LIBP2P_PASS", generate, failure=20)


def _dump_libp2p_keypair(arguments: Sequence[str]) -> int:
    from coda_protocol.key_files import read_libp2p_key

    def dump(path: str, password: str) -> None:
        print(f"libp2p keypair:\n{read_libp2p_key(_read_key(path), password).reveal()}")

    return _with_key_file("dump-keypair", arguments, "LIBP2P_PASS", dump, failure=4)


def _wrap_key(arguments: Sequence[str]) -> int:
    from coda_protocol.key_files import write_private_key
    from coda_protocol.keys import Keypair, PrivateKey

    def wrap(path: str, password: str) -> None:
        if sys.stdin.isatty():
            from getpass import getpass

            text = getpass("Private key: ")
        else:
            text = sys.stdin.readline()
        keypair = Keypair.of(PrivateKey.parse(text.strip()))
        content = write_private_key(keypair.private, password, entropy=os.urandom(ENTROPY_BYTES))
        _write_key(path, content, beside=".pub", text=str(keypair.public))
        print(f"Wrapped private key\nPublic key: {keypair.public}")

    return _with_key_file("wrap-key", arguments, "PRIVKEY_PASS", wrap, failure=4)


def _compile_time_constants(arguments: Sequence[str]) -> int:
    import msgspec

    from coda_daemon.settings import COMPILED_PROFILE
    from coda_protocol import runtime_config
    from coda_protocol.constants import effective, with_defaults
    from coda_protocol.runtime_config import RuntimeConfig

    values = _parse(
        Command(
            "coda advanced compile-time-constants",
            "Print what this build assumes where nothing is configured",
            (),
        ),
        arguments,
    )
    if isinstance(values, int):
        return values
    config = RuntimeConfig()
    constants = effective(config, with_defaults(config, COMPILED_PROFILE))
    print(msgspec.json.format(runtime_config.encode(constants)).decode())
    return 0


_TOOLS: dict[tuple[str, str], Tool] = {
    ("internal", "dump-structured-events"): _dump_structured_events,
    ("advanced", "generate-keypair"): _generate_keypair,
    ("advanced", "validate-keypair"): _validate_keypair,
    ("advanced", "dump-keypair"): _dump_keypair,
    ("advanced", "wrap-key"): _wrap_key,
    ("advanced", "compile-time-constants"): _compile_time_constants,
    ("advanced", "generate-libp2p-keypair"): _generate_libp2p_keypair,  # the name in 1.x
    ("libp2p", "generate-keypair"): _generate_libp2p_keypair,
    ("libp2p", "dump-keypair"): _dump_libp2p_keypair,
}


def _parse(command: Command, arguments: Sequence[str]) -> dict[str, str] | int:
    """The values of the flags, or the exit code when there is nothing more to do."""
    try:
        return {name: str(given[-1]) for name, given in parse(command, arguments).items()}
    except HelpWanted:
        print(command.usage())
        return 0
    except UsageError as error:
        print(command.rejection(error), file=sys.stderr)
        return 1


def _with_key_file(
    name: str, arguments: Sequence[str], variable: str, act: Callable[[str, str], None], *, failure: int
) -> int:
    values = _parse(Command(f"coda … {name}", "Key files", (_PRIVKEY_PATH,)), arguments)
    if isinstance(values, int):
        return values
    path = values["privkey-path"]
    password = os.environ.get(f"MINA_{variable}", os.environ.get(f"CODA_{variable}"))
    if password is None:
        print(f"Set the password of the key file in MINA_{variable}; it may be empty.", file=sys.stderr)
        return failure
    try:
        act(path, password)
    except (FormatError, WrongPasswordError, _KeyFailed, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return failure
    return 0


def _read_key(path: str) -> bytes:
    return Files().read(path)


def _write_key(path: str, content: bytes, *, beside: str, text: str) -> None:
    files = Files()
    if files.exists(path):
        raise _KeyFailed("there is a file already; a key is never overwritten")
    files.make_directory(os.path.dirname(path) or ".", mode=0o700)  # noqa: PTH120
    files.write(os.path.abspath(path), content, mode=0o600)  # noqa: PTH100
    files.write(os.path.abspath(path) + beside, f"{text}\n".encode())  # noqa: PTH100
