"""Microsoft.Insights/actionGroups: whom alerts tell.

Shapes: API definition of 2023-01-01 (groupShortName of at most 12 characters; webhookReceivers with useAadAuth,
objectId, identifierUri, tenantId). Secure webhooks: learn.microsoft.com, "Action groups". Only webhooks are called;
other receivers are kept and told nothing. A webhook that does not use the common alert schema is refused here: its
older payloads are not modelled; nor are groups of a region. Words assumed, the code is the provider's. The type's name
is in the case in which Azure prints the group that it makes beside Application Insights (smart_detection.py).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from simulator.engine.declaration import ArmError, Hook, HookContext, Lro, Phase, Required, ResourceType, Style
from simulator.types._shared import items

ACTION_GROUP = "microsoft.insights/actiongroups"
RECEIVERS = (
    "emailReceivers", "smsReceivers", "webhookReceivers", "itsmReceivers", "azureAppPushReceivers",
    "automationRunbookReceivers", "voiceReceivers", "logicAppReceivers", "azureFunctionReceivers", "armRoleReceivers",
    "eventHubReceivers",
)  # fmt: skip
SECURE = ("objectId", "identifierUri", "tenantId")


def _bad(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)


def check(ctx: HookContext) -> None:
    name = str(ctx.resource.properties.get("groupShortName") or "")
    if not 1 <= len(name) <= 12:
        raise _bad(f"The group short name '{name}' must be 1 to 12 characters long.")
    names: set[str] = set()
    for kind in RECEIVERS:
        for receiver in items(ctx.resource.properties, kind):
            given = str(receiver.get("name") or "").lower()
            if not given or given in names:
                raise _bad(f"Receiver names must be unique and not empty: '{given}' in {kind}.")
            names.add(given)
    for hook in items(ctx.resource.properties, "webhookReceivers"):
        _check_webhook(hook)


def _check_webhook(hook: dict[str, object]) -> None:
    url = urlsplit(str(hook.get("serviceUri") or ""))
    if url.scheme not in ("http", "https") or not url.hostname:
        raise _bad(f"The service URI '{hook.get('serviceUri')}' of webhook '{hook.get('name')}' is not valid.")
    if not hook.get("useCommonAlertSchema"):
        raise _bad(f"Webhook '{hook.get('name')}' does not use the common alert schema, which is not supported here.")
    missing = [field for field in SECURE if not hook.get(field)]
    if hook.get("useAadAuth") and missing:
        raise _bad(f"Webhook '{hook.get('name')}' uses Entra authentication and needs {', '.join(missing)}.")


TYPES: tuple[ResourceType, ...] = (
    ResourceType(
        name=ACTION_GROUP,
        permission="Microsoft.Insights/actionGroups",
        type_shown="Microsoft.Insights/ActionGroups",
        location="global",
        create=Lro(Style.SYNC, 201),
        update=Lro(Style.SYNC, 200),
        delete=Lro(Style.SYNC, 200),
        provisioning_state=False,
        keys=("id", "name", "type", "location", "tags", "properties"),
        required=(
            Required("properties.groupShortName", "BadRequest", "The group short name of '{name}' is required."),
        ),
        defaults={"properties": {"enabled": True, **{kind: [] for kind in RECEIVERS}}},
        hooks=(Hook(Phase.VALIDATE, "action-group-rules", check),),
    ),
)
