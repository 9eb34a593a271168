"""Flags in the style of Core Command, and the daemon's own (daemon contract A.1, A.2, A.12)."""

import pytest

from coda_daemon.arguments import DAEMON, DaemonArguments, UnknownLogLevel, parse_daemon_arguments
from coda_daemon.command_line import Command, Flag, HelpWanted, Kind, UsageError, parse
from coda_protocol.structured_events import Level

COMMON = """
    -log-json -log-level Debug -log-snark-work-gossip true -log-txn-pool-gossip true -generate-genesis-proof true
    -client-port 8301 -rest-port 3085 -external-port 10101 -metrics-port 10001 -external-ip 0.0.0.0
    --insecure-rest-server --libp2p-keypair /keys/libp2p -config-file /config.json
"""
PRODUCER = """
    -block-producer-key /keys/bp -enable-flooding false -enable-peer-exchange true -peer /ip4/x
    --start-filtered-logs 64e2 --start-filtered-logs 21cc
"""


def parsed(*arguments: str) -> DaemonArguments:
    return parse_daemon_arguments(arguments, home="/home/user")


def test_both_forms_of_a_flag_and_unique_prefixes_mean_the_same() -> None:
    for flag in ("-rest-port", "--rest-port", "-rest-p"):
        assert parsed(flag, "4000").rest_port == 4000


def test_an_exact_name_wins_over_longer_ones() -> None:
    assert parsed("-peer", "/a", "-peer-list-file", "/b").peers == ("/a",)


def test_a_value_may_look_like_a_flag() -> None:
    assert parsed("-block-producer-password", "-seed").block_producer_password == "-seed"


def test_repeated_flags_keep_their_order() -> None:
    assert parsed("-config-file", "/a", "--config-file", "/b").config_files == ("/a", "/b")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-rest-port=3085"], "unknown flag -rest-port=3085"),
        (["-log"], "ambiguous prefix"),
        (["-seed", "-seed"], "more than once"),
        (["-"], "anonymous"),
        (["-contact-info", "x" * 200], "fewer than 200"),
        (["-background"], "cannot be honoured"),
        (["-external-port", "70000"], "expected a port"),
    ],
)
def test_bad_usage_says_what_is_wrong(arguments: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parsed(*arguments)


def test_how_messages_spread_and_with_whom_is_chosen_by_flags() -> None:
    arguments = parsed(
        "-isolate-network", "true", "-enable-flooding", "true", "-direct-peer", "x", "-peer", "y"
    )

    assert (arguments.is_isolated, arguments.is_flooding) == (True, True)
    assert (arguments.peers, arguments.direct_peers) == (("y",), ("x",))
    assert not parsed().is_flooding


def test_a_refused_boolean_may_be_given_as_false() -> None:
    assert not parsed("-upload-blocks-to-gcloud", "false").is_seed


@pytest.mark.parametrize("flag", ["-help", "--help", "-?"])
def test_help_is_wanted(flag: str) -> None:
    with pytest.raises(HelpWanted):
        parse(DAEMON, [flag])


def test_help_lists_every_flag_and_what_is_refused() -> None:
    usage = DAEMON.usage()

    assert all(f"-{flag.name}" in usage for flag in DAEMON.flags)
    assert "start it in the background yourself" in usage


def test_log_levels_are_known_in_any_case() -> None:
    arguments = parsed("-log-level", "faulty_PEER", "-file-log-level", "debug")

    assert (arguments.log_level, arguments.file_log_level) == (Level.FAULTY_PEER, Level.DEBUG)
    with pytest.raises(UnknownLogLevel, match="Expected one of: Internal\nSpam\nTrace"):
        parsed("-log-level", "loud")


def test_relative_paths_start_from_the_working_directory_that_was_given() -> None:
    arguments = parsed("-working-dir", "/srv/", "-config-file", "a.json", "-config-directory", "~/state/")

    assert arguments.config_files == ("/srv/a.json",)
    assert arguments.config_directory == "/home/user/state"
    assert parsed().config_directory == "/home/user/.mina-config"


def test_the_command_lines_of_real_test_tools_are_understood() -> None:
    """Contract A.12, for a seed and a block producer."""
    assert parsed(*COMMON.split(), "-seed").is_seed
    found = parsed(*COMMON.split(), *PRODUCER.split())
    assert (found.external_port, found.insecure_rest_server, found.log_json) == (10101, True, True)
    assert found.block_producer_key == "/keys/bp"
    assert found.start_filtered_logs == ("64e2", "21cc")


def test_arguments_that_stand_alone_and_flags_that_must_be_there() -> None:
    fee = Flag("fee", Kind.TEXT, "what it costs", is_required=True)
    command = Command("coda x", "Do x", (fee, Flag("y", Kind.SWITCH, "also y")), ("KIND",))

    assert parse(command, ["-fee", "1", "some", "-y"]) == {"fee": ("1",), "KIND": ("some",), "y": (True,)}
    with pytest.raises(UsageError, match="missing anonymous argument: KIND"):
        parse(command, ["-fee", "1"])
    with pytest.raises(UsageError, match="missing required flag: -fee"):
        parse(command, ["some"])
    with pytest.raises(UsageError, match="too many anonymous arguments: 'more'"):
        parse(command, ["some", "more", "-fee", "1"])
    assert "coda x KIND [flags]" in command.usage()
    assert "  -fee TEXT  " in command.usage()
