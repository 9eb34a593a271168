"""Where accounts stand in the ledger, whose stake counts, and VRF tickets, through GraphQL (daemon contract D.6,
I.2).
"""

import json
from typing import Any

from tests.coda_daemon.graphql.test_sending import ONE, TWO, Nodes, in_network
from tests.coda_daemon.worlds import config_for

from coda_daemon.consensus.lottery import OUTPUT_BITS
from coda_daemon.ledger.account import MINA_TOKEN

TICKET = """message { globalSlot epochSeed delegatorIndex } publicKey c s scaledMessageHash vrfOutput
  vrfOutputFractional thresholdMet vrfThreshold { delegatedStake totalStake }"""
MESSAGE = {"globalSlot": "9", "epochSeed": "2va9", "delegatorIndex": 1}


@in_network
async def test_an_account_has_a_place_in_the_tree(net: Nodes) -> None:
    text = f"""{{ account(publicKey: "{TWO}") {{
      index leafHash merklePath {{ left right }} epochDelegateAccount {{ publicKey }} lastEpochDelegators {{ index }}
      delegators {{ publicKey }} }} }}"""
    account = (await net.producer.post(text))["data"]["account"]
    path = account["merklePath"]

    assert account["index"] == 1
    assert account["leafHash"].isdecimal()
    assert len(path) == config_for(2).proof.ledger_depth  # type: ignore[union-attr]
    # As in Mina, the side is the way's own, the hash the other's: account 1 is on the right of the first pair.
    assert [side["right"] is not None for side in path] == [True, *[False] * (len(path) - 1)]
    text = f'{{ account(publicKey: "{ONE}") {{ leafHash merklePath {{ left }} }} }}'
    other = (await net.producer.post(text))["data"]["account"]
    assert path[0]["right"] == other["leafHash"]
    assert other["merklePath"][0]["left"] == account["leafHash"]
    assert account["epochDelegateAccount"] == {"publicKey": TWO}
    assert account["delegators"] == [{"publicKey": TWO}]
    assert account["lastEpochDelegators"] is None


@in_network
async def test_a_key_without_account_has_none_of_it(net: Nodes) -> None:
    nobody = "B62qiy32p8kAKnny8ZFwoMhYpBppM1DWVCqAPBYNcXnsAHhnfAAuXgg"
    text = f"""{{ wallet(publicKey: "{nobody}") {{
      index leafHash merklePath {{ left }} delegate permissions {{ send }} }} }}"""
    assert set((await net.seed.post(text))["data"]["wallet"].values()) == {None}
    tokens = f"""{{ tokenAccounts(tokenId: "{MINA_TOKEN}") {{ publicKey }}
      tokenOwner(tokenId: "{MINA_TOKEN}") {{ index }} }}"""
    assert (await net.seed.post(tokens))["data"] == {
        "tokenAccounts": [{"publicKey": ONE}, {"publicKey": TWO}],
        "tokenOwner": None,
    }


@in_network
async def test_a_ticket_is_evaluated_by_its_key_and_checked_by_anybody(net: Nodes) -> None:
    evaluate = f"""query($message: VrfMessageInput!, $stakes: VrfThresholdInput) {{
      evaluateVrf(publicKey: "{ONE}", message: $message, vrfThreshold: $stakes) {{ {TICKET} }} }}"""
    check = f"""query($input: VrfEvaluationInput!) {{ checkVrf(input: $input) {{ {TICKET}
      never: thresholdMet(input: {{delegatedStake: 0, totalStake: 1}})
      more: thresholdMet(input: {{delegatedStake: "18446744073709551615", totalStake: 1}}) }} }}"""
    stakes = {"delegatedStake": "500", "totalStake": "1000"}
    made = (await net.producer.post(evaluate, {"message": MESSAGE, "stakes": stakes}))["data"]["evaluateVrf"]

    async def checked(**changes: Any) -> Any:
        given = {name: made[name] for name in ("publicKey", "c", "s", "scaledMessageHash")}
        body = await net.seed.post(
            check, {"input": {**given, "message": MESSAGE, "vrfThreshold": stakes, **changes}}
        )
        return body["data"]["checkVrf"]

    found = await checked()
    assert {name: found[name] for name in made} == made
    fraction = made["vrfOutputFractional"]
    assert 0 <= fraction < 1
    assert made["thresholdMet"] is (fraction <= 1 - 0.25**0.5)
    assert (found["never"], found["more"]) == (False, fraction <= 0.75)
    assert made["vrfOutput"]
    for wrong in (
        {"c": "1"},
        {"s": str(2**255)},
        {"message": {**MESSAGE, "globalSlot": "8"}},
        {"publicKey": TWO},
    ):
        refused = await checked(**wrong)
        assert (refused["vrfOutput"], refused["vrfOutputFractional"], refused["thresholdMet"]) == (
            None,
            None,
            None,
        )
    assert OUTPUT_BITS == 253


@in_network
async def test_tickets_need_a_key_and_a_delegator(net: Nodes) -> None:
    async def complaint(key: str, message: dict[str, Any]) -> str:
        text = """query($key: PublicKey!, $message: VrfMessageInput!) {
          evaluateVrf(publicKey: $key, message: $message) { c } }"""
        body = await net.producer.post(text, {"key": key, "message": message})
        return str(json.dumps(body["errors"]))

    assert "Could not find owned account" in await complaint(TWO, MESSAGE)
    assert "Could not find delegator 2" in await complaint(ONE, {**MESSAGE, "delegatorIndex": 2})
    assert "Could not find delegator -1" in await complaint(ONE, {**MESSAGE, "delegatorIndex": -1})
