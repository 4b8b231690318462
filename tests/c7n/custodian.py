"""`custodian` with one cloud more: Cloud Custodian takes endpoints from a table of four clouds, without a setting for
another, so this adds the simulator's, as msrestazure reads it from the ARM endpoint's metadata. All else is its own.

Runs with the interpreter of `.venv-c7n`, which holds nothing but Cloud Custodian; so it imports nothing of ours.
"""

from __future__ import annotations

import os

from c7n.cli import main
from c7n_azure.provider import Azure
from msrestazure.azure_cloud import AZURE_PUBLIC_CLOUD, Cloud, get_cloud_from_metadata_endpoint

CLOUD = "SimulatedCloud"


def simulated() -> Cloud:
    """The metadata that msrestazure knows has no suffixes; the simulator's are Azure's own."""
    cloud = get_cloud_from_metadata_endpoint(os.environ["ARM_ENDPOINT"], CLOUD)
    cloud.endpoints.resource_manager += "/"
    cloud.suffixes = AZURE_PUBLIC_CLOUD.suffixes
    return cloud


if __name__ == "__main__":
    Azure.region_to_cloud[CLOUD] = simulated()
    main()
