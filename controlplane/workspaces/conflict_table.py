"""The conflicts between the documents, as data: the two rules, how a spec falls between them, the answer. Pure.

Numbers and answers are those of the requirements' section "Where the documents conflict".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controlplane.workspaces.spec_model import Egress, Environment, NetworkMode, WorkspaceSpec

#: JSON path of what brings it about, and what that is as a sentence.
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class ConflictRule:
    """Two requirements that a spec can make contradict each other."""

    id: str
    code: str
    """PascalCase, for errors."""
    rules: tuple[str, str]
    """Ids of both sides."""
    finds: Callable[[WorkspaceSpec], Iterator[Place]]
    answer: str
    """What is done, and why."""
    change: str
    """What would change the answer."""
    refuses: bool = False
    waivable: bool = False
    """Whether a waiver can decide it the other way; only where Azure itself allows that."""
    of_monitors: Callable[[WorkspaceSpec], Iterator[Place]] | None = None
    """How a spec keeps model monitors of Azure ML out, in any environment; None where it does not."""
    controls: tuple[tuple[str, str], ...] = ()
    """(control, logical key) whose finding is exempt while a waiver holds."""

    @property
    def requirements(self) -> tuple[str, ...]:
        """For the table of requirements."""
        return (self.id,)


def _admin_user(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.registry.admin_user:
        yield "$.registry.adminUser", "The spec switches the registry's admin account on."


def _user_identity_vault(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.identity.type != "systemAssigned":
        yield "$.identity.type", "A user-assigned identity runs the workspace and has to administer its vault."


def _roles_beyond_matrix(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.identity.type != "systemAssigned":
        text = (
            "A user-assigned workspace identity needs Contributor on Application Insights; the matrix has no such row."
        )
        yield "$.identity.type", text
    for index, instance in enumerate(spec.compute.instances):
        if instance.identity.type != "none":
            text = f"Instance {instance.name} stops itself when its identity is Contributor on the workspace; the "
            yield f"$.compute.instances[{index}].identity.type", f"{text}matrix has no such row."


def _approved_only(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.network.mode is NetworkMode.APPROVED_ONLY and spec.environment.is_prod_class:
        text = "Production wants model monitors, and Azure ML's do not run in a network with approved outbound only."
        yield "$.network.mode", text


def _v1_mode(spec: WorkspaceSpec) -> Iterator[Place]:
    if not spec.legacy_v1_mode:
        return
    if spec.network.mode is not NetworkMode.PRIVATE_VNET:
        yield "$.network.mode", "A managed network is a feature of the v2 API, which v1 legacy mode switches off."
    if spec.catalog.collections:
        yield (
            "$.catalog.collections",
            "The model catalog is used through the v2 API, which v1 legacy mode switches off.",
        )
    if spec.datastores:
        yield "$.datastores", "Datastores are made by the v2 API, which v1 legacy mode switches off."


def _private_images(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.registry.private_images:
        text = "Images of private registries are used, and building on one takes that registry's admin account."
        yield "$.registry.privateImages", text


def _one_rule_set(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.network.mode is NetworkMode.APPROVED_ONLY and spec.catalog.collections and spec.catalog.packages:
        yield "$.catalog.packages", "Packages and models of the catalog are safe-listed by the same kind of rules."


def _customer_subnet(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.network.mode.is_managed and spec.network.egress != Egress():
        yield "$.network.egress", "The way out is that of a customer's subnet, and a managed network has none."


def _keys_in_dev(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.environment is Environment.DEV and spec.storage.shared_key_access:
        text = "Datastores of a dev workspace would hold the account's key in a vault that data scientists administer."
        yield "$.storage.sharedKeyAccess", text


def _public_nodes(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.network.mode.is_managed:
        return  # There every compute comes after the network that Azure keeps, with public addresses and without.
    for index, cluster in enumerate(spec.compute.clusters):
        if cluster.public_ip:
            path = f"$.compute.clusters[{index}].publicIp"
            yield path, f"Cluster {cluster.name} has public addresses, so it is made before the workspace's endpoint."


def _customer_network_monitors(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.network.mode is NetworkMode.PRIVATE_VNET and spec.environment.is_prod_class:
        text = (
            "Production wants model monitors, and their serverless Spark does not run in a network of the customer's."
        )
        yield "$.network.mode", text


def _closed_to_monitors(spec: WorkspaceSpec) -> Iterator[Place]:
    if spec.network.mode is NetworkMode.APPROVED_ONLY:
        yield "$.network.mode", "Azure ML's monitors do not run in a network with approved outbound only."


def _unfit_for_monitors(spec: WorkspaceSpec) -> Iterator[Place]:
    """Source: "Azure Machine Learning model monitoring", limitations."""
    if spec.network.mode is NetworkMode.PRIVATE_VNET:
        yield "$.network.mode", "Serverless Spark of monitors does not run in a network of the customer's."
    elif not spec.network.managed.spark:
        yield "$.network.managed.spark", "Monitors run on serverless Spark, and the network is built without it."
    if spec.identity.type == "systemAssigned":
        yield "$.identity.type", "Monitors open datastores without keys as a user-assigned identity; there is none."
    if spec.storage.shared_key_access:
        yield "$.storage.sharedKeyAccess", "Monitors open the workspace's datastores by identity, and they have keys."


_RULES = (
    ConflictRule(
        "X-01",
        "RegistryAdminAccount",
        ("S1-68", "S2-70, S2-73"),
        _admin_user,
        "The account is off: it is one password for everybody, and identities pull images without it.",
        "A waiver of X-01 with an owner and a last day switches it on until then.",
        refuses=True,
        waivable=True,
        controls=(("ACR.AdminUserDisabled", "registry"),),
    ),
    ConflictRule(
        "X-02",
        "VaultRoleOfUserIdentity",
        ("RB-P10, RB-D10", "S2-19"),
        _user_identity_vault,
        "It gets Contributor and Key Vault Administrator, without which the workspace does not run: an approved "
        "deviation from the matrix, whose Reader goes for system-assigned identities only.",
        "A system-assigned identity needs no more than the matrix gives.",
    ),
    ConflictRule(
        "X-03",
        "RolesBeyondTheMatrix",
        ("S2-22, S2-52", "RB-P10, RB-D10"),
        _roles_beyond_matrix,
        "The role is granted: the matrix gets rows for workspaces and computes with identities of their own.",
        "A system-assigned workspace identity and instances without idle shutdown need none of them.",
    ),
    ConflictRule(
        "X-04",
        "MonitorsNeedInternetOutbound",
        ("S5-08", "S3-85, S3-86"),
        _approved_only,
        "The network stays closed, and monitors of Azure ML are refused in it.",
        "With mode managedAllowInternetOutbound they run; or a pipeline on a cluster of the workspace computes drift.",
        of_monitors=_closed_to_monitors,
    ),
    ConflictRule(
        "X-05",
        "LegacyModeExcludesV2",
        ("S1-47, S1-48", "S3-16, S5-01"),
        _v1_mode,
        "It is refused: in v1 legacy mode the workspace answers none of the v2 API's calls.",
        "Set legacyV1Mode to false, or leave out what needs the v2 API.",
        refuses=True,
    ),
    ConflictRule(
        "X-07",
        "PrivateBaseImages",
        ("S2-83", "S2-70"),
        _private_images,
        "The accounts stay off: clusters pull the images as they are, by identity; building on them is refused.",
        "Build the image before, with what it needs inside, and use it as it is (S2-80).",
    ),
    ConflictRule(
        "X-09",
        "OneEgressRuleSet",
        ("S3-72", "S5-17 to S5-23, S5-25"),
        _one_rule_set,
        "One set of rules is computed from both, each host once; the first of them starts an Azure Firewall, and the "
        "plan shows its price by the month.",
        "With mode managedAllowInternetOutbound no rule is needed, and no firewall.",
    ),
    ConflictRule(
        "X-13",
        "ManagedNetworkHasNoSubnet",
        ("S1-26, S1-45", "S5-02"),
        _customer_subnet,
        "It is refused: subnets of the customer's and a managed network exclude each other.",
        "With network.mode privateVnet it is possible; in a managed network leave it out.",
        refuses=True,
    ),
    ConflictRule(
        "X-15",
        "AccountKeyInSharedVault",
        ("RB-D01", "S2-41"),
        _keys_in_dev,
        "Keys are off: datastores of a dev workspace are opened by identity.",
        "A waiver of X-15 with an owner and a last day switches them on until then; in other environments nobody who "
        "works with data administers the vault.",
        refuses=True,
        waivable=True,
        controls=(("STO.SharedKeyDisabled", "storage"), ("AML.WS.SystemDatastoresAuthMode", "workspace")),
    ),
    ConflictRule(
        "X-17",
        "ComputeBeforeEndpoint",
        ("S1-45", "S1-71"),
        _public_nodes,
        "S1-45's order is taken for it: computes with public addresses first. Without them a cluster waits for the "
        "workspace's approved endpoint, its zone group and the links.",
        "With publicIp: false the cluster comes after the endpoint.",
    ),
    ConflictRule(
        "X-18",
        "SafeDefaultsExcludeMonitors",
        ("S3-85, S3-86", "S1-03, S2-40"),
        _customer_network_monitors,
        "The network and the identity-based datastores stay, and monitors of Azure ML are refused.",
        "They need network.mode managedAllowInternetOutbound, provisioned with Spark, and a user-assigned identity; or "
        "drift is computed by a pipeline on a cluster of the workspace.",
        of_monitors=_unfit_for_monitors,
    ),
)

CONFLICTS: dict[str, ConflictRule] = {rule.id: rule for rule in _RULES}
"""Id → conflict."""

WAIVABLE: Mapping[str, ConflictRule] = MappingProxyType({rule.id: rule for rule in _RULES if rule.waivable})
