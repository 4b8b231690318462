"""Controls on managed networks and their outbound rules, as data.

Ids with ``CP.`` are our own; what is asked of rules follows "Workspace managed virtual network isolation".
"""

from __future__ import annotations

from controlplane.workspaces import kinds
from controlplane.workspaces.posture.controls import Control
from controlplane.workspaces.posture.model import Concern, Section
from controlplane.workspaces.posture.table import Table

_ML = Section.ML_PIPELINE
_workspace = Table(kinds.ML_WORKSPACE, _ML, Concern.NETWORK)
_rule = Table(kinds.OUTBOUND_RULE, _ML, Concern.NETWORK)
_network = Table(kinds.MANAGED_NETWORK, _ML, Concern.NETWORK)
_role = Table(kinds.ROLE_ASSIGNMENT, _ML, Concern.ACCESS)

ENTRIES: tuple[Control, ...] = (
    _workspace.high(
        "AML.WS.ManagedNetworkIsolationMode",
        "properties.managedNetwork.isolationMode",
        "S3-74",
        "S5-01",
        "S5-07",
        "S5-08",
    ),
    _workspace.low("CP.EGRESS.FirewallSku", "properties.managedNetwork.firewallSku"),
    _rule.high("CP.EGRESS.RulePresent"),
    # What a collection or a package list needs: a rule that is missing fails a deployment, later and without a word.
    _rule.high("CP.EGRESS.RulePresent", "", "S5-08", "S5-16", "S5-34", key="outbound-rule/catalog-*"),
    _rule.high("CP.EGRESS.Destination", "properties.destination"),
    _rule.medium("CP.EGRESS.RuleType", "properties.type"),
    _network.medium("CP.EGRESS.NetworkBuilt", "", "S5-05"),
    _network.medium("CP.EGRESS.SparkReady", "properties.status.sparkReady"),
    _role.medium("CP.EGRESS.Approver", key="role/workspace-identity/outbound-*"),
)
