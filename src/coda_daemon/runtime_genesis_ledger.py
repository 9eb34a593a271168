"""`coda runtime-genesis-ledger`: make the files of a network's genesis (daemon contract A.11)."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence

import msgspec

from coda_daemon.command_line import Command, Flag, HelpWanted, Kind, UsageError, parse
from coda_daemon.files import Files
from coda_daemon.genesis_files import archive_name, data_hash, stand_ins, write_archive
from coda_daemon.genesis_ledgers import GenesisError, genesis_ledgers
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.settings import COMPILED_PROFILE
from coda_daemon.user_error import UserError
from coda_protocol import runtime_config
from coda_protocol.constants import with_defaults
from coda_protocol.format_error import FormatError
from coda_protocol.runtime_config import RuntimeConfig

COMMAND = Command(
    "coda runtime-genesis-ledger",
    "Make the genesis ledger, the epoch ledgers, their hashes, and proof and keys as the proof level asks",
    (
        Flag("config-file", Kind.TEXT, "runtime configuration with the ledgers' accounts", is_required=True),
        Flag("genesis-dir", Kind.TEXT, "directory for the files; created when missing", is_required=True),
        Flag("hash-output-file", Kind.TEXT, "file for the hashes, JSON (default: stdout)"),
        Flag(
            "real-binary",
            Kind.TEXT,
            "a real build's runtime_genesis_ledger, with arguments if need be, to make all files instead",
        ),
    ),
)


def run_runtime_genesis_ledger(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code: 0, or 1 with the reason on stderr."""
    try:
        values = {name: str(given[-1]) for name, given in parse(COMMAND, arguments).items()}
    except HelpWanted:
        print(COMMAND.usage())
        return 0
    except UsageError as error:
        print(COMMAND.rejection(error), file=sys.stderr)
        return 1
    try:
        if "real-binary" in values:
            _call_real_binary(values)
        else:
            _make(values["config-file"], values["genesis-dir"], values.get("hash-output-file"))
    except (UserError, GenesisError, OSError) as error:
        print(f"runtime-genesis-ledger: {error}", file=sys.stderr)
        return 1
    return 0


def _make(config_file: str, genesis_directory: str, hash_output_file: str | None) -> None:
    config = _configuration(config_file)
    constants = with_defaults(config, COMPILED_PROFILE)
    if constants.proof_level == "full":
        # The words of daemon contract A.2, and what to do.
        raise UserError(
            "Proof level full is not compatible with compile-time proof level none. "
            "Give a real build's runtime_genesis_ledger as -real-binary, or set proof.level to none or check."
        )
    ledgers = genesis_ledgers(config, constants.ledger_depth, {})
    files = Files()
    directory = os.path.abspath(genesis_directory)  # noqa: PTH100  paths are text in the port
    files.make_directory(directory)
    hashes = {}
    for ledger in dict.fromkeys((ledgers.genesis, ledgers.staking, ledgers.next)):
        hashes[ledger] = _write_ledger(files, directory, ledger)
    for name, content in stand_ins(ledgers, constants).items():
        files.write(f"{directory}/{name}", content)
    text = msgspec.json.encode(
        {
            "ledger": hashes[ledgers.genesis],
            "epoch_data": {"staking": hashes[ledgers.staking], "next": hashes[ledgers.next]},
        }
    )
    if hash_output_file is None:
        print(text.decode())
    else:
        files.write(os.path.abspath(hash_output_file), text + b"\n")  # noqa: PTH100


def _configuration(path: str) -> RuntimeConfig:
    """The configuration, which must list what is to be built (daemon contract A.11)."""
    try:
        config = runtime_config.parse(Files().read(path))
    except FormatError as error:
        raise UserError(f"Could not parse configuration file: {path}: {error}") from error
    if config.ledger is not None and config.ledger.add_genesis_winner:
        raise UserError(
            f"{path}: ledger.add_genesis_winner: expected false, found true; list the winner among the accounts"
        )
    return config


def _write_ledger(files: Files, directory: str, ledger: Ledger) -> dict[str, str]:
    content = write_archive(ledger)
    files.write(f"{directory}/{archive_name(ledger.hash)}", content)
    return {"s3_data_hash": data_hash(content), "hash": ledger.hash}


def _call_real_binary(values: Mapping[str, str]) -> None:
    """Hand the work to a real build. What it prints is shown as it comes."""
    try:
        command = shlex.split(values["real-binary"])
    except ValueError as error:
        raise UserError(
            f"-real-binary: expected a command, found {values['real-binary']!r}: {error}"
        ) from error
    if not command:
        raise UserError("-real-binary: expected a command, found nothing")
    names = ("config-file", "genesis-dir", "hash-output-file")
    passed = [word for name in names if name in values for word in (f"--{name}", values[name])]
    Files().make_directory(values["genesis-dir"])
    try:
        code = subprocess.run([*command, *passed], check=False).returncode
    except OSError as error:
        raise UserError(
            f"-real-binary: {command[0]} cannot be run: {error.strerror}; check the name"
        ) from error
    if code:
        how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
        raise UserError(f"{command[0]} {how}; its own words are above")
