"""What a test is: a network, its runtime configuration, and a body that says what must happen."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from coda_executive.config.network import NetworkConfig
from coda_executive.dsl.dsl import Dsl
from coda_executive.dsl.results import Results
from coda_executive.errors import ConfigError
from coda_executive.executive.log_policy import LogPolicy
from coda_executive.validation.in_the_box import NAMES
from coda_executive.wait_conditions.limits import Span
from coda_protocol.runtime_config import RuntimeConfig

Body = Callable[[Dsl], Awaitable[None]]
Analysis = Callable[[Results], None]

# Far above any sum of limits in a short test: it is there for a body that hangs outside of its waits.
DEFAULT_TIME_LIMIT = Span(slots=500, seconds=600)


@dataclass(frozen=True, slots=True)
class IntegrationTest:
    """One test. `needs` are protocols of `interfaces.capabilities`; an engine without them skips the test.

    `time_limit` bounds the body as a whole, for a body that hangs outside of any wait. `exercises` names the
    validators that the test must give a chance to fail: in a strict run it is an error if one had none. What is
    not named stands in the report only, for no test shows everything.

    `traffic` goes on beside the body until that ends, and in a search also while faults are at work: what users
    of the network do meanwhile. It must bear nodes that do not answer.

    `analysis` is called with the results of a body that came to its end, once every node's last line was read; its
    assertions are errors of the run. A test that was stopped early skips it.
    """

    name: str
    summary: str
    network: NetworkConfig
    runtime: RuntimeConfig
    body: Body
    needs: tuple[type, ...] = ()
    exercises: tuple[str, ...] = ()
    traffic: Body | None = None
    analysis: Analysis | None = None
    log_policy: LogPolicy = field(default_factory=LogPolicy)
    time_limit: Span = DEFAULT_TIME_LIMIT


def integration_test(
    *,
    network: NetworkConfig,
    runtime: RuntimeConfig,
    name: str | None = None,
    needs: tuple[type, ...] = (),
    exercises: tuple[str, ...] = (),
    traffic: Body | None = None,
    analysis: Analysis | None = None,
    log_policy: LogPolicy | None = None,
    time_limit: Span = DEFAULT_TIME_LIMIT,
) -> Callable[[Body], IntegrationTest]:
    """Make a test of an async function that takes a Dsl. Its name and summary are the function's own and its
    docstring's first line. Raises ConfigError when `exercises` names a validator that there is none of, or the
    function is not of this kind.
    """
    unknown = [validator for validator in exercises if validator not in NAMES]
    if unknown:
        raise ConfigError(
            f"exercises: expected names of validators, found {', '.join(unknown)}; there are {', '.join(NAMES)}"
        )

    def decorate(body: Body) -> IntegrationTest:
        _check_body(body)
        summary = (body.__doc__ or "").strip().partition("\n")[0]
        return IntegrationTest(
            name=name or getattr(body, "__name__", "test").replace("_", "-"),
            summary=summary,
            network=network,
            runtime=runtime,
            body=body,
            needs=needs,
            exercises=exercises,
            traffic=traffic,
            analysis=analysis,
            log_policy=log_policy or LogPolicy(),
            time_limit=time_limit,
        )

    return decorate


def _check_body(body: Body) -> None:
    name = getattr(body, "__name__", repr(body))
    wanted = f"a test is written `async def {name}(dsl: Dsl) -> None`"
    if not callable(body):
        raise ConfigError(f"{wanted}, found {body!r}")
    if inspect.isfunction(body) and not inspect.iscoroutinefunction(body):
        raise ConfigError(f"{wanted}, but {name} is not async")
    try:
        inspect.signature(body).bind(None)
    except TypeError:
        raise ConfigError(f"{wanted}, but {name} takes {inspect.signature(body)}") from None
