"""Every declared property, changed by somebody else through ARM: one finding, with what a GET says; repaired or manual.

One workspace is made for the module. Changes to different resources are made together, in waves, because no finding of
one may hide or add one of another; each property still is a test of its own. What ARM refuses to change is data here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from controlplane.workspaces import kinds as k
from controlplane.workspaces.kinds_table import KINDS
from controlplane.workspaces.posture.paths import ABSENT, value_at
from tests.support.blueprints import compiled
from tests.support.others_changes import THEIRS, Leaf, changed, leaves
from tests.support.product import Product, running_product
from tests.support.waiting import until

_PLACED = (
    k.VNET, k.NSG, k.PUBLIC_IP, k.NAT_GATEWAY, k.PRIVATE_ENDPOINT, k.STORAGE, k.VAULT, k.REGISTRY, k.LOG_ANALYTICS,
    k.COMPONENT, k.ML_WORKSPACE, k.COMPUTE,
)  # fmt: skip
_CONNECTION = "properties.privateLinkServiceConnections[].properties"
_MOVED = "CannotChangePrivateLinkConnectionOnPrivateEndpoint"

LEAVES = {leaf.name: leaf for leaf in leaves(compiled())}

#: (type, path) → the code with which ARM refuses another value.
REFUSED: dict[tuple[str, str], str] = {
    **{(kind, "location"): "InvalidResourceLocation" for kind in _PLACED},
    (k.RESOURCE_GROUP, "location"): "InvalidResourceGroupLocation",
    (k.DNS_ZONE, "location"): "LocationNotAvailableForResourceType",
    (k.DNS_LINK, "location"): "LocationNotAvailableForResourceType",
    (k.DNS_LINK, "properties.virtualNetwork.id"): "BadRequest",
    (k.PUBLIC_IP, "sku.name"): "SkuCannotBeChangedOnUpdate",
    (k.PUBLIC_IP, "properties.publicIPAllocationMethod"): "StandardSkuPublicIpAddressesMustBeStatic",
    (k.PRIVATE_ENDPOINT, "properties.subnet.id"): "CannotChangeSubnetOnExistingPrivateEndpoint",
    (k.PRIVATE_ENDPOINT, f"{_CONNECTION}.privateLinkServiceId"): _MOVED,
    (k.PRIVATE_ENDPOINT, f"{_CONNECTION}.groupIds"): _MOVED,
    (k.PEERING, "properties.remoteVirtualNetwork.id"): "ChangingRemoteVirtualNetworkNotAllowed",
    # Neither network of this workspace has a gateway that the other one could use (hashicorp/terraform#30569).
    (k.PEERING, "properties.useRemoteGateways"): "RemoteVnetHasNoGateways",
    (k.STORAGE, "kind"): "AccountPropertyCannotBeUpdated",
    # A key source in a vault needs a key there, in a vault that cannot be purged: this names none (code: assumed).
    (k.STORAGE, "properties.encryption.keySource"): "KeyVaultPolicyError",
    (k.VAULT, "properties.enableSoftDelete"): "BadRequest",
    (k.VAULT, "properties.softDeleteRetentionInDays"): "BadRequest",
    (k.REGISTRY, "sku.name"): "DisablingPublicNetworkAccessNotSupported",
    # A workspace's system identity may get user-assigned ones beside it, and is not taken away again (code: assumed).
    (k.ML_WORKSPACE, "identity.type"): "ValidationError",
    (k.COMPUTE, "properties.computeType"): "UserError",
    (k.COMPUTE, "properties.properties.subnet.id"): "UserError",
    # The identity is known and is no user; of one that the directory lacks Azure says PrincipalNotFound.
    (k.ROLE_ASSIGNMENT, "properties.principalType"): "UnmatchedPrincipalType",
}

#: The subnet with endpoints in it keeps its addresses; the others are empty.
REFUSED_KEYS = {("subnet/private-endpoints", "properties.addressPrefix"): "InUsePrefixCannotBeDeleted"}
#: (type, path) of changes that are taken, and whose operation then fails: the resource says so itself.
FAILS = {(k.ML_WORKSPACE, "properties.storageAccount"), (k.ML_WORKSPACE, "properties.keyVault")}

#: (type, path) of what ARM takes and does not change.
IGNORED = {
    # Storage is always encrypted: the switches are read as true whatever is sent.
    (k.STORAGE, "properties.encryption.services.blob.enabled"),
    (k.STORAGE, "properties.encryption.services.file.enabled"),
    # Only scale settings and identity of a cluster are updated.
    (k.COMPUTE, "properties.properties.osType"),
    (k.COMPUTE, "properties.properties.vmSize"),
    (k.COMPUTE, "properties.properties.vmPriority"),
    (k.COMPUTE, "properties.properties.enableNodePublicIp"),
}
#: Writes that lock their whole network for a moment.
ONE_AT_A_TIME = (k.VNET, k.SUBNET, k.PEERING)
#: A workspace that is written while its vault has no role-based access gets an access policy: two changes at once.
ALONE = {(k.VAULT, "properties.enableRbacAuthorization")}
#: Grants are changed while their identities are still those that they were made for: a later wave takes some away.
EARLY = {(k.ROLE_ASSIGNMENT, "properties.principalType")}


def refusal_of(leaf: Leaf) -> str | None:
    """ARM's code for another value, or None."""
    return REFUSED_KEYS.get((leaf.key, leaf.path)) or REFUSED.get((leaf.type, leaf.path))


CHANGEABLE = [
    name for name, leaf in LEAVES.items() if refusal_of(leaf) is None and (leaf.type, leaf.path) not in IGNORED
]


@dataclass
class Case:
    """What became of one change."""

    leaf: Leaf
    refused: str | None = None
    """ARM's code."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    get: dict[str, Any] | None = None
    """The resource as the owner reads it while it is changed."""
    left: list[dict[str, Any]] = field(default_factory=list)
    """Findings after a repair."""


@dataclass
class Story:
    """Everything that the module's waves saw."""

    cases: dict[str, Case] = field(default_factory=dict)
    strays: list[dict[str, Any]] = field(default_factory=list)
    """Findings of resources that nobody had changed."""
    failed_repairs: list[str] = field(default_factory=list)
    left_open: list[dict[str, Any]] = field(default_factory=list)
    """Findings after everything was put back."""


class Waves:
    """Makes changes in the running product and writes the story."""

    def __init__(self, product: Product) -> None:
        self.product = product
        self.story = Story()
        self.ids = product.ids()
        puts = [call for call in product.writes() if call["method"] == "PUT" and call["status"] < 300]
        self.sent = {call["path"].lower(): call["requestBody"] for call in puts}

    def original(self, key: str) -> dict[str, Any]:
        """What the product sent; of a grant that Azure had made before us, the same in Azure's words."""
        arm_id = self.ids[key]
        if arm_id.lower() in self.sent:
            found: dict[str, Any] = self.sent[arm_id.lower()]
            return found
        properties = (self.product.owner.get(arm_id) or {})["properties"]
        names = ("roleDefinitionId", "principalId", "principalType")
        return {"properties": {name: properties[name] for name in names}}

    def run(self, wave: list[Leaf]) -> None:
        """Changes, validates, repairs, validates, puts back what a repair must not touch."""
        by_key: dict[str, list[Leaf]] = defaultdict(list)
        for leaf in wave:
            by_key[leaf.key].append(leaf)
        cases: list[Case] = []
        for key, some in by_key.items():
            body = self.original(key)
            for leaf in some:
                body = changed(leaf, body)
            answer = self.product.owner.call("PUT", self.ids[key], body)
            if some[0].type in ONE_AT_A_TIME:
                self.product.owner.settle()
            code = None
            if answer.status_code >= 300:
                said = answer.json()
                code = str(said.get("error", said)["code"])
            cases += [Case(leaf, code) for leaf in some]
        self.product.owner.settle()
        self._judge(cases)
        if any(case.refused is None for case in cases):
            self._repair(cases)
        self._wait_for_nodes_to_leave()

    def _wait_for_nodes_to_leave(self) -> None:
        """Somebody's minNodeCount started one, and while it is there its subnet keeps its addresses."""
        until(lambda: not self._nodes(), every=0.05, says=lambda: "nodes did not leave")

    def _nodes(self) -> int:
        body = self.product.owner.get(self.ids["cluster/cpu"]) or {}
        inner = body["properties"]["properties"]
        count = int(inner.get("currentNodeCount") or 0)
        return count + int(inner.get("allocationState") == "Resizing")

    def _judge(self, cases: list[Case]) -> None:
        found = self.product.failing()
        for case in cases:
            case.findings = [f for f in found if _is_about(f, case.leaf, self.original(case.leaf.key))]
            case.get = self.product.owner.get(self.ids[case.leaf.key])
            self.story.cases[case.leaf.name] = case
        known = [f["id"] for case in cases for f in case.findings]
        self.story.strays += [f for f in found if f["id"] not in known]

    def _repair(self, cases: list[Case]) -> None:
        operation = self.product.repair()
        if operation.status != "Succeeded":
            self.story.failed_repairs.append(f"{[c.leaf.name for c in cases]}: {operation.error}")
        left = self.product.failing()
        if not left:
            return
        for case in cases:
            case.left = [f for f in left if f["id"] in {one["id"] for one in case.findings}]
        for key in {case.leaf.key for case in cases if case.left}:
            self.product.owner.put(self.ids[key], self.original(key)).raise_for_status()
        self.story.left_open += self.product.failing()


def _is_about(finding: dict[str, Any], leaf: Leaf, body: dict[str, Any]) -> bool:
    """Whether a finding is at the changed property: of its resource and, where items have names, of its item."""
    if finding["key"] != leaf.key:
        return False
    if leaf.path.startswith("tags."):
        return bool(finding["path"] == f"$.{leaf.path}")
    if leaf.part == leaf.key:
        return not finding["path"].startswith("$.tags")
    rule = body["properties"]["securityRules"][leaf.steps[2]]["name"]
    return bool(finding["path"].startswith(f"$.properties.securityRules[{rule}]"))


def waves(all_leaves: Iterable[Leaf]) -> Iterator[list[Leaf]]:
    """Tags all at once, then grants; else one property of each part of a resource at a time, what is replaced last."""
    groups: dict[tuple[int, int], list[Leaf]] = defaultdict(list)
    places: Counter[tuple[str, bool]] = Counter()
    for leaf in all_leaves:
        if leaf.path.startswith("tags."):
            groups[0, 0].append(leaf)
            continue
        if (leaf.type, leaf.path) in EARLY:
            groups[0, 1].append(leaf)
            continue
        if (leaf.type, leaf.path) in ALONE:
            groups[3, len(groups)].append(leaf)
            continue
        replaces = leaf.path in KINDS[leaf.type].replacing or leaf.path == "location"
        groups[1 + replaces, places[leaf.part, replaces]].append(leaf)
        places[leaf.part, replaces] += 1
    for order in sorted(groups):
        yield groups[order]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    with running_product(tmp_path_factory.mktemp("product")) as product:
        operation = product.finish(product.put())
        assert operation.status == "Succeeded", operation.error
        for arm_id, body in THEIRS:
            product.owner.put(arm_id, body).raise_for_status()
        told = Waves(product)
        for wave in waves(LEAVES.values()):
            told.run(wave)
        yield told.story


@pytest.mark.parametrize("name", LEAVES)
def test_a_change_is_one_finding(story: Story, name: str) -> None:
    leaf, case = LEAVES[name], story.cases[name]
    refusal = refusal_of(leaf)
    assert case.refused == refusal
    if refusal is not None or (leaf.type, leaf.path) in IGNORED:
        assert case.findings == []
        return
    (finding,) = case.findings
    seen = value_at(case.get, finding["path"])
    assert finding["observed"] == (None if seen is ABSENT else seen)
    assert finding["observed"] != finding["wanted"]
    assert finding["readFrom"]
    if (leaf.type, leaf.path) in FAILS:
        assert (finding["path"], finding["observed"]) == ("$.properties.provisioningState", "Failed")
    else:
        _assert_path(finding["path"], leaf)


@pytest.mark.parametrize("name", CHANGEABLE)
def test_a_repair_undoes_it_or_says_why_not(story: Story, name: str) -> None:
    case = story.cases[name]
    (finding,) = case.findings
    if finding["repair"]["kind"] == "manual":
        assert finding["repair"]["reason"]
        assert [f["id"] for f in case.left] == [finding["id"]]
    else:
        assert finding["repair"]["keys"] == [name.partition(":")[0]]
        assert case.left == []


def test_nothing_else_was_found_and_everything_came_back(story: Story) -> None:
    assert story.strays == []
    assert story.failed_repairs == []
    assert story.left_open == []


def _assert_path(shown: str, leaf: Leaf) -> None:
    """The finding's path is the leaf's, up to an object that went away with it; items may be shown by name or place."""
    plain = re.sub(r"\[[^\]]*\]", "[]", shown.removeprefix("$."))
    assert leaf.path.startswith(plain) or plain.startswith(leaf.path)
