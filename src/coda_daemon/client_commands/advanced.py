"""`coda advanced` commands that ask a running daemon (daemon contract A.11)."""

import json
from typing import Any, Final

from coda_daemon.client_commands.command import (
    DAEMON_PORT,
    REST_SERVER,
    CommandFailed,
    Values,
    client_command,
)
from coda_daemon.client_commands.graphql import ask_graphql
from coda_daemon.client_commands.rpc import ask_daemon
from coda_daemon.command_line import Flag, Kind

_PEERS: Final = "{ getPeers { host libp2pPort peerId } }"
_ADD_PEERS: Final = """mutation($peers: [NetworkPeer!]!, $seed: Boolean) {
  addPeers(peers: $peers, seed: $seed) { host libp2pPort peerId } }"""
_SET_RECEIVER: Final = """mutation($key: PublicKey) {
  setCoinbaseReceiver(input: {publicKey: $key}) { lastCoinbaseReceiver currentCoinbaseReceiver } }"""
_SNARK_POOL: Final = "{ snarkPool { fee prover workIds } }"
_PENDING_WORK: Final = """{ pendingSnarkWork { workBundle { workId
  sourceFirstPassLedgerHash targetFirstPassLedgerHash supplyChange { sign amountMagnitude } } } }"""
_POOLED: Final = """query($key: PublicKey) { pooledUserCommands(publicKey: $key) {
  id hash kind nonce fee amount memo validUntil feePayer { publicKey } receiver { publicKey } } }"""


def _get_nonce(values: Values) -> None:
    from coda_daemon.client_frames import GetNonce

    nonce = ask_daemon(values, GetNonce(values.public_key("address")))
    if nonce is None:
        raise CommandFailed("No account found at that public_key")
    print(nonce)


def _client_trustlist(values: Values) -> None:
    from coda_daemon.client_frames import ChangeTrusted, ListTrusted

    match values.text("ACTION"):
        case "list":
            print("\n".join(ask_daemon(values, ListTrusted())))
        case ("add" | "remove") as action:
            network = values.optional("ip-address")
            if network is None:
                raise CommandFailed(f"Error: {action} needs -ip-address, a network such as 10.0.0.0/8")
            ask_daemon(values, ChangeTrusted(network, action == "add"))
            print(f"Successfully {'added' if action == 'add' else 'removed'} client")
        case other:
            raise CommandFailed(f"Error: expected add, list or remove, found {other!r}")


def _get_peers(values: Values) -> None:
    for peer in ask_graphql(values, _PEERS)["getPeers"]:
        print(f"/ip4/{peer['host']}/tcp/{peer['libp2pPort']}/p2p/{peer['peerId']}")


def _add_peers(values: Values) -> None:
    from coda_daemon.gossip.peer import parse_multiaddress
    from coda_protocol.format_error import FormatError

    try:
        peer = parse_multiaddress(values.text("PEER"))
    except FormatError as error:
        raise CommandFailed(f"Could not use the peer: {error}") from error
    given = {"host": peer.host, "libp2pPort": peer.port, "peerId": peer.peer_id}
    is_seed = values.optional("seed") != "False"
    ask_graphql(values, _ADD_PEERS, peers=[given], seed=is_seed)
    print(f"Added peer {peer.multiaddress}")


def _set_coinbase_receiver(values: Values) -> None:
    if ("public-key" in values) == ("block-producer" in values):
        raise CommandFailed("Error: expected one of -public-key and -block-producer")
    key = values.public_key("public-key") if "public-key" in values else None
    changed = ask_graphql(values, _SET_RECEIVER, key=key)["setCoinbaseReceiver"]
    was = changed["lastCoinbaseReceiver"] or "the block producer"
    print(f"Was sending coinbases to {was}\nNow sending coinbases to {key or 'the block producer'}")


def _pooled_user_commands(values: Values) -> None:
    key = values.public_key("public-key") if "public-key" in values else None
    _print(ask_graphql(values, _POOLED, key=key)["pooledUserCommands"])


def _of_query(query: str, field: str) -> Any:
    return lambda values: _print(ask_graphql(values, query)[field])


def _print(value: Any) -> None:
    print(json.dumps(value, indent=2))


def _hash_transaction(values: Values) -> None:
    from coda_daemon.ledger.command import parse_command
    from coda_protocol.format_error import FormatError

    try:
        print(parse_command(values.text("transaction-id")).hash)
    except FormatError as error:
        raise CommandFailed(f"Invalid transaction provided: {error}") from error


_OPTIONAL_KEY: Final = Flag("public-key", Kind.TEXT, "only of this key")

COMMANDS: Final = (
    client_command(
        "advanced get-nonce",
        "Print the next nonce of a key, its pending transactions counted",
        _get_nonce,
        Flag("address", Kind.TEXT, "public key", is_required=True),
        DAEMON_PORT,
    ),
    client_command(
        "advanced client-trustlist",
        "Show or change who may call the client port; ACTION is add, list or remove",
        _client_trustlist,
        Flag("ip-address", Kind.TEXT, "network in CIDR notation to add or remove"),
        DAEMON_PORT,
        anonymous=("ACTION",),
    ),
    client_command(
        "advanced get-peers", "List the peers that the daemon has links to", _get_peers, REST_SERVER
    ),
    client_command(
        "advanced add-peers",
        "Have the daemon dial a peer",
        _add_peers,
        Flag("seed", Kind.BOOLEAN, "whether it is a seed (default true)"),
        REST_SERVER,
        anonymous=("PEER",),
    ),
    client_command(
        "advanced set-coinbase-receiver",
        "Choose who gets the coinbases of the daemon's blocks",
        _set_coinbase_receiver,
        Flag("public-key", Kind.TEXT, "the receiver"),
        Flag("block-producer", Kind.SWITCH, "the block producer itself"),
        REST_SERVER,
    ),
    client_command(
        "advanced pooled-user-commands",
        "Print the transactions that wait in the daemon's pool",
        _pooled_user_commands,
        _OPTIONAL_KEY,
        REST_SERVER,
    ),
    client_command(
        "advanced snark-pool-list",
        "Print the SNARK work on offer",
        _of_query(_SNARK_POOL, "snarkPool"),
        REST_SERVER,
    ),
    client_command(
        "advanced pending-snark-work",
        "Print the SNARK work that is still to be done",
        _of_query(_PENDING_WORK, "pendingSnarkWork"),
        REST_SERVER,
    ),
    client_command(
        "advanced runtime-config",
        "Print the runtime configuration in force",
        _of_query("{ runtimeConfig }", "runtimeConfig"),
        REST_SERVER,
    ),
    client_command(
        "advanced time-offset",
        "Print how many seconds block time is behind the clock",
        _of_query("{ timeOffset }", "timeOffset"),
        REST_SERVER,
    ),
    client_command(
        "advanced hash-transaction",
        "Print the hash of a transaction",
        _hash_transaction,
        Flag("transaction-id", Kind.TEXT, "its ID, in base64", is_required=True),
    ),
)
