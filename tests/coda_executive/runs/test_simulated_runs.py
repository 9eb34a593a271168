"""Whole runs in virtual time, from the command line to the run directory."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli
from coda_executive.executive.outcome import Verdict
from coda_executive.executive.run_directory import read_description, read_outcome
from coda_executive.observation.history import EventSeen, HistoryReader, WaitEnded

Write = Callable[..., str]


@pytest.fixture
def simulate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, Path]]:
    """Run tests in the simulation, in this process; answers exit code, what was printed, and the run directory."""
    runs = iter(range(100))

    def run(target: str, *arguments: str, seed: int = 1) -> tuple[int, str, Path]:
        directory = tmp_path / f"run-{next(runs)}"
        options = ["--engine", "simulation", "--seed", str(seed), "--run-dir", str(directory), *arguments]
        code = run_cli(["run", target, *options])
        shown = capsys.readouterr()
        return code, shown.out + shown.err, directory

    return run


Simulate = Callable[..., tuple[int, str, Path]]


def history_bytes(directory: Path) -> bytes:
    return b"".join(segment.read_bytes() for segment in sorted((directory / "history").glob("*.jsonl")))


def test_block_production_passes_and_leaves_its_evidence(simulate: Simulate) -> None:
    """The catalogue test with its own slots: verdict, sections, history, logs, plan and seed are all there."""
    code, shown, directory = simulate("block-production")

    assert code == 0, shown
    outcome = read_outcome(directory)
    assert outcome is not None
    assert outcome.verdict is Verdict.PASSED
    assert [(section.path, section.passed) for section in outcome.sections] == [
        (("initialise",), True),
        (("produce",), True),
        (("agree",), True),
    ]
    description = read_description(directory)
    assert (description.test, description.seed) == ("block-production", 1)
    assert sorted(path.name for path in (directory / "nodes").iterdir()) == [
        "block-producer-1",
        "block-producer-2",
        "block-producer-3",
        "node-1",
        "seed-1",
    ]
    plan = (directory / "plan.json").read_text()
    assert "EK" not in plan  # no private key
    entries = list(HistoryReader(directory / "history"))
    assert [e.record.result for e in entries if isinstance(e.record, WaitEnded)] == ["reached"] * 4
    assert any(isinstance(e.record, EventSeen) and e.record.line is not None for e in entries)


def test_two_minute_slots_cost_nothing_and_one_seed_writes_one_history(simulate: Simulate) -> None:
    """The promise of the simulation: the same bytes for the same seed, others for another."""
    first, again, other = (simulate("block-production", "--slot", "120", seed=seed)[2] for seed in (7, 7, 8))

    assert history_bytes(first) == history_bytes(again)
    assert history_bytes(first) != history_bytes(other)


def test_a_wait_that_fails_ends_its_section_and_the_test_goes_on(
    simulate: Simulate, write_test: Write
) -> None:
    target = write_test(
        """
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        with dsl.section("without producers"):
            for node in dsl.testnet.block_producers:
                await node.stop()
            await dsl.wait_for(blocks_to_be_produced(1))
        with dsl.section("with them again"):
            for node in dsl.testnet.block_producers:
                await node.start()
            await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
            await dsl.wait_for(blocks_to_be_produced(2))
        """
    )

    code, shown, directory = simulate(target)

    assert code == 1
    assert (
        "no stake is online, so no slot will be filled (block-producer-1: stopped; block-producer-2: stopped)"
        in shown
    )
    outcome = json.loads((directory / "outcome.json").read_text())
    assert [(s["path"], s["passed"]) for s in outcome["sections"]] == [
        (["without producers"], False),
        (["with them again"], True),
    ]


def test_a_restarted_node_goes_on_with_its_state(simulate: Simulate, write_test: Write) -> None:
    """Stop, miss some blocks, start: the node catches up and agrees again."""
    target = write_test(
        """
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await dsl.wait_for(block_height_to_grow(3))
        sleeper = dsl.testnet.block_producers[1]
        await sleeper.stop()
        await dsl.wait_for(block_height_to_grow(3))
        await sleeper.start()
        await dsl.wait_for(nodes_to_initialize([sleeper]))
        await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
        assert dsl.state.best_height >= 7
        """
    )

    code, shown, _directory = simulate(target)

    assert code == 0, shown


def test_a_crash_ends_the_wait_with_the_node_s_last_words(simulate: Simulate, write_test: Write) -> None:
    """A node that is started with nonsense dies; the wait does not sit out its limit."""
    target = write_test(
        "await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))",
        settings="**{**SMALL, 'network': NetworkConfig(block_producers=BlockProducers(count=2), "
        "nodes={'block-producer-1': NodeSettings(arguments=('-no-such-flag',))})}",
    )

    code, shown, directory = simulate(target)

    assert code == 1
    assert "block-producer-1 crashed: it exited with code 1 and nobody asked it to" in shown
    assert "no-such-flag" in shown
    assert json.loads((directory / "outcome.json").read_text())["phases"][4]["seconds"] < 5


def test_a_bug_of_the_test_is_told_with_its_line(simulate: Simulate, write_test: Write) -> None:
    code, shown, _directory = simulate(write_test("dsl.no_such_thing"))

    assert code == 1
    assert "'Dsl' object has no attribute 'no_such_thing'\n    test: own_test.py:" in shown


def test_a_failed_wait_is_told_with_the_line_of_the_test(simulate: Simulate, write_test: Write) -> None:
    """In a section and outside of one, and with the values that an assertion compared."""
    body = """
    await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
    for node in dsl.testnet.block_producers:
        await node.stop()
    with dsl.section("compare"):
        wanted = 7
        assert wanted == 8
    with dsl.section("never"):
        await dsl.wait_for(blocks_to_be_produced(1))
    await dsl.wait_for(blocks_to_be_produced(2))
    """
    code, shown, _directory = simulate(write_test(body))

    assert code == 1
    assert "assert wanted == 8 with wanted = 7 (at " in shown
    for count in (1, 2):
        assert re.search(
            rf"\n    test: own_test.py:\d+: await dsl.wait_for\(blocks_to_be_produced\({count}\)\)\n", shown
        )


def test_a_failed_assertion_fails_the_test(simulate: Simulate, write_test: Write) -> None:
    code, shown, _directory = simulate(write_test("assert 1 + 1 == 3, 'arithmetic'"))

    assert code == 1
    assert "arithmetic" in shown


def test_a_body_that_hangs_is_ended_by_its_time_limit(simulate: Simulate, write_test: Write) -> None:
    target = write_test(
        "with dsl.section('for ever'):\n    await asyncio.sleep(10**9)",
        settings="**SMALL, time_limit=Span(seconds=30)",
    )

    code, shown, _directory = simulate(target)

    assert code == 1
    assert "did not end within its time limit of 30 s" in shown


def test_a_test_that_needs_more_than_the_engine_gives_is_skipped(
    simulate: Simulate, write_test: Write
) -> None:
    target = write_test("pass", settings="**SMALL, needs=(IntegrationTest,)")

    code, shown, _directory = simulate(target)

    assert code == 5
    assert "skipped: engine simulation gives its nodes no IntegrationTest" in shown


def test_the_dsl_asks_a_node_by_graphql(simulate: Simulate, write_test: Write) -> None:
    """The same client as on real sockets, over the simulation's transport."""
    target = write_test(
        """
        await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
        await dsl.wait_for(blocks_to_be_produced(3))
        await dsl.wait_for(nodes_to_synchronize(dsl.testnet.nodes))
        client = dsl.testnet.seeds[0].client
        chain = await client.best_chain()
        status = await client.daemon_status()
        assert chain[-1].state_hash == status.state_hash == dsl.state.node("seed-1").best_tip
        assert status.sync_status == await client.sync_status() == "SYNCED"
        assert len(await client.peers()) == 2
        """
    )

    code, shown, _directory = simulate(target)

    assert code == 0, shown


def test_an_overrun_soft_limit_warns_and_fails_only_when_strict(
    simulate: Simulate, write_test: Write
) -> None:
    target = write_test(
        """
        slow = blocks_to_be_produced(3)
        await dsl.wait_for(WaitCondition(slow.description, slow.begin, lambda now, facts: Limits(Span(0.1), Span(99))))
        """
    )

    code, shown, _ = simulate(target)
    assert (code, "beyond its soft limit" in shown) == (0, True)

    code, shown, _ = simulate(target, "--strict")
    assert (code, "beyond its soft limit" in shown) == (1, True)


def test_a_hard_limit_tells_target_progress_and_every_node(simulate: Simulate, write_test: Write) -> None:
    target = write_test(
        """
        many = blocks_to_be_produced(50)
        await dsl.wait_for(WaitCondition(many.description, many.begin, lambda now, facts: Limits(Span(2), Span(8))))
        """
    )

    code, shown, _ = simulate(target)

    assert code == 1
    assert "timed out waiting for 50 blocks to be produced after 8 slots (8.0 s)" in shown
    assert " of 50 blocks" in shown
    assert "seed-1: running, initialised" in shown


def test_a_plan_is_printed_without_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["run", "block-production", "--engine", "simulation", "--seed", "1", "--plan"]) == 0

    plan = json.loads(capsys.readouterr().out)

    assert list(plan["nodes"])[:2] == ["seed-1", "block-producer-1"]


def test_json_is_for_machines(simulate: Simulate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--engine", "simulation", "--seed", "3", "--json", "--run-dir", str(tmp_path / "json")]
    assert run_cli(["run", "block-production", *options]) == 0

    document = json.loads(capsys.readouterr().out)

    assert (document["verdict"], document["exit_code"], document["seed"]) == ("passed", 0, 3)
    assert document["repeat"][-2:] == ["--seed", "3"]


def test_a_strict_run_fails_for_what_the_test_exercises_and_did_not_show(
    simulate: Simulate, write_test: Write
) -> None:
    """Nobody sent a command: only a test that says it would is wrong then, and only in a strict run."""
    body = "await dsl.wait_for(blocks_to_be_produced(1))"
    target = write_test(body, settings='**SMALL, exercises=("conservation",)')

    (lax, _, _), (code, shown, directory) = simulate(target), simulate(target, "--strict")

    assert (lax, code) == (0, 1)
    assert "VacuousValidator" in shown
    assert shown.count("had no chance to fail") == 1
    assert run_cli(["judge", str(directory)]) == 1
    assert simulate(write_test(body), "--strict")[0] == 0


def test_a_validator_that_there_is_none_of_cannot_be_exercised(simulate: Simulate, write_test: Write) -> None:
    code, shown, _ = simulate(write_test("pass", settings='**SMALL, exercises=("honesty",)'))

    assert code == 4
    assert "found honesty; there are one-block-per-slot" in shown


def test_traffic_goes_on_beside_the_body_and_ends_with_it(simulate: Simulate, write_test: Write) -> None:
    target = with_traffic(
        write_test, "while True:\n        dsl.collect('breath', 1, '')\n        await asyncio.sleep(1)"
    )

    code, shown, directory = simulate(target)

    assert code == 0, shown
    assert history_bytes(directory).count(b'"breath"') >= 2


def test_an_error_of_the_traffic_ends_the_test(simulate: Simulate, write_test: Write) -> None:
    code, shown, _ = simulate(with_traffic(write_test, "await asyncio.sleep(2)\n    assert not 'a jam'"))

    assert code == 1
    assert "AssertionError at 2.00 s" in shown, shown


def with_traffic(write_test: Write, traffic: str) -> str:
    """A test that waits for four blocks beside this traffic."""
    target = write_test(
        "await dsl.wait_for(blocks_to_be_produced(4))", settings="**SMALL, traffic=lambda dsl: traffic(dsl)"
    )
    path = Path(target.partition("::")[0])
    path.write_text(f"{path.read_text()}\n\nasync def traffic(dsl):\n    {traffic}\n")
    return target


def test_several_tests_end_with_what_did_not_pass(
    write_test: Write, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = write_test("assert False")
    right = tmp_path / "right.py"
    right.write_text(Path(wrong.partition("::")[0]).read_text().replace("assert False", "pass"))

    assert run_cli(["run", wrong, str(right), "--engine", "simulation"]) == 1

    *_, count, odd = capsys.readouterr().out.splitlines()
    assert count == "2 tests: 1 failed, 1 passed"
    assert odd.startswith("  FAILED         it  ")
