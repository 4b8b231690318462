"""Storage, vault, registry, monitoring: names, immutable properties, and what stays after a deletion."""

from __future__ import annotations

from tests.hooks.scenarios import failed, noticed, sent, succeeded, theirs, tries
from tests.support.blueprints import compiled
from tests.support.quiet_product import QuietProduct

SECRETS = {"tenantId": "00000000-0000-0000-0000-0000000000aa", "sku": {"family": "A", "name": "standard"}}


def name_of(key: str) -> str:
    """The name that the product will give: it derives from subscription, workspace and incarnation."""
    return str(compiled().by_key[key].id).rpartition("/")[2]


@noticed("storage-name-and-immutables", world="empty")
def the_account_s_name_is_taken(product: QuietProduct) -> None:
    name = name_of("storage")
    theirs(product, "Microsoft.Storage/storageAccounts", name, {"sku": {"name": "Standard_LRS"}, "kind": "StorageV2"})
    failed(product.create(), "StorageAccountAlreadyTaken")


@noticed("vault-name-global", world="empty")
def the_vault_s_name_is_taken(product: QuietProduct) -> None:
    body = {"properties": {**SECRETS, "enableRbacAuthorization": True, "accessPolicies": []}}
    theirs(product, "Microsoft.KeyVault/vaults", name_of("vault"), body)
    failed(product.create(), "VaultAlreadyExists")


@noticed("registry-name-global", world="empty")
def the_registry_s_name_is_taken(product: QuietProduct) -> None:
    name = name_of("registry")
    theirs(product, "Microsoft.ContainerRegistry/registries", name, {"sku": {"name": "Premium"}})
    failed(product.create(), "AlreadyInUse")


@noticed("vault-rules")
def a_vault_cannot_be_left_without_any_way_in(product: QuietProduct) -> None:
    arm_id, body = sent(product, "vault", enableRbacAuthorization=False)
    body["properties"].pop("accessPolicies", None)
    product.owner("PUT", arm_id, body)
    assert product.failing() == set()


@noticed("vault-hides-default-acls")
def open_network_rules_of_a_vault_are_not_shown(product: QuietProduct) -> None:
    tries(product, "vault", networkAcls={"bypass": "AzureServices", "defaultAction": "Allow"})
    (finding,) = (f for f in product.validate().report.findings if f.status == "Fail")
    assert (finding.key, finding.observed) == ("vault", None)


@noticed("registry-premium-features")
def a_closed_registry_keeps_its_tier(product: QuietProduct) -> None:
    arm_id, body = sent(product, "registry")
    product.owner("PUT", arm_id, {**body, "sku": {"name": "Basic"}})
    assert product.failing() == set()


@noticed("component-needs-workspace")
def insights_cannot_log_into_nothing(product: QuietProduct) -> None:
    tries(product, "application-insights", WorkspaceResourceId=f"{product.ids()['log-analytics']}-gone")
    assert product.failing() == set()


@noticed("component-brings-smart-detection", world="empty")
def what_azure_puts_into_the_group_stays_with_a_strangers_resource(product: QuietProduct) -> None:
    succeeded(product.create())
    product.advance(900)
    group = product.ids()["resource-group"]
    product.owner("PUT", f"{group}/providers/Microsoft.Network/routeTables/theirs", {"location": "westeurope"})
    operation = succeeded(product.delete())
    kinds = {left.resource_id.split("/providers/")[-1].split("/")[1].lower() for left in operation.residue}
    assert {"routetables", "smartdetectoralertrules", "actiongroups"} <= kinds


@noticed("diagnostic-setting-rules")
def a_category_that_does_not_exist_is_not_logged(product: QuietProduct) -> None:
    tries(product, "diagnostic/vault", logs=[{"category": "Theirs", "enabled": True}])
    assert product.failing() == set()


def deleted_by_hand(product: QuietProduct, days: int = 0) -> int:
    """Somebody deletes the vault; a repair some time later. How often the vault was written: the first time Azure
    says that it keeps the deleted one, and then it is asked back."""
    product.owner("DELETE", product.ids()["vault"])
    product.advance(60 + days * 86400)
    operation = succeeded(product.repair())
    (step,) = (step for step in operation.steps if step.key == "vault")
    return step.attempts


@noticed("vault-soft-delete", "vault-name-soft-deleted")
def a_deleted_vault_is_asked_back(product: QuietProduct) -> None:
    assert deleted_by_hand(product) == 2
    assert product.failing() == set()


@noticed("vault-purged-when-due")
def a_vault_that_is_gone_for_good_is_made_anew(product: QuietProduct) -> None:
    assert deleted_by_hand(product, days=91) == 1
