"""v1 legacy mode: a workspace with ``v1LegacyMode`` takes none of the v2 API's calls.

Source: learn.microsoft.com, "Network isolation change with our new API platform on Azure Resource Manager": the v2 API
handles jobs, assets and datastores through ARM; the mode "disables the v2 API for your workspace", and "if you want to
use the v2 API with your workspace, you must set the v1_legacy_mode parameter to false". Workspaces and computes are
managed through ARM by both. Words assumed. Reads are answered: simplified.
"""

from __future__ import annotations

from simulator.engine.declaration import ArmError, Hook, HookContext, Phase

#: Parts of a workspace's id: /subscriptions/S/resourceGroups/G/providers/N/workspaces/W begins with an empty one.
_PARTS = 9


def refuse_v2(ctx: HookContext) -> None:
    """For what lies below a workspace and is no compute of it."""
    workspace = ctx.engine.get("/".join(ctx.resource.id.split("/")[:_PARTS]))
    if workspace is not None and workspace.properties.get("v1LegacyMode"):
        raise ArmError(
            400,
            "BadRequest",
            f"Workspace '{workspace.name}' is in v1 legacy mode, in which the v2 API is disabled. Set "
            "v1_legacy_mode to false to use it.",
        )


LEGACY = Hook(Phase.VALIDATE, "v1-legacy-mode", refuse_v2)
