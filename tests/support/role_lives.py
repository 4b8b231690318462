"""Workspaces in which the product needs every right that its two identities have."""

from __future__ import annotations

from typing import Any

from controlplane.workspaces.jobs import Level
from controlplane.workspaces.services.jobs import check_job
from tests.support.blueprints import example
from tests.support.illegal import waiver
from tests.support.quiet_product import ADMIN, NAME, QuietProduct
from tests.support.worlds import DATA_GROUP, an_initiative, existing_data, key_and_identities, landing_zone, registered

#: A workspace that joins what is somebody else's.
JOINED = "churn-joined"
#: One whose build agents stand on a scale set.
POOLED = "churn-pooled"
#: The workspace that has a managed network.
ISOLATED = "isolated"


def everything() -> dict[str, Any]:
    """A spec with whatever a workspace of its own can have."""
    spec, other = example("hub-build-agents"), example("hub-bastion")
    spec["network"]["hub"] |= {**other["network"]["hub"], **spec["network"]["hub"]}
    spec["network"]["hub"]["vpn"] = example("hub-vpn")["network"]["hub"]["vpn"]
    brought = example("customer-managed-key")["identity"]["ids"]
    spec["identity"] = {**example("user-assigned")["identity"], "type": "systemAndUserAssigned", "ids": brought}
    spec["access"] = example("personas")["access"]
    spec["datastores"] = example("datastores")["datastores"]
    # Of what policy says only this depends.
    spec |= {"registry": {"adminUser": True}, "waivers": [waiver(30)]}
    return spec


def joined() -> dict[str, Any]:
    """A spec with whatever a workspace of somebody else's hub can have."""
    spec = example("landing-zone")
    spec["network"]["egress"] = {"kind": "firewall", "nextHop": "10.10.1.4", "storageEndpointPolicy": True}
    return spec


def job_checked(product: QuietProduct) -> set[str]:
    """Codes of what nobody knows of a job that reads both."""
    inputs = {
        "rows": {"type": "uri_folder", "path": "azureml:orders@latest"},
        "model": {"type": "mlflow_model", "path": "azureml:churn@latest"},
    }
    asked = {"workspace": NAME, "job": {"command": "x", "inputs": inputs}}
    found = product.run(check_job(product.services, ADMIN, asked)).findings
    return {one.code for one in found if one.level is Level.UNKNOWN}


def target_unknown(product: QuietProduct) -> str:
    """Why nobody knows whether something is there that is of no type that Azure has."""
    asked = example("managed-approved-catalog")
    theirs = f"{DATA_GROUP}/providers/Microsoft.Storage/unheardOf/theirs"
    rule = {"name": "theirs", "type": "privateEndpoint", "destination": theirs, "subresource": "x"}
    asked["network"]["managed"]["outboundRules"].append(rule)
    found = product.plan(asked, ISOLATED).plan.warnings
    return next(one.message for one in found if one.code == "OutboundTargetUnknown")


def begin(product: QuietProduct) -> None:
    """The project, with all that its workspaces may have."""
    registered(product, outboundTargets=[DATA_GROUP])
    key_and_identities(product)
    landing_zone(product)
    existing_data(product)
    an_initiative(product)
