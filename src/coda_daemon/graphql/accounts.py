"""Accounts as GraphQL shows them (daemon contract D.6)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.digests import field_of
from coda_daemon.ledger.account import MINA_TOKEN, Account, Address, Permissions, TokenId, leaf_hash
from coda_daemon.tip_ledgers import epoch_ledger

if TYPE_CHECKING:
    from coda_daemon.ledger.ledger import Ledger
    from coda_daemon.rest import DaemonView


def account_fields(view: "DaemonView", account: Account) -> dict[str, Any]:
    """An account of the best tip's ledger."""
    tip = view.node.best_tip
    slot = 0 if tip is None else tip.consensus_state.global_slot_since_genesis
    is_mina = account.token == MINA_TOKEN
    return {
        **_key_fields(view, account.public_key, account.token),
        "timing": _timing(account),
        "balance": _balance(view, account.balance, account.locked(slot)),
        "nonce": str(account.nonce),
        "inferredNonce": _inferred_nonce(view, account.public_key) if is_mina else str(account.nonce),
        "epochDelegateAccount": lambda _info: _epoch_delegate(view, account.public_key),
        "receiptChainHash": account.receipt_chain_hash,
        "delegate": account.delegate,
        "delegateAccount": lambda _info: (
            None if account.delegate is None else account_of(view, account.delegate)
        ),
        "delegators": lambda _info: _delegators(view, account.public_key),
        "lastEpochDelegators": None,  # that ledger is not kept
        "votingFor": account.voting_for,
        "zkappUri": None,
        "zkappState": None,
        "provedState": None,
        "permissions": _permissions(account.permissions),
        "tokenSymbol": account.token_symbol,
        "verificationKey": None,
        "actionState": None,
        **_place(view, account),
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
        **dict.fromkeys(_FIELDS_OF_ACCOUNTS),
    }


def find_account(view: "DaemonView", public_key: str, token: str | None) -> dict[str, Any] | None:
    """GraphQL `account`: None when it is absent, or while there is no ledger."""
    ledger = view.node.ledger
    account = None if ledger is None else ledger.account(Address(public_key), TokenId(token or MINA_TOKEN))
    return None if account is None else account_fields(view, account)


def token_accounts(view: "DaemonView", token_id: str) -> list[dict[str, Any]]:
    return [account_fields(view, account) for account in view.node.ledger or () if account.token == token_id]


def find_accounts(view: "DaemonView", public_key: str) -> list[dict[str, Any]]:
    ledger: Ledger | None = view.node.ledger
    found = () if ledger is None else ledger.accounts_of(Address(public_key))
    return [account_fields(view, account) for account in found]


# What is null for a key without an account.
_FIELDS_OF_ACCOUNTS = (
    *("nonce", "inferredNonce", "epochDelegateAccount", "receiptChainHash", "delegate", "delegateAccount"),
    *("delegators", "lastEpochDelegators", "votingFor", "index", "zkappUri", "zkappState", "provedState"),
    *("permissions", "tokenSymbol", "verificationKey", "actionState", "leafHash", "merklePath"),
)
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
        "privateKeyPath": view.wallet.path_of(public_key),
        "locked": view.wallet.is_locked(public_key),
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


def _inferred_nonce(view: "DaemonView", public_key: Address) -> str | None:
    """The next nonce, what waits in this daemon's pool counted."""
    ledger = view.node.ledger
    nonce = None if ledger is None else view.node.pool.commands.inferred_nonce(public_key, ledger)
    return None if nonce is None else str(nonce)


def _permissions(held: Permissions) -> dict[str, Any]:
    """Values are capitalised here and lower case in the configuration (D.6)."""
    return {
        "editState": held.edit_state.capitalize(),
        "send": held.send.capitalize(),
        "receive": held.receive.capitalize(),
        "access": held.access.capitalize(),
        "setDelegate": held.set_delegate.capitalize(),
        "setPermissions": held.set_permissions.capitalize(),
        "setVerificationKey": {
            "auth": held.set_verification_key.capitalize(),
            "txnVersion": str(held.set_verification_key_txn_version),
        },
        "setZkappUri": held.set_zkapp_uri.capitalize(),
        "editActionState": held.edit_action_state.capitalize(),
        "setTokenSymbol": held.set_token_symbol.capitalize(),
        "incrementNonce": held.increment_nonce.capitalize(),
        "setVotingFor": held.set_voting_for.capitalize(),
        "setTiming": held.set_timing.capitalize(),
    }


def staking_ledger(view: "DaemonView") -> "Ledger | None":
    """What the epoch of the best tip is drawn from."""
    frontier = view.node.frontier
    if frontier is None:
        return None
    built = frontier.best_tip
    return epoch_ledger(built, built.block.consensus_state.staking_epoch_data, view.genesis)


def _delegators(view: "DaemonView", public_key: Address) -> list[dict[str, Any]]:
    """In the staking ledger: later delegations do not count yet."""
    return [
        account_fields(view, account)
        for account in staking_ledger(view) or ()
        if account.delegate == public_key
    ]


def _epoch_delegate(view: "DaemonView", public_key: Address) -> dict[str, Any] | None:
    """Whom the account delegates to in the staking ledger."""
    ledger = staking_ledger(view)
    staker = None if ledger is None else ledger.account(public_key)
    return None if staker is None or staker.delegate is None else account_of(view, staker.delegate)


def _place(view: "DaemonView", account: Account) -> dict[str, Any]:
    """Where an account stands in the best tip's ledger; hashes as numbers, cut to 254 bits as the root is."""
    ledger = view.node.ledger
    position = None if ledger is None else ledger.position(account.public_key, account.token)
    if ledger is None or position is None:
        return dict.fromkeys(("index", "leafHash", "merklePath"))

    # As Mina tells it: `left` means that the way to the root is the left one, and holds the hash on its right.
    def merkle_path(_info: object) -> list[dict[str, str | None]]:
        return [
            {"left": None, "right": None, "left" if is_right else "right": str(field_of(beside))}
            for beside, is_right in ledger.merkle_path(position)
        ]

    return {
        "index": position,
        "leafHash": lambda _info: str(field_of(leaf_hash(account))),
        "merklePath": merkle_path,
    }
