"""GraphQL documents and the shapes of their answers (schema: coda_protocol/schema.graphql)."""

import msgspec


class _Reply(msgspec.Struct, frozen=True, rename="camel"):
    pass


SYNC_STATUS = "query { syncStatus }"


class SyncStatusReply(_Reply, frozen=True):
    sync_status: str


PEERS = "query { getPeers { host libp2pPort peerId } }"


class PeerReply(msgspec.Struct, frozen=True):
    host: str
    libp2p_port: int = msgspec.field(name="libp2pPort")
    peer_id: str = msgspec.field(name="peerId")


class PeersReply(_Reply, frozen=True):
    get_peers: list[PeerReply]


DAEMON_STATUS = """
query {
  daemonStatus {
    syncStatus blockchainLength highestBlockLengthReceived stateHash globalSlotSinceGenesisBestTip
    uptimeSecs commitId peers { host libp2pPort peerId }
  }
}
"""


class DaemonStatusFields(_Reply, frozen=True):
    sync_status: str
    highest_block_length_received: int
    uptime_secs: int
    commit_id: str
    peers: list[PeerReply]
    blockchain_length: int | None = None
    state_hash: str | None = None
    global_slot_since_genesis_best_tip: int | None = None


class DaemonStatusReply(_Reply, frozen=True):
    daemon_status: DaemonStatusFields


BEST_CHAIN = """
query ($maxLength: Int) {
  bestChain(maxLength: $maxLength) {
    stateHash
    creatorAccount { publicKey }
    protocolState { previousStateHash consensusState { blockHeight slotSinceGenesis } }
  }
}
"""


class ConsensusStateReply(_Reply, frozen=True):
    block_height: str
    slot_since_genesis: str


class ProtocolStateReply(_Reply, frozen=True):
    previous_state_hash: str
    consensus_state: ConsensusStateReply


class CreatorReply(_Reply, frozen=True):
    public_key: str


class BlockReply(_Reply, frozen=True):
    state_hash: str
    creator_account: CreatorReply
    protocol_state: ProtocolStateReply


class BestChainReply(_Reply, frozen=True):
    best_chain: list[BlockReply]
