"""The catalogue of controls as data: names are unique, the document says what the code does."""

from __future__ import annotations

import re

import pytest

from controlplane.workspaces.posture import (
    catalogue_compute,
    catalogue_data,
    catalogue_hub,
    catalogue_identity,
    catalogue_managed,
    catalogue_network,
    catalogue_services,
)
from controlplane.workspaces.posture.controls import Control, find
from controlplane.workspaces.posture.rules import AS_DECLARED, CHECKS, CONTROLS
from tests.support.blueprints import ROOT, compiled

BLUEPRINT = compiled(environment="prod")
ENTRIES = (
    *catalogue_network.ENTRIES,
    *catalogue_managed.ENTRIES,
    *catalogue_hub.ENTRIES,
    *catalogue_services.ENTRIES,
    *catalogue_compute.ENTRIES,
    *catalogue_identity.ENTRIES,
    *catalogue_data.ENTRIES,
)


def test_rule_names_are_unique() -> None:
    assert len({control.rule for control in ENTRIES}) == len(ENTRIES)


def test_the_document_lists_every_control_with_its_severities() -> None:
    severities: dict[str, set[str]] = {}
    judged = [(c.id, c.severity) for c in (*ENTRIES, AS_DECLARED)] + [(c.id, c.severity) for c in CHECKS.values()]
    for control, severity in judged:
        severities.setdefault(control, set()).add(severity.value)
    text = (ROOT / "docs/posture.md").read_text()
    rows = re.findall(r"^\| ([A-Z]+(?:\.\w+)+) \| (\w+) \|", text, re.MULTILINE)
    listed = dict(rows)
    assert len(listed) == len(rows)  # Each once.
    assert set(listed) == set(severities)
    assert {name for name, severity in listed.items() if severity not in severities[name]} == set()


def control_of(key: str, path: str) -> Control:
    resource = BLUEPRINT.by_key[key]
    return find((c for c in CONTROLS.values() if c.concerns(resource)), path, AS_DECLARED)


@pytest.mark.parametrize(
    ("key", "path", "control"),
    [
        ("storage", "$.properties.publicNetworkAccess", "STO.PublicNetworkAccess"),
        ("storage", "$.properties.networkAcls.defaultAction", "STO.NetworkDefaultDeny"),
        ("storage", "$.kind", "CP.AsDeclared"),
        ("storage", "$", "CP.Present"),
        ("storage", "$.tags.project", "GOV.Tags.Required"),
        ("resource-group", "$.tags.expiry", "GOV.Tags.Expiry"),
        ("resource-group", "$.tags.project", "GOV.Tags.Required"),
        ("dns-link/blob/ml", "$", "DNS.LinkSpoke"),
        ("dns-link/blob/hub", "$", "DNS.LinkHub"),
        ("cluster/cpu", "$.location", "AML.CLUSTER.RegionMatch"),
        ("workspace", "$.location", "GOV.AllowedLocations"),
        (
            "private-endpoint/blob",
            "$.properties.privateLinkServiceConnections[blob].properties.groupIds",
            "NET.PE.GroupId",
        ),
        (
            "private-endpoint/blob",
            "$.properties.privateLinkServiceConnections[blob].properties.privateLinkServiceId",
            "NET.PE.TargetId",
        ),
        ("nsg/hub", "$.properties.securityRules[DenyInternet].properties.access", "CP.NSG.Rules"),
        ("role/cluster/cpu/registry/acr-pull", "$", "RBAC.ComputeMi.AcrPull"),
        ("vault", "$.properties.enablePurgeProtection", "KV.PurgeProtection"),
    ],
)
def test_a_difference_belongs_to_the_most_specific_control(key: str, path: str, control: str) -> None:
    assert control_of(key, path).id == control
