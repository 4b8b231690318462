"""Who may do what: roles of the workspace's and the clusters' identities (S1-02, S1-69, S2-04, S2-09, S2-10).

Source: "Set up authentication between Azure Machine Learning and other services", which lists a user-assigned
identity's roles by target.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controlplane.arm import subscription_of
from controlplane.workspaces import kinds as k
from controlplane.workspaces.access.roles import GRANTABLE
from controlplane.workspaces.blueprint.context import Site, principal, resource
from controlplane.workspaces.blueprint.identities import acting, chosen, principal_of
from controlplane.workspaces.model import Origin, Ref, Resource, RoleAssignmentId
from controlplane.workspaces.spec_model import ClusterIdentity, InstanceIdentity

#: Built-in roles, by the slug that keys use. Source: "Azure built-in roles".
ROLES: Mapping[str, str] = MappingProxyType(
    {
        "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "storage-blob-data-reader": "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "storage-blob-data-contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "storage-file-data-privileged-contributor": "69566ab7-960f-475b-8e7c-b3118f30c6bd",
        "key-vault-administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "acr-pull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
        "network-connection-approver": "b556d68e-0be0-4f35-a333-ad7ee1ce17ea",
        "azureml-data-scientist": "f6c7c914-8db3-469d-8ca1-694a8f32e121",
        "virtual-machine-contributor": "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
        **GRANTABLE,
    }
)


@dataclass(frozen=True, slots=True)
class _Grant:
    """``target`` is the key of what the role is on."""

    target: str
    role: str
    requirements: tuple[str, ...] = ("S1-02",)
    origin: Origin = Origin.DECLARED


#: The roles of "Set up authentication between Azure Machine Learning and other services". For a system identity Azure
#: makes some of them itself (S2-09): whoever was first counts, because a grant is matched by scope, role and principal.
_WORKSPACE = (
    _Grant("registry", "contributor", ("S1-02", "S1-69", "S2-70", "S3-59")),
    _Grant("vault", "contributor"),
    _Grant("vault", "key-vault-administrator"),
    # Storage with public access off: "Use studio in a virtual network" wants Reader on both endpoints.
    _Grant("private-endpoint/blob", "reader"),
    _Grant("private-endpoint/file", "reader"),
)
#: Without keys the system datastores are opened with the identity itself.
_FILES = _Grant("storage", "storage-file-data-privileged-contributor")
_WITHOUT_KEYS = (_Grant("storage", "storage-blob-data-contributor"), _FILES)
_CLUSTER = (
    _Grant("storage", "storage-blob-data-contributor", ("S1-02", "S2-04")),
    # Azure grants this one when the cluster is made (S2-75).
    _Grant("registry", "acr-pull", ("S1-02", "S2-04", "S2-70", "S2-75", "S2-76"), Origin.AZURE),
)
#: Of a user-assigned identity Azure grants nothing by itself.
_CLUSTER_GIVEN = (
    _Grant("storage", "storage-blob-data-contributor", ("S2-04",)),
    _Grant("registry", "acr-pull", ("S2-04",)),
)
_INSTANCE = (
    _Grant("storage", "storage-blob-data-contributor", ("S2-04",)),
    _Grant("registry", "acr-pull", ("S2-04",)),
    # Without it an instance that has an identity never stops by itself (S2-52); where the matrix of personas gives such
    # an identity nothing, this wins.
    _Grant("workspace", "contributor", ("S2-52",)),
)
#: Of a user-assigned identity: on the workspace itself once it is there, the others before it is made, because the
#: service works with them from the first moment (S2-10, S2-17 to S2-22).
_USER_ASSIGNED = (
    _Grant("storage", "contributor", ("S2-10", "S2-18", "S2-23")),
    _Grant("storage", "storage-blob-data-contributor", ("S2-10", "S2-18", "S2-23")),
    _Grant("registry", "contributor", ("S2-10", "S2-21", "S2-23")),
    _Grant("application-insights", "contributor", ("S2-10", "S2-22", "S2-23", "X-03")),
)
_USER_ASSIGNED_VAULT = {
    "rbac": (
        _Grant("vault", "contributor", ("S2-10", "S2-19", "S2-23")),
        # Where the matrix of personas gives less, what the workspace needs to run wins.
        _Grant("vault", "key-vault-administrator", ("S2-10", "S2-19", "S2-23", "X-02")),
    ),
    "accessPolicies": (_Grant("vault", "contributor", ("S2-10", "S2-20", "S2-23")),),
}
_USER_ASSIGNED_LATER = (
    _Grant("workspace", "contributor", ("S2-10", "S2-17", "S2-23")),
    _Grant("private-endpoint/blob", "reader", ("S2-10",)),
    _Grant("private-endpoint/file", "reader", ("S2-10",)),
)
#: What a pipeline needs: it sends jobs and registers models, and makes no resources. The scope is one workspace, well
#: inside the resource group (S4-05).
_AGENT = _Grant("workspace", "azureml-data-scientist", ("S4-04",))


def agent_roles(site: Site, agents: Iterable[str], scopes: Mapping[str, str]) -> Iterator[Resource]:
    """Of the build agents' own identities, which pipelines use as their service connection. ``agents``: their keys."""
    for key in agents:
        yield _role(site, key, key.partition("/")[2], _AGENT, scopes[_AGENT.target])


def workspace_roles(site: Site, scopes: Mapping[str, str]) -> Iterator[Resource]:
    """Of its system identity. ``scopes``: key → ARM id."""
    if site.spec.identity.type == "userAssigned":
        return
    grants = _WORKSPACE if site.spec.storage.shared_key_access else _WORKSPACE + _WITHOUT_KEYS
    for grant in grants:
        if grant.role != "key-vault-administrator" or site.spec.vault.permission_model == "rbac":
            yield _role(site, "workspace", "workspace-identity", grant, scopes[grant.target])


def identity_roles(site: Site, scopes: Mapping[str, str], *, later: bool) -> Iterator[Resource]:
    """Of the user-assigned identities that the workspace uses. ``scopes``: key → ARM id; ``later``: those that are on
    the workspace, or on what is made after it."""
    if later:
        grants: tuple[_Grant, ...] = _USER_ASSIGNED_LATER
    else:
        keyless = () if site.spec.storage.shared_key_access else (_FILES,)
        grants = (*_USER_ASSIGNED, *keyless, *_USER_ASSIGNED_VAULT[site.spec.vault.permission_model])
    for key in acting(site):
        for grant in grants:
            yield _role(site, key, key, grant, scopes[grant.target])


def compute_roles(site: Site, scopes: Mapping[str, str]) -> Iterator[Resource]:
    """Of the computes' own identities. ``scopes``: key → ARM id."""
    for cluster in site.spec.compute.clusters:
        for grant in _CLUSTER if cluster.identity.type == "systemAssigned" else ():
            yield _role(site, f"cluster/{cluster.name}", f"cluster/{cluster.name}", grant, scopes[grant.target])
    for instance in site.spec.compute.instances:
        for grant in _INSTANCE if instance.identity.type == "systemAssigned" else ():
            yield _role(site, f"instance/{instance.name}", f"instance/{instance.name}", grant, scopes[grant.target])


def default_roles(site: Site, scopes: Mapping[str, str]) -> Iterator[Resource]:
    """Of the user-assigned identities that computes work with by default, each grant once (S2-04, S2-32); without those
    that the workspace's own identity has anyway."""
    taken = {role.key for later in (False, True) for role in identity_roles(site, scopes, later=later)}
    clusters = [(cluster.identity.ids, _CLUSTER_GIVEN) for cluster in site.spec.compute.clusters]
    instances = [(instance.identity.ids, _INSTANCE) for instance in site.spec.compute.instances]
    for ids, grants in (*clusters, *instances):
        for key in list(chosen(site, ids))[:1]:
            for grant in grants:
                if (name := _key(key, grant)) not in taken:
                    taken.add(name)
                    yield _role(site, key, key, grant, scopes[grant.target])


def needed_by(site: Site, asked: ClusterIdentity | InstanceIdentity, *, idles: bool) -> Iterator[str]:
    """Keys of what a compute with user-assigned identities waits for: they, and what the default one may do. ``idles``:
    it has to stop by itself."""
    keys = list(chosen(site, asked.ids))
    yield from keys
    for key in keys[:1]:
        yield from (_key(key, grant) for grant in (_INSTANCE if idles else _CLUSTER_GIVEN))


def _key(holder: str, grant: _Grant) -> str:
    """``holder``: what keys call whose grant it is."""
    return f"role/{holder}/{grant.target.replace('/', '-')}/{grant.role}"


def _principal(owner: str) -> Ref:
    return principal_of(owner) if owner.partition("/")[0].endswith("identity") else principal(owner)


def _role(site: Site, owner: str, holder: str, grant: _Grant, scope: str) -> Resource:
    """``owner``: key of the resource whose identity it is; ``holder``: what keys call it."""
    guid, principal_id = ROLES[grant.role], _principal(owner)
    subscription = subscription_of(scope) or site.spec.subscription_id
    body = {
        "properties": {
            "roleDefinitionId": f"/subscriptions/{subscription}/providers/{k.ROLE_DEFINITION}/{guid}",
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
        }
    }
    return resource(
        _key(holder, grant),
        k.ROLE_ASSIGNMENT,
        RoleAssignmentId(scope, guid, principal_id),
        body,
        # What is brought along is nobody's key.
        (owner,) if grant.target == "registry" and not site.makes_registry else (owner, grant.target),
        origin=grant.origin,
        requirements=grant.requirements,
    )
