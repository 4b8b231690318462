"""Who may do what: roles of the workspace's and the clusters' identities (S1-02, S1-69, S2-04, S2-09)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from controlplane.workspaces import kinds as k
from controlplane.workspaces.blueprint.context import Site, principal, resource
from controlplane.workspaces.model import Origin, Resource, RoleAssignmentId

#: Built-in roles, by the slug that keys use. Source: "Azure built-in roles".
ROLES: Mapping[str, str] = MappingProxyType(
    {
        "contributor": "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "reader": "acdd72a7-3385-48ef-bd42-f606fba81ae7",
        "storage-blob-data-contributor": "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        "storage-file-data-privileged-contributor": "69566ab7-960f-475b-8e7c-b3118f30c6bd",
        "key-vault-administrator": "00482a5a-887f-4fb3-b363-3b7fe8e74483",
        "acr-pull": "7f951dda-4ed3-4680-a7ca-43fe172d538d",
    }
)


def workspace_roles(site: Site, scopes: Mapping[str, str]) -> Iterator[Resource]:
    """``scopes``: key → ARM id.

    The roles are those of "Set up authentication between Azure Machine Learning and other services"; for a system
    identity Azure makes some of them itself (S2-09). Whoever was first counts, because a grant is matched by scope,
    role and principal, so nothing depends on which ones these are.
    """
    wanted = [
        ("registry", "contributor", ("S1-02", "S1-69", "S2-09")),
        ("vault", "contributor", ("S1-02", "S2-09")),
        ("vault", "key-vault-administrator", ("S1-02", "S2-09")),
        # Storage with public access off: "Use studio in a virtual network" wants Reader on both endpoints.
        ("private-endpoint/blob", "reader", ("S1-02",)),
        ("private-endpoint/file", "reader", ("S1-02",)),
    ]
    if not site.spec.storage.shared_key_access:
        # Without keys the system datastores are opened with the identity itself.
        wanted += [
            ("storage", "storage-blob-data-contributor", ("S1-02", "S2-09")),
            ("storage", "storage-file-data-privileged-contributor", ("S1-02",)),
        ]
    for target, role, requirements in wanted:
        yield _role(site, "workspace", "workspace-identity", target, scopes[target], role, requirements)


def cluster_roles(site: Site, scopes: Mapping[str, str]) -> Iterator[Resource]:
    for cluster in site.spec.compute.clusters:
        key, holder = f"cluster/{cluster.name}", f"cluster/{cluster.name}"
        blob, pull = "storage-blob-data-contributor", "acr-pull"
        yield _role(site, key, holder, "storage", scopes["storage"], blob, ("S1-02", "S2-04"))
        # Azure grants this one when the cluster is made (S2-75).
        yield _role(site, key, holder, "registry", scopes["registry"], pull, ("S1-02", "S2-04"), Origin.AZURE)


def _role(
    site: Site,
    owner: str,
    holder: str,
    target: str,
    scope: str,
    role: str,
    requirements: tuple[str, ...],
    origin: Origin = Origin.DECLARED,
) -> Resource:
    guid, holder_id = ROLES[role], principal(owner)
    definitions = f"/subscriptions/{site.spec.subscription_id}/providers/{k.ROLE_DEFINITION}"
    body = {
        "properties": {
            "roleDefinitionId": f"{definitions}/{guid}",
            "principalId": holder_id,
            "principalType": "ServicePrincipal",
        }
    }
    return resource(
        f"role/{holder}/{target.replace('/', '-')}/{role}",
        k.ROLE_ASSIGNMENT,
        RoleAssignmentId(scope, guid, holder_id),
        body,
        (owner, target),
        origin=origin,
        requirements=requirements,
    )
