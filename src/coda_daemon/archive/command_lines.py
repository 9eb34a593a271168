"""The flags of `coda archive …` (daemon contract G.1)."""

from typing import Final

from coda_daemon.archive.metrics import DEFAULT_WIDTH
from coda_daemon.command_line import Command, Flag, Kind

DEFAULT_URI: Final = "postgres://admin:codarules@postgres:5432/archiver"

_POSTGRES_URI: Final = Flag(
    "postgres-uri", Kind.TEXT, f"database; sqlite:///PATH works as well, ours (default {DEFAULT_URI})"
)
_LOG: Final = (
    Flag("log-json", Kind.SWITCH, "JSON lines on stdout"),
    Flag("log-level", Kind.TEXT, "console level (default Info)"),
)
_CONFIG_FILE: Final = Flag("config-file", Kind.TEXT, "runtime configuration; later files win", repeats=True)

RUN: Final = Command(
    "coda archive run",
    "Store every block that daemons started with -archive-address send",
    (
        _POSTGRES_URI,
        Flag("server-port", Kind.INTEGER, "port for daemons (default 3086)"),
        Flag(
            _CONFIG_FILE.name,
            _CONFIG_FILE.kind,
            "runtime configuration; stores the genesis block",
            repeats=True,
        ),
        Flag("metrics-port", Kind.INTEGER, "port on loopback for Prometheus (default: none)"),
        Flag(
            "missing-blocks-width",
            Kind.INTEGER,
            f"highest blocks in which missing ones are counted (default {DEFAULT_WIDTH})",
        ),
        Flag("delete-older-than", Kind.INTEGER, "delete blocks more than N below the highest"),
        *_LOG,
    ),
)
PRUNE: Final = Command(
    "coda archive prune",
    "Delete old blocks, and commands that are in no other block",
    (
        _POSTGRES_URI,
        Flag("height", Kind.INTEGER, "delete blocks below this height"),
        Flag("num-blocks", Kind.INTEGER, "delete blocks more than N below the highest"),
        Flag("timestamp", Kind.INTEGER, "delete blocks before this time, in milliseconds since 1970"),
        *_LOG,
    ),
)
BLOCKS: Final = Command(
    "coda archive blocks",
    "Fill holes from precomputed blocks, as daemons write them with -precomputed-blocks-file or into their logs",
    (
        _POSTGRES_URI,
        Flag("file", Kind.TEXT, "file of precomputed blocks, or a log with some", repeats=True),
        *_LOG,
    ),
)
REPLAY: Final = Command(
    "coda archive replay",
    "Replay an archived chain from the genesis ledger, and compare all ledger hashes",
    (
        _POSTGRES_URI,
        _CONFIG_FILE,
        Flag("target-state-hash", Kind.TEXT, "last block (default: the highest canonical one)"),
        *_LOG,
    ),
)
SCHEMA: Final = Command(
    "coda archive schema",
    "Print the tables' SQL: coda archive schema | psql URI",
    (Flag("sqlite", Kind.SWITCH, "in SQLite's words"),),
)
