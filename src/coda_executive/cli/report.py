"""`report`: a run for people as an HTML page, for machines as JUnit XML and JSON."""

from pathlib import Path

import click


@click.command("report", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where the page goes; by default report.html in the run's directory.",
)
@click.option(
    "--junit", type=click.Path(path_type=Path, dir_okay=False), help="Also write JUnit XML to this file."
)
@click.option(
    "--json",
    "document",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write JSON to this file.",
)
def report_command(run: str | None, out: Path | None, junit: Path | None, document: Path | None) -> int:
    """Write RUN as one HTML page that opens from disk and needs no network, and print where it is.

    RUN is a path, a testnet that is up (see ls), or the name of a run under runs/ or its beginning; by default
    the newest one. The page shows what the run's directory holds: the verdict is the one recorded there.
    """
    from coda_executive.cli.find_run import find_run
    from coda_executive.report.evidence import read_evidence
    from coda_executive.report.write import PAGE, write_document, write_junit, write_page

    directory = find_run(run)
    evidence = read_evidence(directory)
    page = out or directory / PAGE
    write_page(evidence, page)
    if junit is not None:
        write_junit(evidence, junit)
    if document is not None:
        write_document(evidence, document)
    click.echo(page)
    return 0
