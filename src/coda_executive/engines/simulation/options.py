"""Options of the simulation engine."""

from typing import Annotated, Literal

from msgspec import Meta, Struct


class SimulationOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    latency: Annotated[
        float, Meta(ge=0, le=3600, description="Seconds that a message takes between two nodes.")
    ] = 0.05
    jitter: Annotated[
        float, Meta(ge=0, le=3600, description="Seconds that a message may take longer, drawn for each.")
    ] = 0.0
    spread: Annotated[
        Literal["uniform", "exponential", "lognormal"],
        Meta(description="How jitter is drawn: evenly below it, with it for a mean, or for a median."),
    ] = "uniform"
    loss: Annotated[
        float, Meta(ge=0, lt=1, description="Chance that a message is lost and has to be sent again.")
    ] = 0.0
    bandwidth: Annotated[
        float, Meta(ge=0, description="Bytes a second from one node to another, 0 for no limit.")
    ] = 0.0
    boot_allowance: Annotated[
        float, Meta(ge=0, le=3600, description="Virtual seconds from the start to genesis.")
    ] = 1.0
    stop_limit: Annotated[
        float,
        Meta(
            gt=0, le=3600, description="Virtual seconds after which a node that was asked to stop is killed."
        ),
    ] = 30.0
    ready_order: Annotated[
        Literal["fifo", "random"],
        Meta(description="Which of several things that are due at once happens first."),
    ] = "fifo"
    trace: Annotated[bool, Meta(description="Hash every step of the run into trace.json.")] = True
    trace_text: Annotated[
        bool,
        Meta(description="Write every step into trace.txt too: a replay then names the first that differs."),
    ] = False
    audit: Annotated[
        bool, Meta(description="Fail when anything reads a real clock or draws real entropy.")
    ] = False
