"""`coda client`: status, balances, SNARK work, logs, and the daemon's end (daemon contract J)."""

import json
from typing import Any, Final

from coda_daemon.client_commands.command import (
    DAEMON_PORT,
    PUBLIC_KEY,
    REST_SERVER,
    CommandFailed,
    Values,
    client_command,
)
from coda_daemon.client_commands.graphql import ask_graphql
from coda_daemon.client_commands.rpc import ask_daemon
from coda_daemon.command_line import Flag, Kind
from coda_protocol.currency import Balance, Fee

_BALANCE: Final = """query($key: PublicKey!, $token: TokenId) {
  account(publicKey: $key, token: $token) { balance { total } } }"""
_TOKENS: Final = "query($key: PublicKey!) { accounts(publicKey: $key) { tokenId } }"
_SET_WORKER: Final = """mutation($key: PublicKey) {
  setSnarkWorker(input: {publicKey: $key}) { lastSnarkWorker } }"""
_SET_FEE: Final = "mutation($fee: UInt64!) { setSnarkWorkFee(input: {fee: $fee}) { lastFee } }"
_EXPORT_LOGS: Final = "mutation($name: String) { exportLogs(basename: $name) { exportLogs { tarfile } } }"


def _status(values: Values) -> None:
    from coda_daemon.client_frames import GetStatus

    status: dict[str, Any] = ask_daemon(values, GetStatus("performance" in values))
    if "json" in values:
        print(json.dumps(status, indent=2))
        return
    from coda_daemon.client_commands.status_table import status_table

    print(status_table(status))


def _stop_daemon(values: Values) -> None:
    from coda_daemon.client_frames import StopDaemon

    ask_daemon(values, StopDaemon())
    print("Daemon stopping")


def _get_balance(values: Values) -> None:
    data = ask_graphql(values, _BALANCE, key=values.public_key("public-key"), token=values.optional("token"))
    account = data["account"]
    if account is None:
        print("There are no funds in this account")
    else:
        print(f"Balance: {Balance(int(account['balance']['total'])).coda} mina")


def _get_tokens(values: Values) -> None:
    data = ask_graphql(values, _TOKENS, key=values.public_key("public-key"))
    print("Accounts are held for token IDs:")
    for account in data["accounts"]:
        print(account["tokenId"])


def _set_snark_worker(values: Values) -> None:
    key = values.public_key("address") if "address" in values else None
    last = ask_graphql(values, _SET_WORKER, key=key)["setSnarkWorker"]["lastSnarkWorker"]
    print("Will stop doing snark work" if key is None else f"New snark worker public key : {key}")
    print(f"Previous snark worker public key : {last or 'None'}")


def _set_snark_work_fee(values: Values) -> None:
    fee = values.money("FEE", Fee)
    last = ask_graphql(values, _SET_FEE, fee=str(fee))["setSnarkWorkFee"]["lastFee"]
    print(f"Updated snark work fee: {fee}\nOld snark work fee: {last}")


def _export_logs(values: Values) -> None:
    data = ask_graphql(values, _EXPORT_LOGS, name=values.optional("tarfile"))
    print(f"Exported logs to {data['exportLogs']['exportLogs']['tarfile']}")


def _export_local_logs(values: Values) -> None:
    import os
    import time

    from coda_daemon.exported_logs import export_logs
    from coda_daemon.files import Files

    directory = os.path.abspath(  # noqa: PTH100  paths are text in the port
        os.path.expanduser(values.optional("config-directory") or "~/.mina-config")  # noqa: PTH111
    )
    try:
        path = export_logs(Files(), directory, values.optional("tarfile"), time_ns=time.time_ns())
    except (OSError, ValueError) as error:
        raise CommandFailed(f"Error: cannot export the logs of {directory}: {error}") from error
    print(f"Exported logs to {path}")


_TARFILE: Final = Flag("tarfile", Kind.TEXT, "name of the tar file, without its ending (default: the time)")

COMMANDS: Final = (
    client_command(
        "client status",
        "Show what a daemon is and does",
        _status,
        Flag("json", Kind.SWITCH, "JSON instead of a table"),
        Flag("performance", Kind.SWITCH, "with histograms"),
        DAEMON_PORT,
    ),
    client_command("client stop-daemon", "Stop a daemon", _stop_daemon, DAEMON_PORT),
    client_command(
        "client get-balance",
        "Show the balance of an account",
        _get_balance,
        PUBLIC_KEY,
        Flag("token", Kind.TEXT, "token of the account (default: MINA)"),
        REST_SERVER,
    ),
    client_command(
        "client get-tokens",
        "List the tokens that a key has accounts of",
        _get_tokens,
        PUBLIC_KEY,
        REST_SERVER,
    ),
    client_command(
        "client set-snark-worker",
        "Start, switch or stop the daemon's local SNARK worker",
        _set_snark_worker,
        Flag("address", Kind.TEXT, "public key that the work is sold under (default: stop)"),
        REST_SERVER,
    ),
    client_command(
        "client set-snark-work-fee",
        "Set the price of a piece of SNARK work, in MINA",
        _set_snark_work_fee,
        REST_SERVER,
        anonymous=("FEE",),
    ),
    client_command(
        "client export-logs",
        "Have the daemon put its logs into a tar file",
        _export_logs,
        _TARFILE,
        REST_SERVER,
    ),
    client_command(
        "client export-local-logs",
        "Put the logs of a configuration directory into a tar file, daemon or not",
        _export_local_logs,
        _TARFILE,
        Flag("config-directory", Kind.TEXT, "the directory (default ~/.mina-config)"),
    ),
)
