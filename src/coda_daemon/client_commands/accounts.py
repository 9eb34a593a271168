"""`coda accounts`: the keys of a daemon's wallet (daemon contract D.5, J)."""

import os
from typing import Final

from coda_daemon.client_commands.command import (
    PRIVKEY_PATH,
    PUBLIC_KEY,
    REST_SERVER,
    CommandFailed,
    Values,
    client_command,
)
from coda_daemon.client_commands.graphql import ask_graphql
from coda_daemon.client_commands.passwords import password_of
from coda_daemon.command_line import Flag, Kind
from coda_protocol.currency import Balance

_LIST: Final = "{ trackedAccounts { publicKey locked balance { total } } }"
_CREATE: Final = """mutation($password: String!) {
  createAccount(input: {password: $password}) { account { publicKey } } }"""
_IMPORT: Final = """mutation($path: String!, $password: String!) {
  importAccount(path: $path, password: $password) { publicKey alreadyImported } }"""
_UNLOCK: Final = """mutation($key: PublicKey!, $password: String!) {
  unlockAccount(input: {publicKey: $key, password: $password}) { account { publicKey } } }"""
_LOCK: Final = "mutation($key: PublicKey!) { lockAccount(input: {publicKey: $key}) { publicKey } }"


def _list(values: Values) -> None:
    accounts = ask_graphql(values, _LIST)["trackedAccounts"]
    if not accounts:
        print("You have no tracked accounts!\nYou can make a new one using `coda accounts create`")
    for number, account in enumerate(accounts, start=1):
        print(
            f"Account .{number}:\n"
            f"  Public Key: {account['publicKey']}\n"
            f"  Balance: {Balance(int(account['balance']['total'])).coda}\n"
            f"  Locked: {'false' if account['locked'] is False else 'true'}"
        )


def _create(values: Values) -> None:
    password = password_of("Password for the new account", is_new=True)
    made = ask_graphql(values, _CREATE, password=password)
    print(f"Added new account!\nPublic key: {made['createAccount']['account']['publicKey']}")


def _import(values: Values) -> None:
    path = os.path.abspath(values.text("privkey-path"))  # noqa: PTH100  the daemon's directory is another
    password = password_of("Password of the key file")
    imported = ask_graphql(values, _IMPORT, path=path, password=password)["importAccount"]
    was_known = imported["alreadyImported"]
    print("Account already present, no need to import" if was_known else "Imported account!")
    print(f"Public key: {imported['publicKey']}")


def _export(values: Values) -> None:
    """Copy a key out of the wallet of a configuration directory; no daemon takes part."""
    from coda_daemon.files import Files
    from coda_daemon.wallet import key_path
    from coda_protocol.format_error import FormatError
    from coda_protocol.key_files import read_private_key
    from coda_protocol.secret_box import WrongPasswordError

    address, files = values.public_key("public-key"), Files()
    directory = os.path.expanduser(values.optional("config-directory") or "~/.mina-config")  # noqa: PTH111
    target = os.path.abspath(values.text("privkey-path"))  # noqa: PTH100
    try:
        content = files.read(key_path(directory, address))
        read_private_key(content, password_of("Password of the account"))
        if files.exists(target):
            raise CommandFailed(f"{target}: there is a file already; a key is never overwritten")
        files.make_directory(os.path.dirname(target), mode=0o700)  # noqa: PTH120
        files.write(target, content, mode=0o600)
        files.write(f"{target}.pub", f"{address}\n".encode())
    except FileNotFoundError:
        raise CommandFailed(
            f"Could not find owned account associated with provided key in {directory}; "
            "name the daemon's directory with -config-directory"
        ) from None
    except WrongPasswordError:
        raise CommandFailed("Wrong password provided") from None
    except (OSError, FormatError) as error:
        raise CommandFailed(f"Could not export {address}: {error}") from error
    print(f"Account exported to {target}: {address}")


def _unlock(values: Values) -> None:
    key = values.public_key("public-key")
    ask_graphql(values, _UNLOCK, key=key, password=password_of("Password to unlock the account"))
    print(f"Unlocked account!\nPublic key: {key}")


def _lock(values: Values) -> None:
    key = values.public_key("public-key")
    ask_graphql(values, _LOCK, key=key)
    print(f"Locked account!\nPublic key: {key}")


COMMANDS: Final = (
    client_command("accounts list", "List the keys of the daemon's wallet", _list, REST_SERVER),
    client_command(
        "accounts create", "Make a key in the daemon's wallet; it is left unlocked", _create, REST_SERVER
    ),
    client_command(
        "accounts import", "Take a key file into the daemon's wallet", _import, PRIVKEY_PATH, REST_SERVER
    ),
    client_command(
        "accounts export",
        "Copy a key of a configuration directory's wallet into a file, under the same password",
        _export,
        PUBLIC_KEY,
        PRIVKEY_PATH,
        Flag("config-directory", Kind.TEXT, "of the daemon (default ~/.mina-config)"),
    ),
    client_command(
        "accounts unlock", "Unlock a key of the daemon's wallet", _unlock, PUBLIC_KEY, REST_SERVER
    ),
    client_command("accounts lock", "Lock a key of the daemon's wallet", _lock, PUBLIC_KEY, REST_SERVER),
)
