"""Subscriptions to nodes: the same test over a simulated and over a real websocket."""

from collections.abc import Callable
from pathlib import Path

import pytest

from coda_executive.cli.main import run_cli

BODY = """
await dsl.wait_for(nodes_to_initialize(dsl.testnet.nodes))
seed = dsl.testnet.seeds[0]
heard = []
async with seed.client.subscribe("subscription { newBlock { stateHash } }") as blocks:
    async for answer in blocks:
        heard.append(answer["newBlock"]["stateHash"])
        if len(heard) == 2:
            break
    await dsl.wait_for(block_height_to_grow(1), since=dsl.cursor())  # logs may come later than answers
    assert all(dsl.state.blocks.find(name) for name in heard), heard
    await seed.stop()
    try:
        async for answer in blocks:
            pass
    except RequestFailed as error:
        assert "closed a subscription" in str(error)
    else:
        assert False, "nobody told the end"
await seed.start()
await dsl.wait_for(nodes_to_initialize([seed]))
try:
    async with seed.client.subscribe("subscription { noSuchThing }") as wrong:
        async for answer in wrong:
            pass
except RequestFailed as error:
    assert "noSuchThing" in str(error), str(error)
else:
    assert False, "nobody refused"
"""


@pytest.mark.parametrize("engine", ["simulation", pytest.param("local", marks=pytest.mark.real)])
def test_blocks_are_told_until_the_node_ends(
    write_test: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    where = ["--engine", engine, "--seed", "1", "--run-dir", str(tmp_path / "run")]
    code = run_cli(["run", write_test(BODY), *where])

    assert code == 0, capsys.readouterr().out
