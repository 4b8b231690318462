"""Identities of a workspace, and keys of the customer's own."""

from __future__ import annotations

from typing import Any

from tests.hooks.scenarios import noticed, sent, succeeded, theirs
from tests.support.blueprints import example
from tests.support.quiet_product import QuietProduct
from tests.support.worlds import key_and_identities, registered

KIND = "Microsoft.ManagedIdentity/userAssignedIdentities"


@noticed("workspace-identity-transitions")
def a_workspace_keeps_its_system_identity(product: QuietProduct) -> None:
    stranger = theirs(product, KIND, "id-theirs", {})
    arm_id, body = sent(product, "workspace", primaryUserAssignedIdentity=stranger)
    product.owner(
        "PUT", arm_id, {**body, "identity": {"type": "UserAssigned", "userAssignedIdentities": {stranger: {}}}}
    )
    assert product.failing() == set()


@noticed("workspace-primary-identity")
def a_workspace_cannot_use_an_identity_that_it_has_not(product: QuietProduct) -> None:
    stranger = theirs(product, KIND, "id-theirs", {})
    arm_id, body = sent(product, "workspace", primaryUserAssignedIdentity=f"{stranger}-other")
    identity = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {stranger: {}}}
    product.owner("PUT", arm_id, {**body, "identity": identity})
    assert product.failing() == set()


@noticed("workspace-identity-needs-roles", world="empty")
def a_workspace_fails_without_its_identity_s_roles(product: QuietProduct) -> None:
    succeeded(product.create(example("user-assigned")))
    role = "role/identity/workspace/storage/contributor"
    product.owner("DELETE", product.ids()[role])
    product.owner("PUT", *sent(product, "workspace"))
    assert product.failing() == {role, "workspace"}


@noticed("workspace-own-key", "workspace-own-key-stays", "storage-own-key", world="empty")
def what_is_encrypted_stays_so_with_a_key_that_can_be_used(product: QuietProduct) -> None:
    registered(product)
    key_and_identities(product)
    asked = example("customer-managed-key")
    succeeded(product.create(asked))
    (unable,) = asked["identity"]["ids"]
    for key in ("workspace", "storage"):
        arm_id, body = sent(product, key)
        encryption = {**body["properties"]["encryption"], "identity": {"userAssignedIdentity": unable}}
        product.owner("PUT", arm_id, with_(body, encryption=encryption))
    arm_id, body = sent(product, "workspace")
    del body["properties"]["encryption"]
    product.owner("PUT", arm_id, body)
    assert product.failing() == set()


def with_(body: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {**body, "properties": {**body["properties"], **properties}}
