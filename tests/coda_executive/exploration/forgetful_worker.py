"""A worker of a search whose daemon has a planted defect: it cannot read what it stored before it was killed."""

from coda_daemon.frontier.frontier import Frontier
from coda_daemon.persistence import FrontierStore
from coda_executive.exploration.batch import main


def load(store: FrontierStore) -> Frontier:
    raise RuntimeError("planted: the frontier cannot be loaded")


FrontierStore.load = load  # type: ignore[method-assign, assignment]
main()
