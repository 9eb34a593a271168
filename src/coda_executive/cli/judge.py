"""`judge`: the command's options. What they start is in `judging`, imported when it runs."""

import click


@click.command("judge", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("targets", metavar="[RUN | LOG...]", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--k", type=click.IntRange(1), help="Of logs: k, in blocks. By default what their blocks say, or 290."
)
@click.option(
    "--slot",
    "slot_seconds",
    type=click.FloatRange(0, min_open=True),
    help="Of logs: length of a slot in seconds. By default what their blocks say, or 180.",
)
@click.option(
    "--slots-per-epoch",
    type=click.IntRange(1),
    help="Of logs: as it says. By default what their blocks say, or 7140.",
)
def judge_command(
    targets: tuple[str, ...],
    as_json: bool,
    k: int | None,
    slot_seconds: float | None,
    slots_per_epoch: int | None,
) -> int:
    """Judge RUN again from its history, or daemons' log files alone.

    RUN is a path, or the name of a run under runs/ or its beginning; by default the newest one. Its verdict
    is the exit code, as that of `run`. A LOG is what a daemon wrote; from DIRECTORY/daemon.log the node gets
    the directory's name. Logs know nothing of stops and stake, so fewer validators have a chance to fail.
    """
    from coda_executive.cli.judging import are_logs, judge_log_files, judge_one_run

    if are_logs(targets):
        return judge_log_files(
            targets, k=k, slot_seconds=slot_seconds, slots_per_epoch=slots_per_epoch, as_json=as_json
        )
    if len(targets) > 1:
        raise click.UsageError("judge takes one run, or any number of log files; each must be a file")
    return judge_one_run(targets[0] if targets else None, as_json=as_json)
