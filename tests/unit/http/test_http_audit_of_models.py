"""``/api/audit`` about models: shown, verified and checkpointed like the rest, to who may know of the workspace."""

from __future__ import annotations

from typing import Any

from controlplane.audit.checkpoints import take
from controlplane.audit.model import Action, Kind, entry_row
from controlplane.objects.repository import Objects, put
from controlplane.ports.store import Upsert
from controlplane.retraining.facts import About, by_us
from controlplane.retraining.model import ModelState, state_id
from tests.support.api import Api, error, registration
from tests.support.audit import MemoryAnchor

LEADS, SCIENTISTS, TESTERS = (f"00000000-0000-0000-0000-0000000000{end}" for end in ("d5", "d1", "d3"))
ACCESS = {"projectLeads": [LEADS], "dataScientists": [SCIENTISTS], "modelTesters": [TESTERS]}
CHURN = "retraining/churn-dev.churn"


async def tell(api: Api, model: str = "churn", project: str = "churn", times: int = 3) -> None:
    """What ticks would: each change of a model's row with what the audit is told of it."""
    objects = Objects(api.services.repository.store, Kind.RETRAINING)
    about = About("churn-dev", project, model)
    for number in range(1, times + 1):
        stored = await objects.get(ModelState, state_id("churn-dev", model))
        state = stored.value if stored else ModelState(
            id=state_id("churn-dev", model), workspace="churn-dev", incarnation=1, project=project, model=model
        )  # fmt: skip
        fact = by_us(about, api.clock.now(), Action.DECISION_MADE, {"decision": f"d{number}"})
        await objects.commit(put(stored, state.model_copy(update={"policy_generation": number})), fact)
        api.clock.advance(60)


async def entries(api: Api, thing: str = CHURN, **asked: Any) -> list[Any]:
    answer = await api.call("GET", "audit", filter=f"object eq '{thing}'", **asked)
    assert answer.status_code == 200, answer.text
    return [entry["details"]["decision"] for entry in answer.json()["value"]]


async def prepared(api: Api) -> None:
    groups = {"entraGroups": [LEADS, SCIENTISTS, TESTERS]}
    assert (await api.call("PUT", "projects/churn", registration(**groups))).status_code == 201
    await api.register("fraud")
    await api.create(access=ACCESS)
    await tell(api)
    await tell(api, "Churn.v2", times=1)


async def test_each_model_has_its_own_chain(api: Api) -> None:
    await prepared(api)
    assert await entries(api) == ["d3", "d2", "d1"]
    assert await entries(api, "retraining/churn-dev.Churn.v2") == ["d1"]
    assert await entries(api, "retraining/churn-dev") == []
    answer = await api.call("GET", "audit", filter="action eq 'DecisionMade'")
    assert [entry["object"] for entry in answer.json()["value"]] == ["retraining/churn-dev.Churn.v2", *[CHURN] * 3]
    refused = await api.call("GET", "audit", filter="object eq 'retraining/churn-dev.a b'")
    assert (refused.status_code, error(refused)["code"]) == (400, "InvalidFilter")


async def test_members_and_personas_of_the_workspace_see_it_and_nobody_else(api: Api) -> None:
    await prepared(api)
    for role in ("Workspace.Contributor", "Workspace.Reader", "Approver"):
        assert len(await entries(api, token=api.member("churn", role))) == 3
        assert await entries(api, token=api.member("fraud", role)) == []
    for group, seen in ((LEADS, 3), (SCIENTISTS, 3), (TESTERS, 0)):
        token = api.issuer.token("ada", groups=[group])
        assert len(await entries(api, token=token)) == seen
        verified = await api.call("POST", "audit:verify", {"object": CHURN}, token=token)
        assert verified.status_code == (200 if seen else 404), verified.text
        # Of a workspace that does not name the group, and of no workspace, nothing is known.
        for other in ("retraining/fraud-dev.churn", "workspaces/fraud-dev"):
            assert await entries(api, other, token=token) == []
        # Without an object there is nothing to judge a persona by.
        assert (await api.call("GET", "audit", token=token)).json() == {"value": []}
    assert await entries(api, token=api.issuer.token("eve")) == []


async def test_a_persona_does_not_see_what_an_earlier_workspace_of_the_name_did(api: Api) -> None:
    """It was another project's: its own readers know."""
    await prepared(api)
    await tell(api, "scores", project="fraud", times=2)
    await tell(api, "scores", times=1)
    lead, fraud = api.issuer.token("ada", groups=[LEADS]), api.member("fraud", "Workspace.Reader")
    assert await entries(api, "retraining/churn-dev.scores", token=lead) == ["d1"]
    assert await entries(api, "retraining/churn-dev.scores", token=fraud) == ["d2", "d1"]


async def test_checkpoints_cover_chains_of_models_and_verification_finds_the_change(api: Api) -> None:
    await prepared(api)
    deps, anchor, store = api.services.for_audit(), MemoryAnchor(), api.services.repository.store
    object.__setattr__(deps, "anchor", anchor)
    taken = await take(store, anchor, api.clock.now())
    proof = (await api.call("POST", "audit:verify", {"object": CHURN})).json()
    assert (proof["consistent"], proof["anchored"], proof["unanchoredEntries"]) == (True, True, 0)
    everything = (await api.call("POST", "audit:verify")).json()
    # Two registrations, the workspace, two models.
    assert (everything["consistent"], everything["unanchoredEntries"]) == (True, 0)
    assert (everything["checkpoint"]["root"], everything["checkpoint"]["count"]) == (taken.root, 5)
    entry = await store.get(Kind.RETRAINING, entry_row("churn-dev.churn", 2))
    assert entry is not None
    changed = {**entry.value, "details": {"decision": "another"}}
    await store.commit(Kind.RETRAINING, [Upsert(entry.row, changed)])
    bad = (await api.call("POST", "audit:verify", {"object": CHURN})).json()
    assert (bad["consistent"], bad["firstBad"]["object"], bad["firstBad"]["sequence"]) == (False, CHURN, 2)
    assert (await api.call("POST", "audit:verify")).json()["firstBad"]["object"] == CHURN
    assert (await api.call("POST", "audit:verify", {"object": "retraining/churn-dev.Churn.v2"})).json()["consistent"]
