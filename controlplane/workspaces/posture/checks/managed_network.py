"""What leaves a managed network: the rules that were asked for work, and there are no others. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from controlplane.arm import is_within, name_of, type_of
from controlplane.workspaces import kinds
from controlplane.workspaces.egress.rules import leads_to
from controlplane.workspaces.model import Resource
from controlplane.workspaces.posture.model import FindingStatus
from controlplane.workspaces.posture.paths import value_at
from controlplane.workspaces.posture.scene import Cause, Outcome, Scene, manual, reapply, unknown

_STATUS = "$.properties.status"
_SOMEBODYS = (
    "Somebody may rely on it: remove the rule in Azure (az ml workspace outbound-rule remove), or ask for it in "
    "network.managed.outboundRules."
)
_BUILT = "$.properties.managedNetwork.status.status"


def works(scene: Scene) -> Iterator[Outcome]:
    """A rule of a network that stands is Active; one of a network that is not built yet becomes so with it."""
    for rule in scene.of_type(kinds.OUTBOUND_RULE):
        rule_id = scene.id_of(rule)
        if why := scene.unreadable(rule.key, "workspace"):
            yield unknown(rule.key, rule_id, _STATUS, "Active", why)
        elif (body := scene.body(rule.key)) is not None:
            built = str(value_at(scene.body("workspace"), _BUILT)).casefold() == "active"
            status = value_at(body, _STATUS)
            good = not built or str(status).casefold() == "active"
            error = value_at(body, "$.properties.errorInformation")
            why_not = f": {error}" if isinstance(error, str) and not good else ""
            yield Outcome(
                rule.key,
                rule_id,
                FindingStatus.PASS if good else FindingStatus.FAIL,
                _STATUS,
                "Active" if built else "Active once the network is built",
                status if isinstance(status, str) else None,
                f"Outbound rule {name_of(str(rule_id))} is {status}{why_not}.",
                (Cause(rule.key), *(Cause(key) for key in rule.depends_on if key.startswith("role/"))),
                reapply(rule.key, reason="The rule is written again."),
            )


def unneeded(scene: Scene) -> Iterator[Outcome]:
    """No rule but those that the spec means and those that Azure makes itself: each is a way out (S5-35)."""
    for workspace in scene.of_type(kinds.ML_WORKSPACE):
        if not _is_managed(workspace):
            continue
        listed = f"{workspace.id}/outboundRules"
        if why := scene.unlisted(listed):
            yield unknown("workspace", str(workspace.id), "$.properties.managedNetwork", "no other rules", why)
            continue
        found = [body for body in scene.observed.unmanaged if _is_rule(str(body.get("id", "")), workspace)]
        for body in found:
            name, destination = name_of(str(body["id"])), leads_to(body) or "somewhere that Azure does not name"
            yield Outcome(
                "workspace",
                str(workspace.id),
                FindingStatus.FAIL,
                f"$.properties.managedNetwork.outboundRules.{name}",
                None,
                body.get("properties"),
                f"Outbound rule {name} leads to {destination}, and nothing in the spec needs it.",
                repair=manual(_SOMEBODYS),
                read_from=listed,
            )
        if not found:
            yield Outcome(
                "workspace",
                str(workspace.id),
                FindingStatus.PASS,
                "$.properties.managedNetwork",
                None,
                None,
                "No outbound rules but those of the spec and Azure's own.",
            )


def _is_managed(workspace: Resource) -> bool:
    return bool(workspace.body["properties"].get("managedNetwork"))


def _is_rule(arm_id: str, workspace: Resource) -> bool:
    return type_of(arm_id).lower() == kinds.OUTBOUND_RULE.lower() and is_within(arm_id, str(workspace.id))
