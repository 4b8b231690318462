"""What leaves a managed network, and what that costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model import Money


class SourceBody(Model):
    """A collection of the model catalog, or a public repository of packages."""

    name: str = Field(description="As in `catalog.collections` and `catalog.packages`.")
    kind: Literal["collection", "packages"]
    title: str
    hosts: tuple[str, ...] = Field(description="Needed with approved outbound only; with the internet allowed, none.")
    note: str
    documents: tuple[str, ...]


class FirewallBody(Model):
    """What the Azure Firewall of a managed network costs: list price, pay as you go."""

    sku: Literal["Standard", "Basic"]
    monthly_cost: Money = Field(description="730 hours, before traffic.")
    per_gigabyte: Money
    as_of: str = Field(description="Day on which the source showed it.")
    source: str


class CatalogBody(Model):
    """The table of hosts."""

    version: str
    value: tuple[SourceBody, ...]
    firewall: tuple[FirewallBody, ...]


class EgressRule(Model):
    """One outbound rule that the spec means."""

    name: str
    type: Literal["FQDN", "ServiceTag", "PrivateEndpoint"]
    destination: Mapping[str, Any]
    because: tuple[str, ...] = Field(description="Fields of the spec that ask for it.")


class UnneededRule(Model):
    name: str
    destination: str
    reason: str


class EgressBody(Model):
    """What leaves a managed network."""

    table_version: str = Field(description="Of GET /api/catalog/collections.")
    rules: tuple[EgressRule, ...]
    missing: tuple[str, ...] = Field(description="Names of rules that are asked for and are not in Azure.")
    unneeded: tuple[UnneededRule, ...] = Field(description="Rules that nothing uses: each is a way out.")
    firewall: FirewallBody | None = Field(description="What the rules for host names start; null without one.")
