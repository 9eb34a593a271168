"""A newcomer's mistakes in a test file: each is told with its line and what to write instead."""

from pathlib import Path

import pytest

from coda_executive.errors import ConfigError
from coda_executive.executive.load import find_test

RUNTIME = 'runtime=RuntimeConfig(ledger=sample_ledger([Balance.of_coda("1")]))'
GOOD = f"""@integration_test(network=NetworkConfig(block_producers=BlockProducers(count=1)), {RUNTIME})
async def NAME(dsl: Dsl) -> None:
    pass
"""


def refused(directory: Path, text: str, name: str = "own.py") -> str:
    (directory / name).write_text(f"from coda_executive import *\n{text}")
    with pytest.raises(ConfigError) as caught:
        find_test(str(directory / name))
    return str(caught.value).removeprefix(f"{directory}/")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("x = NetworkConfig(block_producer=3)", "own.py:2 cannot be imported: TypeError: NetworkConfig.__init__()"),
        ("x = NetworkConfig(block_producer=3)", ". Did you mean 'block_producers'?"),
        ("x = ProofSection(levle=3)", "own.py:2 cannot be imported: TypeError: Unexpected keyword "),
        ("x = ProofSection(levle=3)", "Did you mean 'level'?"),
        ("\n\nx = nodes_to_initialise()", "own.py:4 cannot be imported: NameError: "),
        ("def k(:", "own.py:2 cannot be imported: SyntaxError: "),
        ("@integration_test\nasync def k(dsl): ...", ". Write @integration_test(network=NetworkConfig(…), runtime="),
        (f"@integration_test(network=NetworkConfig(), {RUNTIME})\ndef k(dsl): ...", "but k is not async"),
        (f"@integration_test(network=NetworkConfig(), {RUNTIME})\nasync def k(): ...", "-> None`, but k takes ()"),
        ("", "own.py has no test named ''; it holds no @integration_test at all"),
        (GOOD.replace("NAME", "b") + GOOD.replace("NAME", "a"), "own.py holds 2 tests; name those that shall run: "),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_to_write(text: str, told: str, tmp_path: Path) -> None:
    assert told in refused(tmp_path, text)


def test_the_only_test_of_a_file_needs_no_name(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(f"from coda_executive import *\n{GOOD.replace('NAME', 'a_b')}")

    assert find_test(str(tmp_path / "own.py")).name == "a-b"


def test_a_file_without_its_ending_is_recognised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own.py").touch()
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigError, match=r"did you mean own\.py\?"):
        find_test("own")
    with pytest.raises(ConfigError, match="`coda-executive list` shows them"):
        find_test("nothing")
