"""What only Azure can say of registries and storage accounts of others, at plan time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from controlplane.arm import name_of, subscription_of
from controlplane.errors import ErrorDetail
from controlplane.json_types import JsonObject
from controlplane.workspaces.posture.paths import value_at
from controlplane.workspaces.spec_model import WorkspaceSpec

_EXISTING = "$.registry.existing"


@dataclass(frozen=True, slots=True)
class DataFacts:
    """Registries and accounts that a spec names, as Azure answers them; None where it answers 404."""

    tenant_id: str
    """The workspace's tenant."""
    bodies: Mapping[str, JsonObject | None] = field(default_factory=dict)
    """ARM id as the spec has it → body."""
    tenants: Mapping[str, str | None] = field(default_factory=dict)
    """Subscription id in lower case → its tenant; None where it is not visible."""


@dataclass(frozen=True, slots=True)
class PlanRule:
    """One rule of this module, with the requirements that ask for it."""

    name: str
    judge: Callable[[WorkspaceSpec, DataFacts], Iterator[ErrorDetail]]
    requirements: tuple[str, ...] = ()


def check_data(spec: WorkspaceSpec, facts: DataFacts) -> tuple[ErrorDetail, ...]:
    """Codes: ``RegistryNotFound``, ``RegistrySkuNotPremium``, ``RegistryAdminUserEnabled``, ``StorageAccountNotFound``,
    ``CrossTenantStorage``, ``HierarchicalNamespaceMissing``."""
    return tuple(detail for rule in RULES.values() for detail in rule.judge(spec, facts))


def _brought_along(spec: WorkspaceSpec, facts: DataFacts) -> Iterator[ErrorDetail]:
    """An endpoint needs Premium, and identities pull and push without the admin account (S2-72, S2-74)."""
    existing = spec.registry.existing
    if existing is None:
        return
    body = facts.bodies.get(existing)
    if body is None:
        yield _gone("RegistryNotFound", existing, _EXISTING)
        return
    if str(value_at(body, "$.sku.name")).lower() != "premium":
        text = f"{name_of(existing)} is no Premium registry; private endpoints need one."
        yield ErrorDetail("RegistrySkuNotPremium", text, _EXISTING)
    if value_at(body, "$.properties.adminUserEnabled") is True:
        text = (
            f"{name_of(existing)} has its admin account on: switch it off first "
            f"(az acr update --name {name_of(existing)} --admin-enabled false)."
        )
        yield ErrorDetail("RegistryAdminUserEnabled", text, _EXISTING)


def _images(spec: WorkspaceSpec, facts: DataFacts) -> Iterator[ErrorDetail]:
    for index, registry in enumerate(spec.registry.private_images):
        if facts.bodies.get(registry) is None:
            yield _gone("RegistryNotFound", registry, f"$.registry.privateImages[{index}]")


def _accounts(spec: WorkspaceSpec, facts: DataFacts) -> Iterator[ErrorDetail]:
    for index, store in enumerate(spec.datastores):
        path, body = f"$.datastores[{index}].account", facts.bodies.get(store.account)
        if body is None:
            yield _gone("StorageAccountNotFound", store.account, path)
        elif store.type == "azureDataLakeGen2" and value_at(body, "$.properties.isHnsEnabled") is not True:
            text = f"{name_of(store.account)} has no hierarchical namespace, so it is no data lake; use azureBlob."
            yield ErrorDetail("HierarchicalNamespaceMissing", text, f"$.datastores[{index}].type")


def _tenants(spec: WorkspaceSpec, facts: DataFacts) -> Iterator[ErrorDetail]:
    """S2-48: "Cross tenant access to storage accounts is not supported". A delegated subscription is visible here and
    belongs to its own tenant."""
    for index, store in enumerate(spec.datastores):
        tenant = facts.tenants.get((subscription_of(store.account) or "").lower())
        if tenant is not None and tenant.lower() != facts.tenant_id.lower():
            text = f"{name_of(store.account)} belongs to tenant {tenant}; Azure ML reads no storage of another tenant."
            yield ErrorDetail("CrossTenantStorage", text, f"$.datastores[{index}].account")


RULES: dict[str, PlanRule] = {
    rule.name: rule
    for rule in (
        PlanRule("registry.broughtAlong", _brought_along),
        PlanRule("registry.privateImages", _images),
        PlanRule("datastores.accounts", _accounts),
        PlanRule("datastores.tenants", _tenants, ("S2-48",)),
    )
}
"""Name → rule."""


def _gone(code: str, arm_id: str, path: str) -> ErrorDetail:
    return ErrorDetail(code, f"{arm_id} does not exist, or the control plane may not see it.", path)
