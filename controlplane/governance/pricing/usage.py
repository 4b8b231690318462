"""What is assumed of use, where use decides the price. Data; docs/costs.md repeats it in words.

``low`` is a month in which nobody does anything: what a workspace costs by being there. ``expected`` is the stated
rule. ``high`` is the most that computes can be used, and heavy use of the rest. All of a month.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Range:
    """The same thing at low, expected and high use."""

    low: Decimal
    expected: Decimal
    high: Decimal

    @classmethod
    def of(cls, value: Decimal | int) -> Range:
        """What no use changes."""
        return cls(Decimal(value), Decimal(value), Decimal(value))

    def __add__(self, other: Range) -> Range:
        return Range(self.low + other.low, self.expected + other.expected, self.high + other.high)

    def __sub__(self, other: Range) -> Range:
        return Range(self.low - other.low, self.expected - other.expected, self.high - other.high)

    def times(self, factor: Decimal | int) -> Range:
        return Range(self.low * factor, self.expected * factor, self.high * factor)


NOTHING = Range.of(0)


@dataclass(frozen=True, slots=True)
class Assumption:
    """Of one month. ``unit`` is what the numbers count."""

    name: str
    unit: str
    range: Range
    text: str


def _entry(name: str, unit: str, low: str, expected: str, high: str, text: str) -> tuple[str, Assumption]:
    return name, Assumption(name, unit, Range(Decimal(low), Decimal(expected), Decimal(high)), text)


ASSUMPTIONS: Mapping[str, Assumption] = MappingProxyType(
    dict(
        (
            _entry(
                "nodeHours",
                "hours of each node above the minimum",
                "0",
                "88",
                "730",
                "A cluster's nodes above its minimum run four hours on each of 22 working days; at most all the time.",
            ),
            _entry(
                "instanceHours",
                "hours of each compute instance",
                "0",
                "176",
                "730",
                "An instance runs eight hours on each of 22 working days; its idle shutdown stops it.",
            ),
            _entry(
                "privateLinkIn",
                "GB into each private endpoint",
                "0",
                "20",
                "500",
                "Data read from the private endpoint.",
            ),
            _entry(
                "privateLinkOut",
                "GB out of each private endpoint",
                "0",
                "5",
                "100",
                "Data written to the private endpoint.",
            ),
            _entry(
                "dnsQueries", "million queries of each zone", "0", "0.1", "1", "Queries of names in a private zone."
            ),
            _entry(
                "peered",
                "GB out of, and as many into, each end",
                "0",
                "10",
                "200",
                "Each GB is paid out at the sender and in at the receiver; a network that Azure does not show is near.",
            ),
            _entry("natData", "GB through each NAT gateway", "0", "50", "1000", "Both directions count."),
            _entry("bastionData", "GB out of the Bastion", "0", "5", "50", "The first 5 GB are free."),
            _entry(
                "gatewayData",
                "GB out of the VPN gateway",
                "0",
                "50",
                "1000",
                "The first 100 GB to the internet are free.",
            ),
            _entry(
                "vpnClients", "clients connected at all times", "0", "10", "128", "The first 128 connections are free."
            ),
            _entry("circuitData", "GB out of a metered circuit", "0", "100", "1000", "Nothing on an unlimited plan."),
            _entry("firewallData", "GB through the firewall", "0", "50", "1000", "No capacity units are counted."),
            _entry("registryData", "GB in the registry", "0", "20", "500", "Premium holds 500 GB without more."),
            _entry("blobData", "GB in the storage account", "0", "100", "5120", "Hot tier."),
            _entry("fileData", "GB in file shares", "0", "10", "100", "What people keep in notebooks' shares."),
            _entry("blobWrites", "10,000 writes", "0", "10", "1000", "A hundred thousand writes."),
            _entry("blobReads", "10,000 reads", "0", "50", "5000", "Half a million reads."),
            _entry("vaultOperations", "10,000 operations", "0", "10", "100", "A hundred thousand operations."),
            _entry(
                "logs",
                "GB of logs",
                "0",
                "10",
                "100",
                "Of all diagnostics; the first 5 GB of a billing account are free.",
            ),
            _entry(
                "parallelJobs",
                "paid parallel job of each build agent",
                "0",
                "1",
                "1",
                "Every agent works at the same time and the organization's free job is used for one of them; at least "
                "nothing, where the organization has paid for enough jobs already.",
            ),
        )
    )
)
