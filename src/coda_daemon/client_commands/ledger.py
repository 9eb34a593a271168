"""`coda ledger`: ledgers of a daemon and of files (daemon contract A.11, J)."""

import json
from typing import TYPE_CHECKING, Any, Final

from coda_daemon.client_commands.command import DAEMON_PORT, CommandFailed, Values, client_command
from coda_daemon.client_commands.rpc import ask_daemon
from coda_daemon.command_line import Flag, Kind

if TYPE_CHECKING:
    from coda_daemon.ledger.ledger import Ledger


def _export(values: Values) -> None:
    from coda_daemon.client_frames import LEDGER_KINDS, GetLedger

    kind: Any = values.text("KIND")
    if kind not in LEDGER_KINDS:
        raise CommandFailed(f"Error: expected one of {', '.join(LEDGER_KINDS)}, found {kind!r}")
    accounts = ask_daemon(values, GetLedger(kind, values.optional("state-hash")))
    print(json.dumps(accounts, indent=2))


def _hash(values: Values) -> None:
    print(_ledger(values).hash)


def _currency(values: Values) -> None:
    from coda_daemon.ledger.ledger import total_currency
    from coda_protocol.currency import Balance

    print(f"MINA : {Balance(total_currency(_ledger(values))).coda}")


def _ledger(values: Values) -> "Ledger":
    """The ledger of a file with accounts, as `export` writes it. Raises CommandFailed."""
    from coda_daemon.files import Files
    from coda_daemon.genesis_ledgers import GenesisError, genesis_ledgers
    from coda_daemon.settings import COMPILED_PROFILE
    from coda_protocol import runtime_config
    from coda_protocol.constants import with_defaults
    from coda_protocol.format_error import FormatError

    path = values.text("ledger-file")
    try:
        section = json.dumps({"ledger": {"accounts": json.loads(Files().read(path))}})
        config = runtime_config.parse(section.encode())
        depth = values.optional("depth") or with_defaults(config, COMPILED_PROFILE).ledger_depth
        return genesis_ledgers(config, int(depth), {}).genesis
    except (OSError, ValueError, FormatError, GenesisError) as error:
        raise CommandFailed(f"Error: {path} is no list of accounts: {error}") from error


_LEDGER_FILE: Final = (
    Flag("ledger-file", Kind.TEXT, "JSON list of accounts, such as export prints", is_required=True),
    Flag("depth", Kind.INTEGER, "depth of the Merkle tree: proof.ledger_depth (default: compiled)"),
)

COMMANDS: Final = (
    client_command(
        "ledger export",
        "Print a ledger's accounts as a runtime configuration lists them; KIND is staged-ledger, "
        "snarked-ledger, staking-epoch-ledger or next-epoch-ledger",
        _export,
        Flag("state-hash", Kind.TEXT, "block whose ledger it is (default: the best tip)"),
        DAEMON_PORT,
        anonymous=("KIND",),
    ),
    client_command("ledger hash", "Print the Merkle root of a ledger in a file", _hash, *_LEDGER_FILE),
    client_command("ledger currency", "Print the total of a ledger in a file", _currency, *_LEDGER_FILE),
)
