"""The table of `coda client status`, from the status in JSON (daemon contract D.9, J)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_TITLE: Final = "Mina daemon status\n-----------------------------------\n"

Rows = Sequence[tuple[str, str]]


def status_table(status: Mapping[str, Any]) -> str:
    """A line for each value that there is: what needs a frontier is left out before there is one."""
    rows = [(label, text) for label, text in _rows(status) if text is not None]
    return f"{_TITLE}\n{_aligned(rows)}"


def _rows(status: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    producers = status["block_production_keys"]
    return [
        ("Global number of accounts", _text(status["num_accounts"])),
        ("Block height", _text(status["blockchain_length"])),
        ("Max observed block height", _text(status["highest_block_length_received"])),
        ("Max observed unvalidated block height", _text(status["highest_unvalidated_block_length_received"])),
        ("Local uptime", _duration(status["uptime_secs"])),
        ("Ledger Merkle root", _text(status["ledger_merkle_root"])),
        ("Protocol state hash", _text(status["state_hash"])),
        ("Chain id", status["chain_id"]),
        ("Git SHA-1", status["commit_id"]),
        ("Configuration directory", status["conf_dir"]),
        ("Peers", str(len(status["peers"]))),
        ("User_commands sent", str(status["user_commands_sent"])),
        ("SNARK worker", status["snark_worker"] or "None"),
        ("SNARK work fee", str(status["snark_work_fee"])),
        ("Sync status", status["sync_status"]),
        ("Block producers running", f"{len(producers)} ({', '.join(producers)})" if producers else "0"),
        ("Coinbase receiver", status["coinbase_receiver"] or "Block producer"),
        ("Best tip consensus time", _consensus_time(status["consensus_time_best_tip"])),
        (
            "Best tip global slot (across all hard-forks)",
            _text(status["global_slot_since_genesis_best_tip"]),
        ),
        ("Next block will be produced in", _next_block(status)),
        ("Consensus time now", _consensus_time(status["consensus_time_now"])),
        ("Consensus mechanism", status["consensus_mechanism"]),
        ("Consensus configuration", _indented(_configuration(status["consensus_configuration"]))),
        ("Addresses and ports", _indented(_addresses(status["addrs_and_ports"]))),
        ("Metrics", _indented([(name, _metric(value)) for name, value in status["metrics"].items()])),
        *(
            []
            if status["histograms"] is None
            else [("Performance", _indented(_histograms(status["histograms"])))]
        ),
    ]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _duration(seconds: int) -> str:
    """Such as `1h2m3s`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (rest, "s"))
    return "".join(f"{value}{unit}" for value, unit in parts if value) or "0s"


def _consensus_time(time: Mapping[str, Any] | None) -> str | None:
    return None if time is None else f"epoch={time['epoch']}, slot={time['slot']}"


def _next_block(status: Mapping[str, Any]) -> str | None:
    timings = status["next_block_production"]
    if timings is None:
        return None
    if not timings["times"]:
        return "None this epoch"
    slot = timings["times"][0]
    now = status["consensus_time_now"]
    rest = max(0, int(slot["start_time"]) - int(now["start_time"])) // 1000
    return f"{_duration(rest)} (at slot {slot['global_slot']})" if rest else "Now"


def _configuration(configuration: Mapping[str, Any]) -> Rows:
    return (
        ("Delta", str(configuration["delta"])),
        ("k", str(configuration["k"])),
        ("Slots per epoch", str(configuration["slots_per_epoch"])),
        ("Slot duration", _milliseconds(configuration["slot_duration"])),
        ("Epoch duration", _milliseconds(configuration["epoch_duration"])),
        ("Chain start timestamp", configuration["genesis_state_timestamp"]),
        ("Acceptable network delay", _milliseconds(configuration["acceptable_network_delay"])),
    )


def _milliseconds(number: int) -> str:
    return f"{number}ms" if number % 1000 else _duration(number // 1000)


def _addresses(ports: Mapping[str, Any]) -> Rows:
    return (
        ("External IP", ports["external_ip"]),
        ("Bind IP", ports["bind_ip"]),
        ("Libp2p PeerID", ports["peer"]["peer_id"]),
        ("Libp2p port", str(ports["libp2p_port"])),
        ("Client port", str(ports["client_port"])),
    )


def _metric(value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} ({' '.join(map(str, value))})"
    return str(value)


def _histograms(histograms: Mapping[str, Any]) -> Rows:
    rows: list[tuple[str, str]] = []
    for name, histogram in histograms.items():
        if histogram is None:
            continue
        if "values" not in histogram:
            rows += [(f"{name} {inner}", text) for inner, text in _histograms(histogram)]
        else:
            outside = f"below {histogram['underflow']}, above {histogram['overflow']}"
            rows.append((name, f"{' '.join(map(str, histogram['values']))} ({outside})"))
    return rows


def _indented(rows: Rows) -> str:
    return "".join(f"\n\t{line}" for line in _aligned(rows).splitlines()) + "\n"


def _aligned(rows: Rows) -> str:
    width = max((len(label) for label, _ in rows), default=0) + 2
    return "\n".join(f"{label + ':':<{width}} {text}" for label, text in rows)
