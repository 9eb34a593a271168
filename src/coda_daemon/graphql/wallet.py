"""The daemon's wallet as GraphQL offers it (daemon contract D.5)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.graphql.accounts import account_of
from coda_daemon.graphql.request_error import RequestError
from coda_daemon.ledger.account import Address
from coda_daemon.wallet import UnknownKeyError
from coda_protocol.format_error import FormatError
from coda_protocol.secret_box import WrongPasswordError

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView

_NOT_OWNED = "Could not find owned account associated with provided key"
_NOT_FOUND = "Could not find account with specified public key"


def tracked_accounts(view: "DaemonView") -> list[dict[str, Any]]:
    """Those without an account in the ledger too."""
    return [account_of(view, address) for address in view.wallet.tracked]


def create_account(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    return _payload(view, view.wallet.create(input["password"]))


def unlock_account(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    address = Address(input["publicKey"])
    try:
        view.wallet.unlock(address, input["password"])
    except UnknownKeyError:
        raise RequestError(_NOT_OWNED) from None
    except WrongPasswordError:
        raise RequestError("Wrong password provided") from None
    return _payload(view, address)


def lock_account(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    address = Address(input["publicKey"])
    try:
        view.wallet.lock(address)
    except UnknownKeyError:
        raise RequestError(_NOT_OWNED) from None
    return _payload(view, address)


def delete_account(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    address = Address(input["publicKey"])
    try:
        view.wallet.delete(address)
    except UnknownKeyError:
        raise RequestError(_NOT_FOUND) from None
    return {"publicKey": address}


def import_account(view: "DaemonView", path: str, password: str) -> dict[str, Any]:
    """`path` is on the daemon's machine, relative to its working directory."""
    base = view.arguments.working_directory
    absolute = path if path.startswith("/") or not base else f"{base}/{path}"
    try:
        address, was_known = view.wallet.import_file(absolute, password)
    except WrongPasswordError:
        raise RequestError("Wrong password provided") from None
    except (OSError, FormatError) as error:
        raise RequestError(f"Could not read the key file {path}: {error}") from None
    return {"publicKey": address, "alreadyImported": was_known, "success": True}


def reload_accounts(view: "DaemonView") -> dict[str, Any]:
    view.wallet.reload()
    return {"success": True}


def set_coinbase_receiver(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    last, current = view.node.coinbase_receiver, input.get("publicKey")
    view.node.set_coinbase_receiver(None if current is None else Address(current))
    return {"lastCoinbaseReceiver": last, "currentCoinbaseReceiver": current}


def _payload(view: "DaemonView", address: Address) -> dict[str, Any]:
    return {"publicKey": address, "account": account_of(view, address)}
