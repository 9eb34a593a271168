"""What a daemon answers to the command line client (daemon contract J)."""

from typing import Any

import msgspec

from coda_daemon.client_frames import (
    Answered,
    ClientReply,
    DaemonCall,
    GetLedger,
    GetNonce,
    GetStatus,
    LedgerKind,
    StopDaemon,
)
from coda_daemon.consensus.building import Built
from coda_daemon.graphql.status import status_json
from coda_daemon.ledger.account import Address
from coda_daemon.ledger.ledger import Ledger
from coda_daemon.ledger_accounts import configured_account
from coda_daemon.rest import DaemonView
from coda_daemon.snark.worker_frames import Noted, Refused
from coda_daemon.tip_ledgers import epoch_ledger
from coda_protocol.hashes import StateHash
from coda_protocol.runtime_config import json_of_value


class _Unanswerable(Exception):
    """The message says why."""


def answer_client(view: DaemonView, call: DaemonCall) -> ClientReply:
    try:
        match call:
            case GetStatus(with_performance):
                return _answered(status_json(view, with_performance=with_performance))
            case GetLedger(kind, state_hash):
                ledger = _ledger(view, kind, state_hash)
                return _answered([configured_account(account) for account in ledger])
            case GetNonce(public_key):
                return _answered(_nonce(view, Address(public_key)))
            case StopDaemon():
                return Noted()
    except _Unanswerable as error:
        return Refused(str(error))


def _answered(value: Any) -> Answered:
    return Answered(msgspec.json.encode(value, enc_hook=json_of_value))


def _nonce(view: DaemonView, public_key: Address) -> int | None:
    ledger = view.node.ledger
    if ledger is None:
        raise _Unanswerable("Daemon is bootstrapping")
    return view.node.pool.commands.inferred_nonce(public_key, ledger)


def _ledger(view: DaemonView, kind: LedgerKind, state_hash: str | None) -> Ledger:
    """Raises _Unanswerable."""
    built = _block(view, state_hash)
    state = built.block.consensus_state
    match kind:
        case "staged-ledger":
            return built.ledger
        case "snarked-ledger":
            return built.scan.snarked
        case "staking-epoch-ledger":
            return epoch_ledger(built, state.staking_epoch_data, view.genesis)
        case "next-epoch-ledger":
            return epoch_ledger(built, state.next_epoch_data, view.genesis)


def _block(view: DaemonView, state_hash: str | None) -> Built:
    frontier = view.node.frontier
    if frontier is None:
        raise _Unanswerable("Daemon is bootstrapping")
    if state_hash is None:
        return frontier.best_tip
    built = frontier.breadcrumb(StateHash(state_hash))
    if built is None:
        raise _Unanswerable(f"Block with state hash {state_hash} not found in transition frontier")
    return built
