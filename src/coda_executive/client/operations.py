"""GraphQL documents and the shapes of their answers (schema: coda_protocol/schema.graphql)."""

import msgspec

from coda_executive.interfaces.client import TransactionStatus


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


BLOCK_CONTENTS = """
query ($maxLength: Int) {
  bestChain(maxLength: $maxLength) {
    stateHash commandTransactionCount snarkJobs { workIds } transactions { coinbase }
    protocolState {
      blockchainState { snarkedLedgerHash }
      consensusState {
        blockHeight slotSinceGenesis stakingEpochData { ledger { hash } } nextEpochData { ledger { hash } }
      }
    }
  }
}
"""


class _Ledger(_Reply, frozen=True):
    hash: str


class _EpochData(_Reply, frozen=True):
    ledger: _Ledger


class _ConsensusOfContents(_Reply, frozen=True):
    block_height: str
    slot_since_genesis: str
    staking_epoch_data: _EpochData
    next_epoch_data: _EpochData


class _BlockchainState(_Reply, frozen=True):
    snarked_ledger_hash: str


class _StateOfContents(_Reply, frozen=True):
    blockchain_state: _BlockchainState
    consensus_state: _ConsensusOfContents


class _Coinbase(_Reply, frozen=True):
    coinbase: str


class _Jobs(_Reply, frozen=True):
    work_ids: list[int]


class ContentsReply(_Reply, frozen=True):
    state_hash: str
    command_transaction_count: int
    snark_jobs: list[_Jobs]
    transactions: _Coinbase
    protocol_state: _StateOfContents


class BlockContentsReply(_Reply, frozen=True):
    best_chain: list[ContentsReply]


OWN_PEER = "query { daemonStatus { addrsAndPorts { peer { host libp2pPort peerId } } } }"


class _Addresses(_Reply, frozen=True):
    peer: PeerReply


class _OwnStatus(_Reply, frozen=True):
    addrs_and_ports: _Addresses


class OwnPeerReply(_Reply, frozen=True):
    daemon_status: _OwnStatus


SET_GATING = """
mutation ($input: SetConnectionGatingConfigInput!) {
  setConnectionGatingConfig(input: $input) { isolate }
}
"""

SNARK_POOL = "query { snarkPool { prover fee workIds } }"


class _CompletedWork(_Reply, frozen=True):
    prover: str
    fee: str
    work_ids: list[int]


class SnarkPoolReply(_Reply, frozen=True):
    snark_pool: list[_CompletedWork]


SET_SNARK_WORKER = (
    "mutation ($input: SetSnarkWorkerInput!) { setSnarkWorker(input: $input) { lastSnarkWorker } }"
)


class _LastWorker(_Reply, frozen=True):
    last_snark_worker: str | None


class SetSnarkWorkerReply(_Reply, frozen=True):
    set_snark_worker: _LastWorker


SET_SNARK_WORK_FEE = "mutation ($input: SetSnarkWorkFee!) { setSnarkWorkFee(input: $input) { lastFee } }"


class _LastFee(_Reply, frozen=True):
    last_fee: str


class SetSnarkWorkFeeReply(_Reply, frozen=True):
    set_snark_work_fee: _LastFee


SEND_TEST_PAYMENTS = """
mutation (
  $senders: [PrivateKey!]!, $receiver: PublicKey!, $amount: UInt64!, $fee: UInt64!,
  $count: UInt32!, $delay: UInt32!
) {
  sendTestPayments(
    senders: $senders, receiver: $receiver, amount: $amount, fee: $fee,
    repeat_count: $count, repeat_delay_ms: $delay
  )
}
"""


ACCOUNT = """
query ($publicKey: PublicKey!, $token: TokenId) {
  account(publicKey: $publicKey, token: $token) {
    publicKey tokenId balance { total liquid locked } nonce inferredNonce delegateAccount { publicKey } votingFor
    timing { initialMinimumBalance cliffTime cliffAmount vestingPeriod vestingIncrement }
  }
}
"""


class TimingReply(_Reply, frozen=True):
    """All of them, or none."""

    initial_minimum_balance: str | None = None
    cliff_time: str | None = None
    cliff_amount: str | None = None
    vesting_period: str | None = None
    vesting_increment: str | None = None


class BalanceReply(_Reply, frozen=True):
    total: str
    liquid: str
    locked: str


class KeyReply(_Reply, frozen=True):
    public_key: str


class AccountFields(_Reply, frozen=True):
    public_key: str
    balance: BalanceReply
    nonce: str
    inferred_nonce: str
    delegate_account: KeyReply | None = None
    voting_for: str | None = None
    token_id: str | None = None
    timing: TimingReply | None = None


class AccountReply(_Reply, frozen=True):
    account: AccountFields | None = None


METRICS = """
query {
  daemonStatus { metrics {
    blockProductionDelay transactionPoolDiffReceived transactionPoolDiffBroadcasted transactionsAddedToPool
    transactionPoolSize snarkPoolDiffReceived snarkPoolDiffBroadcasted pendingSnarkWork snarkPoolSize
  } }
}
"""


class MetricsFields(_Reply, frozen=True):
    block_production_delay: tuple[int, ...]
    transaction_pool_diff_received: int
    transaction_pool_diff_broadcasted: int
    transactions_added_to_pool: int
    transaction_pool_size: int
    snark_pool_diff_received: int
    snark_pool_diff_broadcasted: int
    pending_snark_work: int
    snark_pool_size: int


class StatusWithMetrics(_Reply, frozen=True):
    metrics: MetricsFields


class MetricsReply(_Reply, frozen=True):
    daemon_status: StatusWithMetrics


CREATE_ACCOUNT = """
mutation ($password: String!) { createAccount(input: { password: $password }) { publicKey } }
"""


class CreateAccountReply(_Reply, frozen=True):
    create_account: KeyReply


START_FILTERED_LOG = "mutation ($filter: [String!]!) { startFilteredLog(filter: $filter) }"


class StartFilteredLogReply(_Reply, frozen=True):
    start_filtered_log: bool


FILTERED_LOG_ENTRIES = """
query ($offset: Int!) { getFilteredLogEntries(offset: $offset) { logMessages isCapturing } }
"""


class LogEntriesFields(_Reply, frozen=True):
    log_messages: tuple[str, ...]


class FilteredLogEntriesReply(_Reply, frozen=True):
    get_filtered_log_entries: LogEntriesFields


_COMMAND = "id hash nonce amount fee kind failureReason source { publicKey } receiver { publicKey }"


class CommandFields(_Reply, frozen=True):
    id: str
    hash: str
    nonce: int
    amount: str
    fee: str
    kind: str
    source: KeyReply
    receiver: KeyReply
    failure_reason: str | None = None


SEND_PAYMENT = f"""
mutation ($input: SendPaymentInput!, $signature: SignatureInput) {{
  sendPayment(input: $input, signature: $signature) {{ payment {{ {_COMMAND} }} }}
}}
"""


class PaymentReply(_Reply, frozen=True):
    payment: CommandFields


class SendPaymentReply(_Reply, frozen=True):
    send_payment: PaymentReply


SEND_DELEGATION = f"""
mutation ($input: SendDelegationInput!, $signature: SignatureInput) {{
  sendDelegation(input: $input, signature: $signature) {{ delegation {{ {_COMMAND} }} }}
}}
"""


class DelegationReply(_Reply, frozen=True):
    delegation: CommandFields


class SendDelegationReply(_Reply, frozen=True):
    send_delegation: DelegationReply


POOLED_USER_COMMANDS = f"""
query ($publicKey: PublicKey) {{ pooledUserCommands(publicKey: $publicKey) {{ {_COMMAND} }} }}
"""


class PooledReply(_Reply, frozen=True):
    pooled_user_commands: list[CommandFields]


TRANSACTION_STATUS = "query ($payment: ID!) { transactionStatus(payment: $payment) }"


class TransactionStatusReply(_Reply, frozen=True):
    transaction_status: TransactionStatus


IMPORT_ACCOUNT = """
mutation ($path: String!, $password: String!) {
  importAccount(path: $path, password: $password) { publicKey }
}
"""


class ImportAccountReply(_Reply, frozen=True):
    import_account: KeyReply


UNLOCK_ACCOUNT = """
mutation ($publicKey: PublicKey!, $password: String!) {
  unlockAccount(input: { publicKey: $publicKey, password: $password }) { account { publicKey } }
}
"""

LOCK_ACCOUNT = """
mutation ($publicKey: PublicKey!) { lockAccount(input: { publicKey: $publicKey }) { publicKey } }
"""
