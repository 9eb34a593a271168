"""npm's mina-signer in a process of its own, asked over JSON lines."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

_HERE = Path(__file__).parent

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


class MinaSigner:
    """The running signer. `ask` raises AssertionError with its words when it throws."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, question: str, network: str = "testnet", **values: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"ask": question, "network": network, **values}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer


@pytest.fixture(scope="session")
def mina_signer() -> Iterator[MinaSigner]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (_HERE / "node_modules" / "mina-signer").is_dir():
        pytest.skip("mina-signer is not installed: run `npm ci` in tests/interop")
    process = subprocess.Popen(
        [node, str(_HERE / "mina_signer.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:  # closes its input, upon which it ends, and waits
        yield MinaSigner(process)
    assert process.returncode == 0
