"""Data and images of others: datastores without credentials, endpoints to their accounts, and roles on both.

Nothing of theirs is changed: a role for an identity of the workspace is added to an account or a registry, and an
endpoint of the workspace's own leads to an account. Sources: "Set up authentication between Azure Machine Learning and
other services" and "Data administration" (who reads what, and the roles that takes).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from controlplane.arm import name_of, resource_group_of, subscription_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.access import ROLES
from controlplane.workspaces.blueprint.context import Site, principal, resource
from controlplane.workspaces.blueprint.data_accounts import KINDS, READ, Account, accounts
from controlplane.workspaces.blueprint.identities import acting, chosen, principal_of
from controlplane.workspaces.blueprint.workspace import workspace_id
from controlplane.workspaces.model import Ref, Resource, RoleAssignmentId
from controlplane.workspaces.spec_model import Datastore, WorkspaceSpec

#: Tag of a datastore whose data no person may read; posture reads it from the blueprint.
COMPUTE_ONLY_TAG = "cp-compute-only"


def data_watched(spec: WorkspaceSpec) -> tuple[tuple[str, str], ...]:
    """What is read of others: (type, ARM id)."""
    brought = spec.registry.existing
    registries = (*((brought,) if brought is not None else ()), *spec.registry.private_images)
    return (
        *((k.STORAGE, account.arm_id) for account in accounts(spec)),
        *((k.REGISTRY, registry) for registry in registries),
    )


def datastores(site: Site) -> Iterator[Resource]:
    """Where the data lies, and nothing that opens it (S2-05, S2-40)."""
    for store in site.spec.datastores:
        kind, container, _ = KINDS[store.type]
        properties = {
            "datastoreType": kind,
            "accountName": name_of(store.account),
            container: store.container,
            "endpoint": site.cloud.zones["blob"].removeprefix("privatelink.blob."),
            "protocol": "https",
            "subscriptionId": subscription_of(store.account),
            "resourceGroup": resource_group_of(store.account),
            "credentials": {"credentialsType": "None"},
            "serviceDataAccessAuthIdentity": _service_identity(site.spec, store),
            "tags": {COMPUTE_ONLY_TAG: "true"} if store.compute_only else {},
        }
        arm_id = f"{workspace_id(site)}/datastores/{store.name}"
        needs = ("S2-05", "S2-40")
        body = {"properties": properties}
        yield resource(f"datastore/{store.name}", k.DATASTORE, arm_id, body, ("workspace",), requirements=needs)


def _service_identity(spec: WorkspaceSpec, store: Datastore) -> str:
    if store.service_identity == "none":
        return "None"
    return (
        "WorkspaceUserAssignedIdentity" if spec.identity.type == "userAssigned" else "WorkspaceSystemAssignedIdentity"
    )


def data_roles(site: Site, endpoints: Mapping[str, str]) -> Iterator[Resource]:
    """Of clusters and of the workspace. ``endpoints``: key → ARM id of the private endpoints to the accounts."""
    spec = site.spec
    for account in accounts(spec):
        for key, holder in _computes(site, clusters_only=account.compute_only):
            yield _role(site, (key, holder), (account.key, account.arm_id), (account.role, ("S2-46", "S2-49", "S2-50")))
        if account.by_workspace:
            reader = (READ, ("S2-67", "S2-69"))
            for home in _homes(site):
                yield _role(site, home, (account.key, account.arm_id), reader)
                for key, arm_id in _endpoints_of(account, endpoints):
                    yield _role(site, home, (key, arm_id), ("reader", ("S2-68",)))
    for registry in spec.registry.private_images:
        for key, holder in _computes(site):
            target = (f"images-{name_of(registry).lower()}", registry)
            yield _role(site, (key, holder), target, ("acr-pull", ("S2-80",)))


def _homes(site: Site) -> Iterator[tuple[str, Ref]]:
    """The identities with which the workspace itself reads: its system identity, or else its primary one."""
    if site.spec.identity.type != "userAssigned":
        yield "workspace", principal("workspace")
        return
    for key in acting(site):
        yield key, principal_of(key)


def _computes(site: Site, *, clusters_only: bool = False) -> Iterator[tuple[str, Ref]]:
    """Who runs jobs with an identity of its own: the key of who carries it, and the default identity (S2-32), each
    once. ``clusters_only``: without instances, on which a person works with the instance's identity (S2-51)."""
    computes = site.spec.compute
    named: list[tuple[str, str, tuple[str, ...]]]
    named = [(f"cluster/{one.name}", one.identity.type, one.identity.ids) for one in computes.clusters]
    if not clusters_only:
        named += [(f"instance/{one.name}", one.identity.type, one.identity.ids) for one in computes.instances]
    found: dict[str, Ref] = {}
    for key, kind, ids in named:
        if kind == "userAssigned":
            default = next(iter(chosen(site, ids)))
            found[default] = principal_of(default)
        elif kind == "systemAssigned":
            found[key] = principal(key)
    yield from found.items()


def _endpoints_of(account: Account, endpoints: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for group in account.groups:
        key = f"private-endpoint/{account.key}-{group}"
        if key in endpoints:
            yield key, endpoints[key]


def _role(site: Site, holder: tuple[str, Ref], target: tuple[str, str], grant: tuple[str, tuple[str, ...]]) -> Resource:
    """``holder``: key of the resource that carries the identity, and its principal; ``target``: key and ARM id of what
    the role is on; ``grant``: role and the requirements that want it."""
    (owner, principal_id), (where, scope), (role, needs) = holder, target, grant
    guid = ROLES[role]
    # The definition's id is of the subscription that the role is granted in.
    subscription = subscription_of(scope) or site.spec.subscription_id
    body = {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{subscription}/providers/{k.ROLE_DEFINITION}/{guid}",
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
    }
    name = "workspace-identity" if owner == "workspace" else owner
    return resource(
        f"role/{name}/{where.replace('/', '-')}/{role}",
        k.ROLE_ASSIGNMENT,
        RoleAssignmentId(scope, guid, principal_id),
        body,
        (owner, where) if where.startswith("private-endpoint/") else (owner,),
        requirements=needs,
    )
