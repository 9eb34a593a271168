"""The other interpreters that the package supports, where this machine has them, made able to run `gate`.

They take our own environment's packages: what is pure Python, or built for the stable ABI, is the same for all of them.
What is built for one version is fetched for theirs, by our own pip: that costs two seconds, an environment twenty.
"""

import os
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BUILT_FOR_ONE_VERSION = ("cffi", "msgspec")  # of what a run in the simulation imports
FIRST_SUPPORTED = (3, 11, 3)  # pyproject.toml, requires-python


def other_pythons() -> list[str]:
    """An interpreter of each minor version but this one, on the PATH or of pyenv."""
    folders = [*map(Path, os.get_exec_path()), *sorted(Path.home().glob(".pyenv/versions/*/bin"))]
    found: dict[tuple[int, int], str] = {}
    for path in (folder / f"python3.{minor}" for folder in folders for minor in range(11, 20)):
        minor_version = (3, int(path.name.rpartition(".")[2]))
        if minor_version != sys.version_info[:2] and os.access(path, os.X_OK):
            found[minor_version] = str(path)
    return [found[each] for each in sorted(found)]


def python_path(python: str, directory: Path) -> str:
    """What PYTHONPATH makes `gate` run with that interpreter; skips where it cannot."""
    asked = subprocess.run(
        [python, "-c", "import sys; print(*sys.version_info[:3])"],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip(f"{python} does not run: {asked.stderr.strip()}")
    found = tuple(map(int, asked.stdout.split()))
    if found < FIRST_SUPPORTED:
        pytest.skip(f"{python} is {found}, older than {FIRST_SUPPORTED}")
    fetched = directory / "built"
    wanted = directory / "requirements.txt"
    wanted.write_text("\n".join(map(_pinned, BUILT_FOR_ONE_VERSION)))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [
            *(*pip, "--require-hashes", "-r", str(wanted)),
            *("--target", str(fetched), "--python-version", f"{found[0]}.{found[1]}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"{python} cannot have {BUILT_FOR_ONE_VERSION}: {done.stderr.strip().splitlines()[-1:]}")
    return os.pathsep.join([str(fetched), str(ROOT / "src"), sysconfig.get_path("purelib")])


def _pinned(name: str) -> str:
    """Its lines of the pinned requirements, with hashes."""
    text = (ROOT / "requirements" / "run.txt").read_text()
    [lines] = (part for part in re.split(r"\n(?=\S)", text) if part.startswith(f"{name}=={version(name)} "))
    return lines
