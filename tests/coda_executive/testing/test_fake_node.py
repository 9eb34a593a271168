"""What a test can have fake nodes do and answer."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from coda_executive.errors import RequestFailed
from coda_executive.events.event import NodeCrashed, NodeStopped
from coda_executive.interfaces.client import TransactionStatus
from coda_executive.testing import Bench, FakeEngine, FakeOptions, FakeProcess, idle
from coda_protocol.currency import Amount, Fee

AMOUNT, FEE = Amount(5), Fee(1)


def play(
    directory: Path, body: Callable[[Bench, Any], Awaitable[None]], conduct: Callable[..., Any] = idle
) -> Bench:
    """Run a body with a launched bench and its seed."""
    benches: list[Bench] = []

    async def main() -> None:
        bench = Bench(engine, FakeOptions(), directory)
        benches.append(bench)
        testnet = await bench.deploy()
        await bench.manager.launch()
        try:
            await body(bench, testnet.seeds[0])
        finally:
            await bench.aclose()

    engine = FakeEngine(conduct)
    engine.run(main, seed=1)
    return benches[0]


def test_command_waits_in_the_pool_with_the_next_nonce_until_it_is_included(tmp_path: Path) -> None:
    async def body(bench: Bench, seed: Any) -> None:
        await bench.until_it_answers(seed)
        client = seed.client
        with pytest.raises(RequestFailed, match="not unlocked"):
            await client.send_payment("B62a", "B62b", amount=AMOUNT, fee=FEE)
        await client.unlock_account("B62a", "")
        first = await client.send_payment("B62a", "B62b", amount=AMOUNT, fee=FEE)
        second = await client.send_delegation("B62a", "B62c", fee=FEE)
        assert (first.nonce, second.nonce, second.is_delegation, second.amount) == (0, 1, True, 0)
        assert await client.pooled_user_commands("B62a") == (first, second)
        assert await client.pooled_user_commands("B62b") == ()
        client.included.add(first.id)
        status = client.transaction_status
        assert await status(first.id) is TransactionStatus.INCLUDED
        assert await status(second.id) is TransactionStatus.PENDING
        assert await status("other") is TransactionStatus.UNKNOWN

    play(tmp_path, body)


def test_document_is_answered_by_what_the_test_put_there(tmp_path: Path) -> None:
    async def body(bench: Bench, seed: Any) -> None:
        await bench.until_it_answers(seed)
        seed.client.answers["version"] = lambda given: given["of"]
        assert await seed.client.execute("query ($of: Int) { version(of: $of) }", {"of": 7}) == {"version": 7}
        with pytest.raises(RequestFailed, match="an answer for 'block'"):
            await seed.client.execute("{ block { height } }")

    play(tmp_path, body)


def test_bug_of_a_script_is_a_crash_with_its_traceback(tmp_path: Path) -> None:
    async def buggy(process: FakeProcess) -> int:
        process.log("up")
        raise LookupError("mine")

    async def body(bench: Bench, seed: Any) -> None:
        await bench.until(lambda: not seed.is_running, "the seed never ended")

    bench = play(tmp_path, body, buggy)

    (crash,) = [event for node, event in bench.told if node == "seed-1" and isinstance(event, NodeCrashed)]
    assert crash.exit_code == 1
    assert crash.last_lines[-1] == "LookupError: mine"


def test_script_that_does_not_end_is_stopped_by_force(tmp_path: Path) -> None:
    async def deaf(_process: FakeProcess) -> int:
        await asyncio.Event().wait()
        return 0

    async def body(_bench: Bench, seed: Any) -> None:
        await seed.stop()

    bench = play(tmp_path, body, deaf)

    assert ("seed-1", NodeStopped(None, forced=True)) in bench.told
