"""What a person should know of a workspace's identity and key before it exists. Pure.

Sources: "Set up authentication between Azure Machine Learning and other services", workspace identity types;
"Customer-managed keys for Azure Machine Learning".
"""

from __future__ import annotations

from controlplane.workspaces.posture.advice_model import Advice

IDENTITY_ADVICE = (
    Advice(
        "SystemIdentityEndsWithWorkspace",
        ("S2-11",),
        "$.identity.type",
        "A system-assigned identity is the easiest beginning: it lives as long as the workspace and serves no other "
        "resource. Make it systemAndUserAssigned later where an identity has to outlive it; there is no way back.",
        lambda spec, _: spec.identity.type == "systemAssigned",
    ),
    Advice(
        "UserIdentityLivesByItself",
        ("S2-12",),
        "$.identity.type",
        "A user-assigned identity has a life of its own, may serve several resources, may be given no more than it "
        "needs, and reads data in training jobs; its roles are made here, because Microsoft makes none for it.",
        lambda spec, _: spec.identity.type != "systemAssigned",
    ),
    Advice(
        "KeyKeepsResourcesBeside",
        (),
        "$.encryption.customerManagedKey",
        "With a key of your own Azure keeps the workspace's metadata in resources of a group of its own in the same "
        "subscription (Cosmos DB, AI Search, storage), which cost money for as long as the workspace exists.",
        lambda spec, _: spec.encryption.customer_managed_key is not None,
    ),
)
