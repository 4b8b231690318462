"""Controls on networks, names and private endpoints: what a difference there means, as data.

Ids, severities and environments are those of the project's catalogue, put together from Azure Policy, PSRule,
Prowler, Checkov and Microsoft's documents (``docs/posture.md``). ``CP.*`` are our own, where it has none.
"""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_ML, _DATA, _MODEL = Section.ML_PIPELINE, Section.TRAINING_DATA, Section.MODEL

_network = Table(kinds.VNET, _ML, Concern.NETWORK)
_subnet = Table(kinds.SUBNET, _ML, Concern.NETWORK)
_peering = Table(kinds.PEERING, _ML, Concern.NETWORK)
_nsg = Table(kinds.NSG, _ML, Concern.NETWORK)
_nat = Table(kinds.NAT_GATEWAY, _ML, Concern.NETWORK)
_routes = Table(kinds.ROUTE_TABLE, _ML, Concern.NETWORK)
_policy = Table(kinds.SERVICE_ENDPOINT_POLICY, _DATA, Concern.NETWORK)
_zone = Table(kinds.DNS_ZONE, _ML, Concern.NETWORK)
_model_zone = Table(kinds.DNS_ZONE, _MODEL, Concern.NETWORK)
_link = Table(kinds.DNS_LINK, _ML, Concern.NETWORK)
_model_link = Table(kinds.DNS_LINK, _MODEL, Concern.NETWORK)
_endpoint = Table(kinds.PRIVATE_ENDPOINT, _ML, Concern.NETWORK)
_data_endpoint = Table(kinds.PRIVATE_ENDPOINT, _DATA, Concern.NETWORK)
_model_endpoint = Table(kinds.PRIVATE_ENDPOINT, _MODEL, Concern.NETWORK)
_zone_group = Table(kinds.ZONE_GROUP, _ML, Concern.NETWORK)

_CONNECTIONS = "properties.privateLinkServiceConnections"
_GROUP_IDS = f"{_CONNECTIONS}[*].properties.groupIds"

ENTRIES: tuple[Control, ...] = (
    _network.high("NET.VNET.NoOverlap", "properties.addressSpace"),
    _network.medium("NET.VNET.CustomDnsForwarding", "properties.dhcpOptions"),
    _subnet.high("NET.SUBNET.NsgAttached", "properties.networkSecurityGroup"),
    _subnet.high("NET.SUBNET.NsgAttached", "properties.networkSecurityGroup", "S1-70", key="subnet/training"),
    _subnet.medium("NET.SUBNET.PrivateOutbound", "properties.defaultOutboundAccess", prod=True),
    _subnet.high("NET.SUBNET.EgressPath", "properties.natGateway"),
    _subnet.high("NET.SUBNET.EgressPath", "properties.routeTable"),
    _subnet.high("CP.SUBNET.StoragePolicy", "properties.serviceEndpointPolicies"),
    _subnet.high("CP.SUBNET.StoragePolicy", "properties.serviceEndpoints"),
    _subnet.low("NET.SUBNET.PeNetworkPolicies", "properties.privateEndpointNetworkPolicies"),
    _subnet.high("NET.SUBNET.NotDelegated", "properties.delegations"),
    _nat.high("NET.SUBNET.EgressPath", "properties.publicIpAddresses"),
    _routes.high("NET.SUBNET.EgressPath", "properties.routes", "S1-70"),
    _routes.medium("CP.ROUTES.NoAnnouncedRoutes", "properties.disableBgpRoutePropagation"),
    _policy.high("CP.SUBNET.StoragePolicy", "properties.serviceEndpointPolicyDefinitions"),
    _nsg.high("CP.NSG.Rules", "properties.securityRules"),
    _nsg.high("CP.NSG.Rules", "properties.securityRules", "S1-70", key="nsg/training"),
    _peering.high("NET.PEER.StateLocal", "", "S1-49", key="peering/ml-to-hub"),
    _peering.high("NET.PEER.StateRemote", "", "S1-49", key="peering/hub-to-ml"),
    _peering.medium("NET.PEER.AccessFlags", "properties.allowVirtualNetworkAccess", "S1-50"),
    _peering.medium("NET.PEER.AccessFlags", "properties.allowForwardedTraffic", "S1-50"),
    _peering.medium("NET.PEER.AccessFlags", "properties.allowGatewayTransit"),
    _peering.medium("NET.PEER.AccessFlags", "properties.useRemoteGateways"),
    _peering.high("NET.PEER.RemoteId", "properties.remoteVirtualNetwork"),
    _zone.high("DNS.ZoneSetComplete"),
    _zone.high("DNS.ZoneSetComplete", "", "S1-39", key="dns-zone/api"),
    _zone.high("DNS.ZoneSetComplete", "", "S1-40", key="dns-zone/notebooks"),
    _model_zone.high("DNS.ZoneSetComplete", "", "S1-41", key="dns-zone/registry"),
    _link.high("DNS.LinkSpoke", "", "S1-42", key="dns-link/*/ml"),
    _link.high("DNS.LinkHub", key="dns-link/*/hub"),
    _model_link.high("DNS.LinkHub", "", "S1-43", key="dns-link/registry/hub"),
    _link.high("DNS.LinkSpoke", "properties.virtualNetwork", key="dns-link/*/ml"),
    _link.high("DNS.LinkHub", "properties.virtualNetwork", key="dns-link/*/hub"),
    _link.medium("DNS.LinkRegistrationOff", "properties.registrationEnabled"),
    _link.low("DNS.LinkResolutionPolicy", "properties.resolutionPolicy"),
    _endpoint.high("AML.WS.PrivateEndpointApproved", "", "S1-34", key="private-endpoint/workspace"),
    _data_endpoint.high("STO.PrivateEndpointBlob", "", "S1-34", key="private-endpoint/blob"),
    _data_endpoint.high("STO.PrivateEndpointFile", "", "S1-34", key="private-endpoint/file"),
    _data_endpoint.high("KV.PrivateEndpoint", "", "S1-34", key="private-endpoint/vault"),
    _model_endpoint.high("ACR.PrivateEndpoint", "", "S1-34", key="private-endpoint/registry"),
    _endpoint.low("NET.PE.SubnetPlacement", "properties.subnet", prod=True),
    _endpoint.high("NET.PE.TargetId", _CONNECTIONS),
    _endpoint.high("NET.PE.GroupId", _GROUP_IDS),
    _endpoint.high("NET.PE.GroupId", _GROUP_IDS, "S1-35", key="private-endpoint/workspace"),
    _model_endpoint.high("NET.PE.GroupId", _GROUP_IDS, "S1-36", key="private-endpoint/registry"),
    _zone_group.high("NET.PE.ZoneGroupPresent"),
    _zone_group.high("NET.PE.ZoneGroupComplete", "properties.privateDnsZoneConfigs"),
    _zone_group.high(
        "NET.PE.ZoneGroupComplete", "properties.privateDnsZoneConfigs", "S1-38", key="zone-group/workspace"
    ),
)
