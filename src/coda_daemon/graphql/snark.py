"""SNARK work as GraphQL shows and sets it (daemon contract D.5, H)."""

from typing import TYPE_CHECKING, Any

from coda_daemon.graphql.accounts import account_of
from coda_daemon.graphql.request_error import RequestError
from coda_daemon.ledger.account import MINA_TOKEN, Address
from coda_daemon.snark.statement import Job
from coda_daemon.snark.work import Work
from coda_protocol.currency import Fee
from coda_protocol.format_error import FormatError

if TYPE_CHECKING:
    from coda_daemon.rest import DaemonView


def current_snark_worker(view: "DaemonView") -> dict[str, Any] | None:
    """The local worker; None for a coordinator of external ones."""
    key = view.seller.worker
    if key is None:
        return None
    return {"key": key, "account": account_of(view, Address(key)), "fee": str(view.seller.fee)}


def snark_pool(view: "DaemonView") -> list[dict[str, Any]]:
    return [completed_work(work) for work in view.node.snark.pool]


def pending_snark_work(view: "DaemonView") -> list[dict[str, Any]]:
    bundles = view.node.snark.pending()
    return [{"workBundle": [_description(job) for job in bundle.jobs]} for bundle in bundles]


def completed_work(work: Work) -> dict[str, Any]:
    return {"prover": work.prover, "fee": str(work.fee), "workIds": list(work.work_ids)}


def set_snark_worker(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    return {"lastSnarkWorker": view.seller.set_worker(input.get("publicKey"))}


def set_snark_work_fee(view: "DaemonView", input: dict[str, Any]) -> dict[str, Any]:
    try:
        fee = Fee(int(input["fee"]))
    except (ValueError, FormatError) as error:
        raise RequestError("Invalid snark work `fee` provided.") from error
    return {"lastFee": str(view.seller.set_fee(int(fee)))}


def _description(job: Job) -> dict[str, Any]:
    statement = job.statement
    return {
        "sourceFirstPassLedgerHash": statement.source,
        "targetFirstPassLedgerHash": statement.target,
        "sourceSecondPassLedgerHash": statement.source,
        "targetSecondPassLedgerHash": statement.target,
        "feeExcess": {
            "feeTokenLeft": MINA_TOKEN,
            "feeExcessLeft": _signed(statement.fee_excess, "feeMagnitude"),
            "feeTokenRight": MINA_TOKEN,
            "feeExcessRight": _signed(0, "feeMagnitude"),
        },
        "supplyIncrease": str(max(0, statement.supply_increase)),
        "supplyChange": _signed(statement.supply_increase, "amountMagnitude"),
        "workId": statement.work_id,
    }


def _signed(amount: int, magnitude: str) -> dict[str, str]:
    return {"sign": "PLUS" if amount >= 0 else "MINUS", magnitude: str(abs(amount))}
