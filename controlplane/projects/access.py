"""Who may do what: one table, and how a caller's roles in a project are found. Pure.

A caller has role R in project P when the token carries app role R, or a group that P's registration lists under R.
``Platform.Admin`` is an app role only, and holds for every project. What a caller may not know of answers exactly as
what does not exist, so a refusal has two kinds: ``FORBIDDEN`` (the caller has some role there) and ``HIDDEN``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from controlplane.projects.model import Registration


class Role(StrEnum):
    """App roles of the API, by their value in the token."""

    ADMIN = "Platform.Admin"
    CONTRIBUTOR = "Workspace.Contributor"
    READER = "Workspace.Reader"
    APPROVER = "Approver"


#: Azure Monitor's action groups, in every tenant ("AzNS AAD Webhook").
ALERTS_APPLICATION = "461e8683-5575-4561-ac7f-899cc907d62a"
#: App role of that application; whoever has it may send alerts, whatever other roles the token carries. Source:
#: https://learn.microsoft.com/azure/azure-monitor/alerts/action-groups#configure-authentication-for-secure-webhook
ALERTS_ROLE = "ActionGroupsSecureWebhook"


class Permission(StrEnum):
    """What can be asked; the value is the operation id in the OpenAPI document."""

    PROJECTS_LIST = "Projects_List"
    PROJECTS_GET = "Projects_Get"
    PROJECTS_PUT = "Projects_CreateOrReplace"
    PROJECTS_DELETE = "Projects_Delete"
    WORKSPACES_LIST = "Workspaces_List"
    WORKSPACES_GET = "Workspaces_Get"
    WORKSPACES_PUT = "Workspaces_CreateOrUpdate"
    WORKSPACES_PATCH = "Workspaces_Patch"
    WORKSPACES_DELETE = "Workspaces_Delete"
    WORKSPACES_PLAN = "Workspaces_Plan"
    WORKSPACES_VALIDATE = "Workspaces_Validate"
    WORKSPACES_REPAIR = "Workspaces_Repair"
    WORKSPACES_PROVISION_NETWORK = "Workspaces_ProvisionNetwork"
    WORKSPACES_TOPOLOGY = "Workspaces_GetTopology"
    WORKSPACES_TEMPLATE = "Workspaces_GetTemplate"
    WORKSPACES_DATASTORES = "Workspaces_ListDatastores"
    ACCESS_GET = "Access_Get"
    ACCESS_PUT = "Access_Replace"
    ACCESS_RECONCILE = "Access_Reconcile"
    ACCESS_APPROVE = "Access_Approve"
    ACCESS_EXPLAIN = "Access_Explain"
    JOBS_CHECK = "Jobs_Check"
    ALERTS_SEND = "Alerts_Send"
    """Of Azure Monitor's action groups only; no role of a project allows it."""
    POLICIES_LIST = "RetrainingPolicies_List"
    POLICIES_GET = "RetrainingPolicies_Get"
    POLICIES_PUT = "RetrainingPolicies_CreateOrReplace"
    POLICIES_DELETE = "RetrainingPolicies_Delete"
    POLICIES_SIMULATE = "RetrainingPolicies_Simulate"
    POLICIES_RESET_BREAKER = "RetrainingPolicies_ResetBreaker"
    MONITORS_LIST = "Monitors_List"
    MONITORS_GET = "Monitors_Get"
    MONITORS_PUT = "Monitors_CreateOrReplace"
    MONITORS_DELETE = "Monitors_Delete"
    LABELING_LIST = "LabelingProjects_List"
    LABELING_GET = "LabelingProjects_Get"
    LABELING_PUT = "LabelingProjects_CreateOrReplace"
    LABELING_DELETE = "LabelingProjects_Delete"
    EXPIRY_GET = "Expiry_Get"
    EXPIRY_PUT = "Expiry_CreateOrReplace"
    EXPIRY_DELETE = "Expiry_Delete"
    EXPIRY_EXTEND = "Expiry_Extend"
    EXPIRY_EXEMPT = "Expiry_Exempt"
    EXPIRY_RETIRE = "Expiry_Retire"
    WORKSPACES_ARCHIVE = "Workspaces_Archive"
    WORKSPACES_RESTORE = "Workspaces_Restore"
    SIGNALS_LIST = "Signals_List"
    SIGNALS_GET = "Signals_Get"
    DECISIONS_LIST = "Decisions_List"
    RETRAININGS_LIST = "Retrainings_List"
    RETRAININGS_GET = "Retrainings_Get"
    RETRAININGS_POST = "Retrainings_Request"
    RETRAININGS_APPROVE = "Retrainings_Approve"
    RETRAININGS_REJECT = "Retrainings_Reject"
    RETRAININGS_CANCEL = "Retrainings_Cancel"
    PROMOTIONS_LIST = "Promotions_List"
    PROMOTIONS_GET = "Promotions_Get"
    PROMOTIONS_REJECT = "Promotions_Reject"
    TASKS_LIST = "Tasks_List"
    TASKS_GET = "Tasks_Get"
    TASKS_CLOSE = "Tasks_Close"
    TASKS_REVERT = "Tasks_Revert"
    REMEDIATION_GET = "Remediation_Get"
    REMEDIATION_PUT = "Remediation_CreateOrReplace"
    REMEDIATION_DELETE = "Remediation_Delete"
    NOTIFICATIONS_LIST = "Notifications_List"
    COSTS_GET = "Costs_Get"
    FLEET_COSTS = "Fleet_GetCosts"
    FLEET_SUMMARY = "Fleet_GetSummary"
    BUDGETS_GET = "Budgets_Get"
    BUDGETS_PUT = "Budgets_CreateOrReplace"
    BUDGETS_DELETE = "Budgets_Delete"
    BUDGETS_ANSWER = "Budgets_Answer"
    PROJECT_BUDGETS_GET = "ProjectBudgets_Get"
    PROJECT_BUDGETS_PUT = "ProjectBudgets_CreateOrReplace"
    PROJECT_BUDGETS_DELETE = "ProjectBudgets_Delete"
    PROJECT_BUDGETS_ANSWER = "ProjectBudgets_Answer"
    DEPARTMENT_BUDGETS_GET = "DepartmentBudgets_Get"
    DEPARTMENT_BUDGETS_PUT = "DepartmentBudgets_CreateOrReplace"
    DEPARTMENT_BUDGETS_DELETE = "DepartmentBudgets_Delete"
    DEPARTMENT_BUDGETS_ANSWER = "DepartmentBudgets_Answer"
    OPERATIONS_LIST = "Operations_List"
    OPERATIONS_GET = "Operations_Get"
    OPERATIONS_CANCEL = "Operations_Cancel"
    AUDIT_LIST = "Audit_List"
    AUDIT_VERIFY = "Audit_Verify"


_ADMIN = frozenset({Role.ADMIN})
_WRITE = frozenset({Role.ADMIN, Role.CONTRIBUTOR})
_APPROVE = frozenset({Role.ADMIN, Role.APPROVER})
_ANYBODY_WHO_ACTS = _WRITE | _APPROVE
_ASK = frozenset({Role.ADMIN, Role.CONTRIBUTOR, Role.READER})
_READ = frozenset(Role)

#: The authorisation table: the roles in the object's project of which a caller needs one. A list is filtered by it.
TABLE: Mapping[Permission, frozenset[Role]] = {
    Permission.PROJECTS_LIST: _ADMIN,
    Permission.PROJECTS_GET: _ADMIN,
    Permission.PROJECTS_PUT: _ADMIN,
    Permission.PROJECTS_DELETE: _ADMIN,
    Permission.WORKSPACES_LIST: _READ,
    Permission.WORKSPACES_GET: _READ,
    Permission.WORKSPACES_PUT: _WRITE,
    Permission.WORKSPACES_PATCH: _WRITE,
    Permission.WORKSPACES_DELETE: _WRITE,
    Permission.WORKSPACES_PLAN: _ASK,
    Permission.WORKSPACES_VALIDATE: _ASK,
    Permission.WORKSPACES_REPAIR: _WRITE,
    Permission.WORKSPACES_PROVISION_NETWORK: _WRITE,
    Permission.WORKSPACES_TOPOLOGY: _ASK,
    Permission.WORKSPACES_TEMPLATE: _ASK,
    Permission.WORKSPACES_DATASTORES: _ASK,
    Permission.ACCESS_GET: _ASK,
    Permission.ACCESS_PUT: _WRITE,
    Permission.ACCESS_RECONCILE: _WRITE,
    Permission.ACCESS_APPROVE: _ADMIN,
    Permission.ACCESS_EXPLAIN: _ASK,
    Permission.JOBS_CHECK: _ASK,
    Permission.ALERTS_SEND: frozenset(),
    Permission.POLICIES_LIST: _READ,
    Permission.POLICIES_GET: _READ,
    Permission.POLICIES_PUT: _WRITE,
    Permission.POLICIES_DELETE: _WRITE,
    Permission.POLICIES_SIMULATE: _ASK,
    Permission.POLICIES_RESET_BREAKER: _WRITE,
    Permission.MONITORS_LIST: _READ,
    Permission.MONITORS_GET: _READ,
    Permission.MONITORS_PUT: _WRITE,
    Permission.MONITORS_DELETE: _WRITE,
    Permission.LABELING_LIST: _READ,
    Permission.LABELING_GET: _READ,
    Permission.LABELING_PUT: _WRITE,
    Permission.LABELING_DELETE: _WRITE,
    Permission.EXPIRY_GET: _READ,
    Permission.EXPIRY_PUT: _WRITE,
    Permission.EXPIRY_DELETE: _WRITE,
    # Whoever may see it, and is an owner of the workspace: the service looks for that.
    Permission.EXPIRY_EXTEND: _READ,
    Permission.EXPIRY_EXEMPT: _READ,
    Permission.EXPIRY_RETIRE: _READ,
    Permission.WORKSPACES_ARCHIVE: _WRITE,
    Permission.WORKSPACES_RESTORE: _WRITE,
    Permission.SIGNALS_LIST: _READ,
    Permission.SIGNALS_GET: _READ,
    Permission.DECISIONS_LIST: _READ,
    Permission.RETRAININGS_LIST: _READ,
    Permission.RETRAININGS_GET: _READ,
    Permission.RETRAININGS_POST: _WRITE,
    Permission.RETRAININGS_APPROVE: _APPROVE,
    Permission.RETRAININGS_REJECT: _APPROVE,
    Permission.RETRAININGS_CANCEL: _WRITE,
    Permission.PROMOTIONS_LIST: _READ,
    Permission.PROMOTIONS_GET: _READ,
    Permission.PROMOTIONS_REJECT: _APPROVE,
    Permission.TASKS_LIST: _READ,
    Permission.TASKS_GET: _READ,
    Permission.TASKS_CLOSE: _WRITE,
    Permission.TASKS_REVERT: _WRITE,
    Permission.REMEDIATION_GET: _READ,
    Permission.REMEDIATION_PUT: _WRITE,
    Permission.REMEDIATION_DELETE: _WRITE,
    Permission.NOTIFICATIONS_LIST: _READ,
    Permission.COSTS_GET: _READ,
    Permission.FLEET_COSTS: _READ,
    Permission.FLEET_SUMMARY: _READ,
    Permission.BUDGETS_GET: _READ,
    Permission.BUDGETS_PUT: _ANYBODY_WHO_ACTS,
    Permission.BUDGETS_DELETE: _APPROVE,
    # Approvers, and whoever may see it and is an owner of the workspace: the service looks for that.
    Permission.BUDGETS_ANSWER: _READ,
    Permission.PROJECT_BUDGETS_GET: _READ,
    Permission.PROJECT_BUDGETS_PUT: _ANYBODY_WHO_ACTS,
    Permission.PROJECT_BUDGETS_DELETE: _APPROVE,
    Permission.PROJECT_BUDGETS_ANSWER: _APPROVE,
    Permission.DEPARTMENT_BUDGETS_GET: _ADMIN,
    Permission.DEPARTMENT_BUDGETS_PUT: _ADMIN,
    Permission.DEPARTMENT_BUDGETS_DELETE: _ADMIN,
    Permission.DEPARTMENT_BUDGETS_ANSWER: _ADMIN,
    Permission.OPERATIONS_LIST: _READ,
    Permission.OPERATIONS_GET: _READ,
    Permission.OPERATIONS_CANCEL: _WRITE,
    Permission.AUDIT_LIST: _READ,
    Permission.AUDIT_VERIFY: _READ,
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks. A principal is (tenant, object id), never a name or an e-mail."""

    tenant_id: str
    object_id: str
    roles: frozenset[str] = frozenset()
    """App roles of the token, ours or not."""
    groups: frozenset[str] = frozenset()
    """Object ids of the Entra groups in the token, in lower case."""
    is_application: bool = False
    client_id: str = field(default="", compare=False)
    """Of the application that asks, for itself or for a person."""
    correlation_id: str = field(default="", compare=False)
    """Of the request that the caller makes now, for the audit; "" outside of one."""

    @property
    def principal(self) -> str:
        """What audit fields hold: ``{tenant id}/{object id}``."""
        return f"{self.tenant_id}/{self.object_id}"


class Verdict(StrEnum):
    """What the table says of one caller, one permission and one project."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"
    """The caller has a role in the project, but not one of those needed."""
    HIDDEN = "hidden"
    """The caller has no role in the project and may not learn what is in it."""


def app_roles(caller: Caller) -> frozenset[Role]:
    """The roles that the token itself carries; they hold in every project."""
    return frozenset(role for role in Role if role.value in caller.roles)


def roles_in(caller: Caller, registration: Registration | None) -> frozenset[Role]:
    """Every role the caller has in one project; None is a project that is not registered."""
    found = app_roles(caller)
    if registration is None:
        return found
    members = registration.members
    lists = (
        (Role.CONTRIBUTOR, members.contributors),
        (Role.READER, members.readers),
        (Role.APPROVER, members.approvers),
    )
    return found | {role for role, groups in lists if any(group.lower() in caller.groups for group in groups)}


#: Persona of a workspace's spec → the role that its groups have on that workspace; the others have none.
_PERSONAS: Mapping[str, Role] = {"projectLeads": Role.CONTRIBUTOR, "dataScientists": Role.READER}
Personas = Mapping[str, Sequence[str]]
"""``access`` of a workspace's spec."""


def persona_roles(caller: Caller, registration: Registration | None, access: Personas | None) -> frozenset[Role]:
    """What a caller may do with one workspace because its spec names a group of the caller as a persona: a project lead
    sees and changes it, a data scientist sees it. Only groups that the project is registered with now count: the spec
    was held to the registration of its day, and a group that an administrator took out of it since has no say."""
    if registration is None:
        return frozenset()
    groups = caller.groups & {group.lower() for group in registration.entra_groups}
    named = access or {}
    found = {role for persona, role in _PERSONAS.items() if groups & {g.lower() for g in named.get(persona, ())}}
    return frozenset(found)


def judge(
    caller: Caller, permission: Permission, registration: Registration | None, access: Personas | None = None
) -> Verdict:
    """Applies the table. ``access``: of the workspace that it is about, where there is one."""
    roles = roles_in(caller, registration) | persona_roles(caller, registration, access)
    if roles & TABLE[permission]:
        return Verdict.ALLOWED
    return Verdict.FORBIDDEN if roles else Verdict.HIDDEN
