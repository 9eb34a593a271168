"""The commands, and the border where errors become one clear line and an exit code."""

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

import click

# Name -> (module, attribute, summary): summaries are here so that the list of commands imports none of them.
COMMANDS = {
    "run": ("coda_executive.cli.run", "run_command", "Run tests and say how they ended."),
    "explore": (
        "coda_executive.cli.explore",
        "explore_command",
        "Run a test with many seeds and faults, and shrink what fails.",
    ),
    "list": ("coda_executive.cli.listing", "list_command", "List the tests of the catalogue."),
    "engines": (
        "coda_executive.cli.listing",
        "engines_command",
        "List the engines and whether they can run here.",
    ),
    "doctor": (
        "coda_executive.cli.listing",
        "doctor_command",
        "Say what is missing on this machine, and what to install.",
    ),
    "plan": (
        "coda_executive.cli.configuration",
        "plan_command",
        "Check a network file and print what would be deployed.",
    ),
    "schema": (
        "coda_executive.cli.configuration",
        "schema_command",
        "Print the JSON Schema of configuration files.",
    ),
    "genesis": ("coda_executive.cli.genesis", "genesis_command", "Keep the files that networks start from."),
    "deploy": (
        "coda_executive.cli.deploy",
        "deploy_command",
        "Deploy a network file's testnet and leave it up.",
    ),
    "ls": ("coda_executive.cli.testnets", "ls_command", "List the testnets that are up by hand."),
    "env": ("coda_executive.cli.testnets", "env_command", "Print how to reach a testnet's nodes."),
    "start": ("coda_executive.cli.testnets", "start_command", "Start nodes of a testnet again."),
    "stop": ("coda_executive.cli.testnets", "stop_command", "Stop nodes of a testnet."),
    "destroy": ("coda_executive.cli.testnets", "destroy_command", "Destroy a testnet."),
    "cleanup": ("coda_executive.cli.cleanup", "cleanup_command", "Remove what dead runs left."),
    "judge": (
        "coda_executive.cli.judge",
        "judge_command",
        "Judge a run again from its history, or logs alone.",
    ),
    "report": (
        "coda_executive.cli.report",
        "report_command",
        "Write a run as a page that opens from disk.",
    ),
    "logs": ("coda_executive.cli.logs", "logs_command", "Print all nodes' logs of a run, merged by time."),
}

EXIT_INFRASTRUCTURE = 3
EXIT_USAGE = 4
EXIT_INTERRUPTED = 130


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute, _summary = COMMANDS[name]
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and (close := get_close_matches(args[0], COMMANDS, n=1)):
            context.fail(f"No such command {args[0]!r}. Did you mean {close[0]!r}?")
        return super().resolve_command(context, args)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="coda-executive", message="%(version)s")
def cli() -> None:
    """Integration tests of Coda (Mina) networks: one test on every engine.

    Exit codes: 0 passed, 1 the test failed, 2 inconclusive, 3 infrastructure failed, 4 bad usage or
    configuration, 5 nothing ran, 6 passed only on a retry, 130 interrupted.
    """


def run_cli(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code; errors are told on stderr in our own words, without a
    traceback.
    """
    from coda_executive.errors import ConfigError, ExecutiveError

    try:
        result = cli.main(list(arguments), prog_name="coda-executive", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.Abort:
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except ConfigError as error:
        click.echo(f"coda-executive: {error}", err=True)
        return EXIT_USAGE
    except ExecutiveError as error:
        click.echo(f"coda-executive: {error}", err=True)
        return EXIT_INFRASTRUCTURE
    except BrokenPipeError:
        return 0  # the reader of our output, such as `head`, has seen enough
    return result if isinstance(result, int) else 0
