"""What users may import is a short list, and it is true."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import coda_executive
from coda_executive.interfaces.capabilities import ABILITIES


def test_every_public_name_is_there_and_has_one_home() -> None:
    homes = coda_executive._HOMES

    names = [name for group in homes.values() for name in group]

    assert sorted(names) == sorted(coda_executive.__all__)
    for name in coda_executive.__all__:
        assert getattr(coda_executive, name) is not None


def test_every_public_name_says_what_it_is() -> None:
    """In words of its own, units and errors included: what a dataclass writes by itself is no documentation."""
    silent = []
    for name in coda_executive.__all__:
        thing = getattr(coda_executive, name)
        if inspect.isclass(thing):
            text = vars(thing).get("__doc__") or ""
            silent += [name] if not text or text.startswith(f"{name}(") else []
        elif inspect.isfunction(thing) and not inspect.getdoc(thing):
            silent.append(name)

    assert not silent


def test_what_a_test_calls_on_nodes_and_on_its_dsl_says_what_it_does() -> None:
    silent = [
        f"{home.__name__}.{name}"
        for home in (coda_executive.Dsl, *ABILITIES)
        for name, method in vars(home).items()
        if not name.startswith("_")
        if inspect.isfunction(method) and not inspect.getdoc(method)
    ]

    assert not silent


def test_the_catalogue_imports_public_names_only() -> None:
    """If a shipped test needs more than users have, so do users."""
    folder = Path(coda_executive.__file__).parent / "catalogue"
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                package = (node.module or "").partition(".")[0]
                is_public = node.module == "coda_executive" or package in sys.stdlib_module_names
                assert is_public, f"{file.name}:{node.lineno}"
            assert not isinstance(node, ast.Import), f"{file.name}:{node.lineno}"


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers in 0.2 s only if these stay out of it."""
    program = (
        "import sys; from coda_executive.cli.main import run_cli; assert run_cli(sys.argv[1:]) == 0; "
        "print(sorted({'aiohttp', 'graphql', 'rich', 'nacl'} & set(sys.modules)))"
    )
    for arguments in (["--help"], ["run", "--help"], ["list"], ["engines", "--help"]):
        shown = subprocess.run(
            [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
        )
        assert shown.stdout.splitlines()[-1] == "[]", arguments
