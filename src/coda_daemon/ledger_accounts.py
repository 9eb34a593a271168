"""Accounts of a ledger in the form that a runtime configuration lists them in (daemon contract B.1)."""

from coda_daemon.ledger.account import Account, Permissions, Timing
from coda_protocol import runtime_config
from coda_protocol.currency import Amount, Balance
from coda_protocol.runtime_config import NumberText, VerificationKeyPermission


def configured_account(account: Account) -> runtime_config.Account:
    """All that is not zkApp's, defaults too; `genesis_ledgers` reads it back as the same account."""
    timing = account.timing
    return runtime_config.Account(
        pk=account.public_key,
        balance=Balance(account.balance),
        delegate=account.delegate,
        token=account.token,
        nonce=NumberText(account.nonce),
        timing=None if timing is None else _timing(timing),
        token_symbol=account.token_symbol,
        receipt_chain_hash=account.receipt_chain_hash,
        voting_for=account.voting_for,
        permissions=_permissions(account.permissions),
    )


def _timing(timing: Timing) -> runtime_config.Timing:
    return runtime_config.Timing(
        initial_minimum_balance=Balance(timing.initial_minimum_balance),
        cliff_time=NumberText(timing.cliff_time),
        cliff_amount=Amount(timing.cliff_amount),
        vesting_period=NumberText(timing.vesting_period),
        vesting_increment=Amount(timing.vesting_increment),
    )


def _permissions(held: Permissions) -> runtime_config.Permissions:
    named = {
        name: getattr(held, name)
        for name in Permissions.__struct_fields__
        if not name.startswith("set_verification_key")
    }
    key = VerificationKeyPermission(
        auth=held.set_verification_key, txn_version=NumberText(held.set_verification_key_txn_version)
    )
    return runtime_config.Permissions(**named, set_verification_key=key)
