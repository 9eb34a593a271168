"""The commands themselves."""

import pytest

from coda_executive.cli.main import run_cli


def test_a_mistyped_command_is_told_with_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["runn"]) == 4
    assert "No such command 'runn'. Did you mean 'run'?" in capsys.readouterr().err

    assert run_cli(["zzz"]) == 4
    assert "No such command 'zzz'." in capsys.readouterr().err
