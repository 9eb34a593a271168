"""Which run a command means: the newest, a path, the beginning of a name under `runs/`, or a testnet that is up."""

from pathlib import Path

from coda_executive.errors import ConfigError
from coda_executive.executive.runs_folder import DEFAULT_PARENT

_SHOWN = 5  # runs in a message


def find_run(given: str | None) -> Path:
    """The run directory that the user means; without a word, the newest under `runs/`.

    A path goes before a testnet that is up, that before the name of a run, and a whole name before one that only
    begins so. Raises ConfigError that lists the newest runs.
    """
    runs = _newest_first(Path(DEFAULT_PARENT))
    if given is None:
        if not runs:
            raise ConfigError(
                f"there is no run under {DEFAULT_PARENT}/ here; name the directory of one, or make one "
                f"with `coda-executive run`"
            )
        return runs[0]
    if given and _is_run(Path(given)):
        return Path(given)
    kept = _kept(given)
    if kept is not None:
        return kept
    named = [run for run in runs if run.name == given] or [run for run in runs if run.name.startswith(given)]
    if len(named) == 1:
        return named[0]
    if named:
        raise ConfigError(f"{len(named)} runs begin with {given!r}; write more of the name.{_listed(named)}")
    if (Path(given) / "exploration.json").is_file():
        raise ConfigError(
            f"{given!r} holds what a search found, and no run: run a failure_*.py in it, whose first lines say how"
        )
    if Path(given).is_dir():
        raise ConfigError(f"{given!r} is no run directory: it holds no nodes/ with logs.{_listed(runs)}")
    raise ConfigError(
        f"there is no run {given!r}, neither as a path nor under {DEFAULT_PARENT}/.{_listed(runs)}"
    )


def has_ended(directory: Path) -> bool:
    """Whether nothing more will be written: its run has its verdict, and its testnet was not kept up."""
    from coda_executive.executive.keeping import is_kept_up

    return (directory / "outcome.json").exists() and not is_kept_up(directory)


def _kept(name: str) -> Path | None:
    from coda_executive.executive.keeping import kept_testnets

    return next((kept.testnet.directory for kept in kept_testnets() if kept.testnet.name == name), None)


def _is_run(path: Path) -> bool:
    return (path / "nodes").is_dir()


def _newest_first(parent: Path) -> list[Path]:
    """By when run.json was written, which is before a run starts anything; runs without one come last."""
    if not parent.is_dir():
        return []
    return sorted(filter(_is_run, parent.iterdir()), key=lambda run: (_begun(run), run.name), reverse=True)


def _begun(run: Path) -> int:
    try:
        return (run / "run.json").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def _listed(runs: list[Path]) -> str:
    if not runs:
        return f" There are no runs under {DEFAULT_PARENT}/ here."
    lines = "".join(f"\n    {run.name}" for run in runs[:_SHOWN])
    more = f"\n    and {len(runs) - _SHOWN} older ones" if len(runs) > _SHOWN else ""
    return f" The newest:{lines}{more}"
