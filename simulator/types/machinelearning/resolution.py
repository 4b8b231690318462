"""Whether the network of a cluster's nodes resolves the workspace's name to the workspace's private endpoint.

Sources: learn.microsoft.com "Use an Azure Resource Manager template to create a workspace", "Virtual network not linked
to private DNS zone" (privatelink.api.azureml.ms is linked to each network that uses the workspace); "How to use your
workspace with a custom DNS server" (the workspace's name is an A record of that zone, privatelink.notebooks.azure.net
serves notebooks: nodes do not need it). That nodes without public addresses reach the workspace by name resolution, so
that the zone is linked to their network: ravinote.blogspot.com, 26 May 2024. No source has the cluster's creation
itself fail for it: a cluster is made without nodes.
"""

from __future__ import annotations

from simulator.engine.declaration import EngineApi, Resource
from simulator.types._shared import dig, items, name_of, parent_id, same_id, state_of
from simulator.types.machinelearning.workspaces import api_host
from simulator.types.network.private_dns import LINK
from simulator.types.network.private_endpoints import interface_id_of
from simulator.types.private_link import approved_endpoints, record_in


def unresolved(engine: EngineApi, workspace: Resource, subnet: Resource) -> str | None:
    """The workspace's name when it leads no node of the subnet to an Approved endpoint; None when it does.

    A network with DNS servers of its own asks those, and what they answer is not modelled: taken as right.
    """
    network_id = parent_id(subnet.id)
    network = engine.get(network_id)
    if network is not None and dig(network.body, "properties.dhcpOptions.dnsServers"):
        return None
    name = api_host(workspace)
    return None if _resolved(engine, network_id, name) & _addresses(engine, workspace, name) else name


def _resolved(engine: EngineApi, network_id: str, name: str) -> set[str]:
    """Addresses of a name in the private zones that are linked to a network."""
    found: set[str] = set()
    for link in engine.all_of(LINK):
        zone_id = parent_id(link.id)
        record = record_in(name_of(zone_id), name)
        if record is None or not same_id(dig(link.body, "properties.virtualNetwork.id"), network_id):
            continue
        completed = dig(link.body, "properties.virtualNetworkLinkState") == "Completed" and state_of(link) != "Failed"
        answer = engine.get(f"{zone_id}/A/{record}") if completed and not link.hidden else None
        if answer is not None:
            found |= {str(entry.get("ipv4Address")) for entry in items(answer.body, "properties.aRecords")}
    return found


def _addresses(engine: EngineApi, workspace: Resource, name: str) -> set[str]:
    """Addresses at which the workspace's Approved endpoints answer for a name."""
    found: set[str] = set()
    for endpoint_id in approved_endpoints(engine, workspace):
        endpoint = engine.get(endpoint_id)
        interface = engine.get(interface_id_of(endpoint)) if endpoint is not None else None
        for entry in items(interface.body, "properties.ipConfigurations") if interface is not None else ():
            if name in dig(entry, "properties.privateLinkConnectionProperties.fqdns", ()):
                found.add(str(dig(entry, "properties.privateIPAddress")))
    return found
