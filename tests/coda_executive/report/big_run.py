"""Makes logs with as many lines as asked for."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

_NODES = ("seed-1", "block-producer-1", "block-producer-2", "snark-coordinator-1")
_BEGAN = datetime(2030, 1, 1, tzinfo=UTC)
# Level, module, message and metadata of what a node writes in turn; %s is a hash, which no two lines share.
_LINES = (
    (
        "Info",
        "Mina_networking",
        "Received a block $state_hash from $sender",
        '"state_hash":"%s","sender":"10.0.0.2"',
    ),
    ("Debug", "Transition_frontier", "Added breadcrumb $state_hash", '"state_hash":"%s"'),
    ("Trace", "Mina_networking", "Broadcasting new state over gossip net", '"state_hash":"%s"'),
    ("Debug", "Network_pool", "Verified the proof of $work", '"work":"%s"'),
    ("Info", "Block_producer", "Checking slot for block producing", '"nonce":"%s"'),
)
_RARE = ("Error", "Ledger_catchup", "The needle: catchup job $state_hash failed", '"state_hash":"%s"')


def write_logs(directory: Path, *, lines: int) -> None:
    """Fill nodes/*/daemon.log: a line each 250 ms in each node, and an error in every thousandth of the first."""
    count, rest = divmod(lines, len(_NODES))
    for number, node in enumerate(_NODES):
        (directory / "nodes" / node).mkdir(parents=True, exist_ok=True)
        with (directory / "nodes" / node / "daemon.log").open("w") as file:
            file.writelines(_line(node, at) for at in range(count + (rest if number == 0 else 0)))


def _line(node: str, at: int) -> str:
    level, module, message, metadata = (
        _RARE if node == _NODES[0] and at % 1000 == 999 else _LINES[at % len(_LINES)]
    )
    moment = _BEGAN + timedelta(milliseconds=250 * at)
    told = metadata % ("3N" + sha256(f"{node} {at}".encode()).hexdigest()[:50])
    return (
        f'{{"timestamp":"{moment:%Y-%m-%d %H:%M:%S.%f}Z","level":"{level}",'
        f'"source":{{"module":"{module}","location":"x"}},"message":"{message}","metadata":{{{told}}}}}\n'
    )
