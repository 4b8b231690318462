"""The network that Azure makes and keeps for a workspace's computes, and what may leave it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from controlplane.operations.model import Model
from controlplane.workspaces.spec_model.types import without_slash


class OutboundRule(Model):
    """One thing that computes may reach. Of the kinds that "Workspace managed virtual network isolation" knows."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,38}[a-z0-9]$",
        description="2 to 40 characters a-z, 0-9 and hyphens; not beginning with `catalog-`, which names the rules "
        "that catalog and packages need.",
    )
    type: Literal["fqdn", "serviceTag", "privateEndpoint"] = Field(
        description="`fqdn` and `serviceTag` need managedAllowOnlyApprovedOutbound; the first `fqdn` rule starts an "
        "Azure Firewall, which is billed by the hour."
    )
    destination: Annotated[str, AfterValidator(without_slash)] = Field(
        min_length=1,
        max_length=500,
        description="A host name (`pypi.org`, `*.pytorch.org`), a service tag (`AzureDevOps`), or what the private "
        "endpoint leads to: an ARM id, or `storage`, `vault`, `registry` for the workspace's own.",
    )
    subresource: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$",
        description="Group id of the private endpoint, such as `blob` or `account`.",
    )
    spark: bool = Field(default=False, description="Serverless Spark jobs may use the private endpoint too.")
    protocol: Literal["TCP", "UDP", "ICMP", "*"] | None = Field(
        default=None, description="Of a service tag; none: TCP."
    )
    port_ranges: str | None = Field(
        default=None,
        pattern=r"^[0-9]{1,5}(-[0-9]{1,5})?(,[0-9]{1,5}(-[0-9]{1,5})?){0,19}$",
        description="Ports of a service tag, such as `443` or `80,443,8000-8010`; none: 443.",
    )


class ManagedNetwork(Model):
    """What is asked of a managed network; of no use with `mode: privateVnet`."""

    provision: Literal["atFirstCompute", "atCreation"] = Field(
        default="atFirstCompute",
        description="When Azure builds the network, which takes half an hour: before the first compute, or with the "
        "workspace. `:provisionNetwork` asks for `atCreation` on a workspace that exists (S5-05, S5-06).",
    )
    spark: bool = Field(
        default=False,
        description="The network is built for serverless Spark jobs, too, such as model monitors'. Once it is, it "
        "stays: switching it off takes nothing away.",
    )
    firewall_sku: Literal["Standard", "Basic"] = Field(
        default="Standard", description="Azure Firewall that carries out `fqdn` rules; Basic costs a third."
    )
    outbound_rules: tuple[OutboundRule, ...] = Field(
        default=(), max_length=200, description="What computes may reach beyond what Azure ML itself needs."
    )
