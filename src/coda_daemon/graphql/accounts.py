"""Accounts as GraphQL shows them (daemon contract D.6)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.ledger.account import MINA_TOKEN, Account, Address, TokenId

if TYPE_CHECKING:
    from coda_daemon.ledger.ledger import Ledger
    from coda_daemon.rest import DaemonView

_SIGNED = (
    "editState",
    "send",
    "setDelegate",
    "setPermissions",
    "setZkappUri",
    "editActionState",
    "setTokenSymbol",
    "incrementNonce",
    "setVotingFor",
    "setTiming",
)
# Of a user's account. The number is the transaction version of the protocol.
_PERMISSIONS: dict[str, Any] = {
    **dict.fromkeys(_SIGNED, "Signature"),
    "receive": "None",
    "access": "None",
    "setVerificationKey": {"auth": "Signature", "txnVersion": "3"},
}


def account_fields(view: "DaemonView", account: Account) -> dict[str, Any]:
    """An account of the best tip's ledger."""
    tip = view.node.best_tip
    slot = 0 if tip is None else tip.global_slot
    locked = min(account.timing.minimum_balance(slot), account.balance) if account.timing else 0
    nonce = str(account.nonce)
    return {
        **_key_fields(view, account.public_key, account.token),
        "timing": _timing(account),
        "balance": _balance(view, account.balance, locked),
        "nonce": nonce,
        "inferredNonce": nonce,
        "epochDelegateAccount": None,
        "receiptChainHash": account.receipt_chain_hash,
        "delegate": account.delegate,
        "delegateAccount": lambda _info: (
            None if account.delegate is None else account_of(view, account.delegate)
        ),
        "delegators": lambda _info: _delegators(view, account.public_key),
        "votingFor": account.voting_for,
        "zkappUri": None,
        "zkappState": None,
        "provedState": None,
        "permissions": _PERMISSIONS,
        "tokenSymbol": account.token_symbol,
        "verificationKey": None,
        "actionState": None,
    }


def account_of(view: "DaemonView", public_key: Address) -> dict[str, Any]:
    """The account of a key for fields that cannot be null; without one in the ledger, its key and zeros."""
    ledger = view.node.ledger
    account = None if ledger is None else ledger.account(public_key)
    if account is not None:
        return account_fields(view, account)
    return {
        **_key_fields(view, public_key, MINA_TOKEN),
        "timing": dict.fromkeys(_TIMING_FIELDS),
        "balance": _balance(view, 0, 0),
        "nonce": None,
        "inferredNonce": None,
    }


def find_account(view: "DaemonView", public_key: str, token: str | None) -> dict[str, Any] | None:
    """GraphQL `account`: None when it is absent, or while there is no ledger."""
    ledger = view.node.ledger
    account = None if ledger is None else ledger.account(Address(public_key), TokenId(token or MINA_TOKEN))
    return None if account is None else account_fields(view, account)


def find_accounts(view: "DaemonView", public_key: str) -> list[dict[str, Any]]:
    ledger: Ledger | None = view.node.ledger
    found = () if ledger is None else ledger.accounts_of(Address(public_key))
    return [account_fields(view, account) for account in found]


_TIMING_FIELDS = (
    "initialMinimumBalance",
    "cliffTime",
    "cliffAmount",
    "vestingPeriod",
    "vestingIncrement",
)


def _key_fields(view: "DaemonView", public_key: Address, token: TokenId) -> dict[str, Any]:
    producer = view.settings.producer
    return {
        "publicKey": public_key,
        "tokenId": token,
        "token": token,
        "stakingActive": producer is not None and str(producer.public) == public_key,
        "privateKeyPath": f"{view.arguments.config_directory}/wallets/store/{public_key}",
        "locked": None,
    }


def _timing(account: Account) -> dict[str, Any]:
    timing = account.timing
    if timing is None:
        return dict.fromkeys(_TIMING_FIELDS)
    values = (
        timing.initial_minimum_balance,
        timing.cliff_time,
        timing.cliff_amount,
        timing.vesting_period,
        timing.vesting_increment,
    )
    return dict(zip(_TIMING_FIELDS, map(str, values), strict=True))


def _balance(view: "DaemonView", total: int, locked: int) -> dict[str, Any]:
    tip = view.node.best_tip
    return {
        "total": str(total),
        "unknown": str(total),
        "liquid": str(total - locked),
        "locked": str(locked),
        "blockHeight": "0" if tip is None else str(tip.blockchain_length),
        "stateHash": None if tip is None else tip.state_hash,
    }


def _delegators(view: "DaemonView", public_key: Address) -> list[dict[str, Any]]:
    return [
        account_fields(view, account) for account in view.node.ledger or () if account.delegate == public_key
    ]
