"""The roots of the schema: a function for each query and mutation that this build offers (daemon contract D.3
to D.8).

A field that is missing here is answered with an error that says so (`execution`), never with made-up data.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec

from coda_daemon.blocks import Block
from coda_daemon.build import commit
from coda_daemon.exported_logs import export_logs
from coda_daemon.graphql import peering, sending, snark, vrf, wallet
from coda_daemon.graphql.accounts import account_of, find_account, find_accounts, token_accounts
from coda_daemon.graphql.blocks import block_fields
from coda_daemon.graphql.commands import pooled_commands, transaction_status
from coda_daemon.graphql.request_error import RequestError
from coda_daemon.graphql.status import daemon_status, peers
from coda_daemon.ledger.account import Address
from coda_protocol import runtime_config
from coda_protocol.constants import effective
from coda_protocol.hashes import StateHash

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView

_GENESIS_ZONE = timezone(timedelta(hours=-8))  # the schema's note on `genesisTimestamp`


Fields = dict[str, Callable[..., Any]]  # resolvers by field name; arguments come in snake case


class Query:
    """The resolvers of `query`."""

    def __init__(self, view: "DaemonView") -> None:
        self._view = view
        self._runtime_config: Any = None

    def fields(self) -> Fields:
        return {
            "syncStatus": self.sync_status,
            "daemonStatus": self.daemon_status,
            "version": self.version,
            "bestChain": self.best_chain,
            "block": self.block,
            "genesisBlock": self.genesis_block,
            "account": self.account,
            "accounts": self.accounts,
            "tokenAccounts": lambda _info, token_id: token_accounts(self._view, token_id),
            "tokenOwner": lambda _info, **_token: None,  # tokens come from the genesis ledger, without owners
            "evaluateVrf": lambda _info, **arguments: vrf.evaluate(self._view, **arguments),
            "checkVrf": lambda _info, **arguments: vrf.check(self._view, **arguments),
            "wallet": self.wallet,
            "trackedAccounts": self.tracked_accounts,
            "ownedWallets": self.tracked_accounts,
            "initialPeers": self.initial_peers,
            "getPeers": self.get_peers,
            "connectionGatingConfig": self.connection_gating_config,
            "trustStatus": self.trust_status,
            "trustStatusAll": self.trust_status_all,
            "currentSnarkWorker": lambda _info: snark.current_snark_worker(self._view),
            "snarkPool": lambda _info: snark.snark_pool(self._view),
            "pendingSnarkWork": lambda _info: snark.pending_snark_work(self._view),
            "pooledUserCommands": self.pooled_user_commands,
            "transactionStatus": self.transaction_status,
            "validatePayment": self.validate_payment,
            "pooledZkappCommands": self.pooled_zkapp_commands,
            "genesisConstants": self.genesis_constants,
            "timeOffset": self.time_offset,
            "runtimeConfig": self.runtime_config,
            "networkID": self.network_id,
            "signatureKind": self.signature_kind,
            "getFilteredLogEntries": self.get_filtered_log_entries,
        }

    def sync_status(self, _info: object) -> str:
        return str(self._view.node.sync_status)

    def daemon_status(self, _info: object) -> dict[str, Any]:
        return daemon_status(self._view)

    def version(self, _info: object) -> str:
        return commit()

    def best_chain(self, _info: object, max_length: int | None = None) -> list[dict[str, Any]]:
        path = self._view.node.best_path(max_length)
        if not path:
            raise RequestError("Could not obtain best chain from transition frontier")
        return [block_fields(self._view, block) for block in path]

    def block(
        self, _info: object, height: int | None = None, state_hash: str | None = None
    ) -> dict[str, Any]:
        return block_fields(self._view, self._find_block(height, state_hash))

    def genesis_block(self, _info: object) -> dict[str, Any]:
        return block_fields(self._view, self._view.genesis.block)

    def account(self, _info: object, public_key: str, token: str | None = None) -> dict[str, Any] | None:
        return find_account(self._view, public_key, token)

    def accounts(self, _info: object, public_key: str) -> list[dict[str, Any]]:
        return find_accounts(self._view, public_key)

    def wallet(self, _info: object, public_key: str) -> dict[str, Any]:
        return account_of(self._view, Address(public_key))

    def tracked_accounts(self, _info: object) -> list[dict[str, Any]]:
        return wallet.tracked_accounts(self._view)

    def initial_peers(self, _info: object) -> list[str]:
        return [peer.multiaddress for peer in self._view.settings.seeds]

    def get_peers(self, _info: object) -> list[dict[str, Any]]:
        return peers(self._view)

    def connection_gating_config(self, _info: object) -> dict[str, Any]:
        return peering.connection_gating_config(self._view)

    def trust_status(self, _info: object, ip_address: str) -> list[dict[str, Any]] | None:
        return peering.trust_status(self._view, ip_address)

    def trust_status_all(self, _info: object) -> list[dict[str, Any]]:
        return peering.trust_status_all(self._view)

    def pooled_user_commands(self, _info: object, **filters: Any) -> list[dict[str, Any]]:
        return pooled_commands(self._view, **filters)

    def transaction_status(
        self, _info: object, payment: str | None = None, zkapp_transaction: str | None = None
    ) -> str:
        return transaction_status(self._view, payment, zkapp_transaction)

    def validate_payment(
        self, _info: object, input: dict[str, Any], signature: dict[str, Any] | None = None
    ) -> bool:
        return sending.is_valid_payment(self._view, input, signature)

    def pooled_zkapp_commands(self, _info: object, **_filters: object) -> list[Any]:
        return []

    def genesis_constants(self, _info: object) -> dict[str, str]:
        constants = self._view.genesis.constants
        start = self._view.genesis.rules.constants.genesis_ms
        instant = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=start)
        return {
            "accountCreationFee": str(constants.account_creation_fee),
            "coinbase": str(constants.coinbase_amount),
            "genesisTimestamp": instant.astimezone(_GENESIS_ZONE).isoformat(timespec="microseconds"),
        }

    def time_offset(self, _info: object) -> int:
        return self._view.settings.time_offset

    def runtime_config(self, _info: object) -> Any:
        if self._runtime_config is None:
            config = effective(self._view.settings.config, self._view.genesis.constants)
            self._runtime_config = msgspec.json.decode(runtime_config.encode(config))
            ledgers, epoch_data = self._view.genesis.ledgers, self._runtime_config.get("epoch_data", {})
            self._runtime_config["ledger"]["hash"] = ledgers.genesis.hash
            for name, ledger in (("staking", ledgers.staking), ("next", ledgers.next)):
                if name in epoch_data:
                    epoch_data[name]["hash"] = ledger.hash
        return self._runtime_config

    def network_id(self, _info: object) -> str:
        return f"mina:{self._view.genesis.constants.network_id}"

    def signature_kind(self, _info: object) -> str:
        name = self._view.genesis.rules.body.commands.signature_kind.name
        return name if name in ("mainnet", "testnet") else f"other network: {name}"

    def get_filtered_log_entries(self, _info: object, offset: int) -> dict[str, Any]:
        log = self._view.log
        return {
            "logMessages": [line.decode() for line in log.filtered_entries(offset)],
            "isCapturing": log.is_capturing,
        }

    def _find_block(self, height: int | None, state_hash: str | None) -> Block:
        node = self._view.node
        if height is not None and state_hash is None:
            found = node.block_at(height)
            problem = f"Could not find block in transition frontier with height {height}"
        elif state_hash is not None and height is None:
            found = node.block(StateHash(state_hash))
            problem = f"Block with state hash {state_hash} not found in transition frontier"
        else:
            raise RequestError("Must provide exactly one of state hash, height")
        if found is None:
            raise RequestError(problem)
        return found


class Mutation:
    """The resolvers of `mutation`."""

    def __init__(self, view: "DaemonView") -> None:
        self._view = view

    def fields(self) -> Fields:
        return {
            "startFilteredLog": self.start_filtered_log,
            "setConnectionGatingConfig": self._of_view(peering.set_connection_gating_config),
            "addPeers": self._of_view(peering.add_peers),
            "exportLogs": self.export_logs,
            "sendPayment": self.send_payment,
            "sendDelegation": self.send_delegation,
            "sendTestPayments": self.send_test_payments,
            "createAccount": self._of_view(wallet.create_account),
            "addWallet": self._of_view(wallet.create_account),
            "unlockAccount": self._of_view(wallet.unlock_account),
            "unlockWallet": self._of_view(wallet.unlock_account),
            "lockAccount": self._of_view(wallet.lock_account),
            "lockWallet": self._of_view(wallet.lock_account),
            "deleteAccount": self._of_view(wallet.delete_account),
            "deleteWallet": self._of_view(wallet.delete_account),
            "importAccount": self._of_view(wallet.import_account),
            "reloadAccounts": self._of_view(wallet.reload_accounts),
            "reloadWallets": self._of_view(wallet.reload_accounts),
            "setCoinbaseReceiver": self._of_view(wallet.set_coinbase_receiver),
            "setSnarkWorker": self._of_view(snark.set_snark_worker),
            "setSnarkWorkFee": self._of_view(snark.set_snark_work_fee),
        }

    def send_payment(
        self, _info: object, input: dict[str, Any], signature: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return {"payment": sending.send(self._view, input, signature)}

    def send_delegation(
        self, _info: object, input: dict[str, Any], signature: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return {"delegation": sending.send(self._view, input, signature)}

    def send_test_payments(self, _info: object, **arguments: Any) -> int:
        return sending.send_test_payments(self._view, **arguments)

    def export_logs(self, _info: object, basename: str | None = None) -> dict[str, Any]:
        view = self._view
        directory = view.arguments.config_directory
        try:
            path = export_logs(view.store, directory, basename, time_ns=view.clock.time_ns())
        except (OSError, ValueError) as error:
            raise RequestError(f"Could not export the logs: {error}") from None
        return {"exportLogs": {"tarfile": path}}

    def _of_view(self, operation: Callable[..., Any]) -> Callable[..., Any]:
        """The resolver of an operation that takes the view and the field's arguments."""
        return lambda _info, **arguments: operation(self._view, **arguments)

    def start_filtered_log(self, _info: object, filter: list[str]) -> bool:
        return self._view.log.start_filtered_log(filter)
