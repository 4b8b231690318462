"""What to do when ARM refuses a write or a long operation fails, as a table. Pure data and one lookup.

Retry-After, where Azure sends one, always wins over the back-off of a row. A code that is not here is fatal when Azure
refused the request (4xx) and is tried again when the fault is Azure's (5xx, a dropped connection).

Sources: [ASO] Azure/azure-service-operator v2/internal/reconcilers/arm/errorclassification/error_classifier.go;
[ARM] https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors;
[THR] https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling;
[RBAC] https://learn.microsoft.com/azure/role-based-access-control/troubleshooting;
[TF n] https://github.com/hashicorp/terraform-provider-azurerm/issues/n;
[CLI n] https://github.com/Azure/azure-cli/issues/n;
[TRE n] https://github.com/microsoft/AzureTRE/issues/n;
[VM] https://learn.microsoft.com/troubleshoot/azure/virtual-machines/windows/allocation-failure;
[CPI n] https://github.com/cloudfoundry/bosh-azure-cpi-release/issues/n;
[BOSH n] https://github.com/cloudfoundry/docs-bosh/pull/n;
[CSE n] https://github.com/Azure/custom-script-extension-linux/issues/n;
[DSH n] https://github.com/alan-turing-institute/data-safe-haven/issues/n;
[PS n] https://github.com/Azure/azure-powershell/issues/n; [DOC n] https://github.com/MicrosoftDocs/azure-docs/issues/n;
[QS n] https://github.com/Azure/azure-quickstart-templates/issues/n;
[RM n] https://github.com/Azure/ResourceModules/issues/n.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What a step does about an error."""

    RETRY_FAST = "retryFast"
    """Passes within seconds or a few minutes."""
    RETRY_SLOW = "retrySlow"
    """May pass when somebody else does something; asked seldom."""
    WAIT = "wait"
    """Something else has to end first; waiting is no failed attempt."""
    THROTTLED = "throttled"
    """Too many requests: nothing more is written to this subscription until Retry-After is over."""
    ADOPT = "adopt"
    """It exists under another name: find it and count it as done."""
    RECOVER = "recover"
    """Azure keeps a deleted one under this name and id: it is asked back, and then made as declared."""
    GONE = "gone"
    """What should be deleted is not there: done."""
    FATAL = "fatal"
    """Repeating does not help."""


@dataclass(frozen=True, slots=True)
class Row:
    """One code. ``type`` is an ARM type for which the verdict is another one than in general."""

    code: str
    verdict: Verdict
    source: str
    type: str | None = None


_ROLES = "Microsoft.Authorization/roleAssignments"
_ENDPOINTS = "Microsoft.Network/privateEndpoints"
_VAULTS = "Microsoft.KeyVault/vaults"
_WORKSPACES = "Microsoft.MachineLearningServices/workspaces"

TABLE: tuple[Row, ...] = (
    # Somebody else is at work on it, or on what it needs.
    Row("AnotherOperationInProgress", Verdict.WAIT, "[ASO] retryable; [TF 8135] writes to one virtual network"),
    Row("OperationInProgress", Verdict.WAIT, "[ARM] Conflict: an operation is running on the resource"),
    Row("ConflictingServerOperation", Verdict.WAIT, "[TF 21293] same cause, older name"),
    Row("StorageAccountOperationInProgress", Verdict.WAIT, "[TF pull 28112] several endpoints of one account"),
    # Of a vault itself the same code says that its name is soft-deleted; see below.
    Row("ConflictError", Verdict.WAIT, "[TF pull 32095] somebody else writes the vault it leads to", _ENDPOINTS),
    Row("RegistryStatusConflict", Verdict.WAIT, "container registry in another operation"),
    Row("RetryableError", Verdict.WAIT, "[TF 21293] details: ReferencedResourceNotProvisioned; [CPI 179] a 429"),
    Row("RetryableErrorDueToAnotherOperation", Verdict.WAIT, "[CPI 179] the detail of it, by itself"),
    Row("ReferencedResourceNotProvisioned", Verdict.WAIT, "[TF 17649] the subnet is in state Updating"),
    Row("RemotePeeringIsDisconnected", Verdict.WAIT, "[TF 14051] the other side of a peering has to be deleted first"),
    Row("Canceled", Verdict.RETRY_FAST, "[TRE 3177] a network's operation that a newer write to it ended"),
    Row("CanceledAndSupersededDueToAnotherOperation", Verdict.RETRY_FAST, "[TRE 3177] the detail of it, by itself"),
    Row("OperationPreempted", Verdict.RETRY_FAST, "[TF 6025] a newer operation on the machine of an extension"),
    Row("ResourceGroupBeingDeleted", Verdict.WAIT, "[ARM] the group's deletion has to end first"),
    Row("CannotDeleteResource", Verdict.WAIT, "[CLI 15010] nested resources vanish some time after their DELETE"),
    Row("InUseSubnetCannotBeDeleted", Verdict.WAIT, "[ARM] NICs of deleted endpoints and nodes go a little later"),
    Row("InUseNetworkSecurityGroupCannotBeDeleted", Verdict.WAIT, "[ARM] see the subnet"),
    Row("InUseNatGatewayCannotBeDeleted", Verdict.WAIT, "[ARM] see the subnet"),
    Row("PublicIPAddressCannotBeDeleted", Verdict.WAIT, "[ARM] see the NAT gateway"),
    Row("NicInUse", Verdict.WAIT, "[BOSH 155] the machine that has it goes a little later"),
    # Made a moment ago, and not yet known everywhere.
    Row("ParentResourceNotFound", Verdict.RETRY_FAST, "[ASO] retryable"),
    Row("ResourceGroupNotFound", Verdict.RETRY_FAST, "[ASO] retryable"),
    Row("ResourceNotFound", Verdict.RETRY_FAST, "[ASO] retryable"),
    Row("NotFound", Verdict.RETRY_FAST, "[ASO] retryable"),
    Row("StorageAccountNotFound", Verdict.RETRY_FAST, "[ARM] for a resource that refers to one"),
    Row("InvalidResourceReference", Verdict.RETRY_FAST, "[ASO] retryable"),
    Row("PrincipalNotFound", Verdict.RETRY_FAST, "[RBAC] a new identity has not replicated; [ASO] retryable"),
    Row("FailedIdentityOperation", Verdict.RETRY_FAST, "[ASO] retryable"),
    # Azure's own trouble.
    Row("InternalServerError", Verdict.RETRY_FAST, "[ARM] 500"),
    Row("InternalError", Verdict.RETRY_FAST, "[ARM] 500 of some providers"),
    Row("BadGateway", Verdict.RETRY_FAST, "[ARM] 502"),
    Row("ServiceUnavailable", Verdict.RETRY_FAST, "[ARM] 503"),
    Row("GatewayTimeout", Verdict.RETRY_FAST, "[ARM] 504"),
    Row("ServerTimeout", Verdict.RETRY_FAST, "[ARM] 500"),
    Row("ServerBusy", Verdict.RETRY_FAST, "[ARM] 503"),
    # Throttling. A 429 is that under any code, but for the two of Network above.
    Row("TooManyRequests", Verdict.THROTTLED, "[THR] 429"),
    Row("SubscriptionRequestsThrottled", Verdict.THROTTLED, "[THR] 429"),
    Row("ResourceRequestsThrottled", Verdict.THROTTLED, "[THR] 429 of a resource provider"),
    Row("RequestThrottled", Verdict.THROTTLED, "[THR] 429 of some providers"),
    # Somebody may cure it while we wait.
    Row("Conflict", Verdict.RETRY_SLOW, "[ASO] retryable; what conflicts is in the message only"),
    Row("ScopeLocked", Verdict.RETRY_SLOW, "[ASO] very slow: a lock has to be taken away"),
    Row("AllocationFailed", Verdict.RETRY_SLOW, "[ASO] retryable"),
    Row("ZonalAllocationFailed", Verdict.RETRY_SLOW, "[VM] capacity, in one zone"),
    Row(
        "PublicIPAddressInUse",
        Verdict.RETRY_SLOW,
        "of a gateway or a Bastion that is about to go, or of somebody else's",
    ),
    Row("NicReservedForAnotherVm", Verdict.RETRY_SLOW, "[TRE 4511] of a machine that went, for 180 seconds"),
    Row("VMExtensionProvisioningTimeout", Verdict.RETRY_SLOW, "[CSE 172] the script may have ended meanwhile"),
    Row("AuthorizationFailed", Verdict.RETRY_SLOW, "[ASO] retryable; [RBAC] a new grant takes up to ten minutes"),
    Row("LinkedAuthorizationFailed", Verdict.RETRY_SLOW, "[ASO] retryable"),
    Row("MissingSubscriptionRegistration", Verdict.RETRY_SLOW, "[ASO] retryable: the provider is being registered"),
    Row("MissingRegistrationForResourceProvider", Verdict.RETRY_SLOW, "[ASO] retryable"),
    Row("SubscriptionNotRegistered", Verdict.RETRY_SLOW, "[ASO] retryable"),
    Row("InvalidSubscriptionRegistrationState", Verdict.RETRY_SLOW, "[ASO] retryable"),
    Row("ResourceQuotaExceeded", Verdict.RETRY_SLOW, "[ASO] retryable"),
    # The same grant under another name.
    Row("RoleAssignmentExists", Verdict.ADOPT, "[RBAC] one assignment per scope, role and principal", _ROLES),
    # Azure keeps what was deleted.
    Row("ConflictError", Verdict.RECOVER, "[DSH 2523] a vault with the same name exists in deleted state", _VAULTS),
    Row("SoftDeletedVaultDoesNotExist", Verdict.FATAL, "[TF 12972] the deleted one of that name is somebody else's"),
    Row("BadRequest", Verdict.FATAL, "[RM 3596] soft-deleted workspace exists, purge or recover it", _WORKSPACES),
    # A name that the whole world shares is taken.
    Row("VaultAlreadyExists", Verdict.FATAL, "[PS 15115] the name is in use, or soft-deleted elsewhere"),
    Row("StorageAccountAlreadyTaken", Verdict.FATAL, "[ARM]; [DOC 57492]"),
    Row("StorageAccountAlreadyExists", Verdict.FATAL, "[ARM] in another group of the subscription"),
    Row("StorageAccountInAnotherResourceGroup", Verdict.FATAL, "[ARM]"),
    Row("AlreadyInUse", Verdict.FATAL, "container registry names; see ScopeNotAvailable of its name check"),
    # Needs the caller.
    Row("RequestDisallowedByPolicy", Verdict.FATAL, "[ASO] fatal"),
    Row("DenyAssignmentAuthorizationFailed", Verdict.FATAL, "[RBAC] a deny assignment stands until somebody lifts it"),
    Row("RoleAssignmentLimitExceeded", Verdict.FATAL, "[RBAC] 4,000 in a subscription", _ROLES),
    Row("RoleAssignmentUpdateNotPermitted", Verdict.FATAL, "[RBAC] the name is of another assignment", _ROLES),
    Row("RoleDefinitionDoesNotExist", Verdict.FATAL, "[RBAC] ours are built in: a wrong id does not get right", _ROLES),
    Row("QuotaExceeded", Verdict.FATAL, "[ARM] a person has to ask for more"),
    Row("OperationNotAllowed", Verdict.FATAL, "[ARM] quota of cores"),
    Row("PublicIPCountLimitReached", Verdict.FATAL, "[ARM] a person has to ask for more"),
    Row("SkuNotAvailable", Verdict.FATAL, "[ASO] fatal"),
    Row("OverconstrainedAllocationRequest", Verdict.FATAL, "[VM] size and zone together are offered nowhere"),
    Row("LocationNotAvailableForResourceType", Verdict.FATAL, "[ARM]"),
    Row("NoRegisteredProviderFound", Verdict.FATAL, "[ARM] the API version or the region is not offered"),
    Row("SubscriptionNotFound", Verdict.FATAL, "[ASO] fatal"),
    Row("ReadOnlyDisabledSubscription", Verdict.FATAL, "[ARM] nobody can write until it is paid for"),
    Row("InvalidRequestContent", Verdict.FATAL, "[ASO] fatal"),
    Row("InvalidRequestFormat", Verdict.FATAL, "[ARM]"),
    Row("InvalidParameter", Verdict.FATAL, "[ASO] fatal"),
    Row("InvalidParameterValue", Verdict.FATAL, "[ASO] fatal"),
    Row("InvalidResourceType", Verdict.FATAL, "[ASO] fatal"),
    Row("InvalidResourceLocation", Verdict.FATAL, "[ARM] it exists in another region"),
    Row("AccountNameInvalid", Verdict.FATAL, "[ARM]"),
    Row("ReservedResourceName", Verdict.FATAL, "[ASO] fatal"),
    Row("PropertyChangeNotAllowed", Verdict.FATAL, "[ASO] fatal"),
    Row("PrivateIPAddressInReservedRange", Verdict.FATAL, "[ASO] fatal"),
    Row("PrivateIPAddressNotInSubnet", Verdict.FATAL, "[ARM]"),
    Row("SubnetsNotInSameVnet", Verdict.FATAL, "[ARM]"),
    Row("VnetAddressSpaceOverlapsWithAlreadyPeeredVnet", Verdict.FATAL, "[TRE 4641]"),
    Row("VMExtensionProvisioningError", Verdict.FATAL, "[QS 4594] the script ended badly, and would again"),
)

_GENERAL: Mapping[str, Row] = {row.code.lower(): row for row in TABLE if row.type is None}
_BY_TYPE: Mapping[tuple[str, str], Row] = {
    (row.code.lower(), row.type.lower()): row for row in TABLE if row.type is not None
}
#: Codes that say that what should be deleted is not there.
GONE_CODES = frozenset({"resourcenotfound", "notfound", "resourcegroupnotfound", "parentresourcenotfound"})


def look_up(code: str, resource_type: str) -> Row | None:
    """The row of a code for a type; codes and types are compared without regard to case."""
    return _BY_TYPE.get((code.lower(), resource_type.lower())) or _GENERAL.get(code.lower())


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds before attempt n + 1: ``first × factor^(n - 1)``, at most ``most``; None attempts means no bound."""

    first: float
    factor: float
    most: float
    attempts: int | None

    def delay(self, attempt: int) -> float:
        """``attempt`` counts from 1."""
        return min(self.most, self.first * self.factor ** min(max(attempt, 1) - 1, 60))


BACKOFF: Mapping[Verdict, Backoff] = {
    Verdict.RETRY_FAST: Backoff(0.5, 2.0, 60.0, 12),
    Verdict.RETRY_SLOW: Backoff(15.0, 2.0, 300.0, 8),
    Verdict.WAIT: Backoff(0.5, 1.5, 15.0, None),
    Verdict.THROTTLED: Backoff(5.0, 2.0, 60.0, None),
}
#: Between looks at something that has to become so by itself; close at first, because most of it is quick.
LOOKS = Backoff(0.1, 1.3, 15.0, None)
#: Between looks at something that Azure is at work on and that has no operation URL (vaults, Log Analytics): it ends
#: within a minute or so, and others wait for it.
PROGRESS = Backoff(0.1, 1.3, 2.0, None)
