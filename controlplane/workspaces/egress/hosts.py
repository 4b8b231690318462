"""Hosts that model collections and package repositories are fetched from. Data, with a version: new collections come
often (S5-27), and a list that grew shows as missing rules in the next plan.

Sources: [FO] learn.microsoft.com, "How to set a managed network for Azure AI Foundry hubs" (hosts of curated models and
of Hugging Face); [MN] learn.microsoft.com, "Workspace managed virtual network isolation" (scenarios: public packages,
Visual Studio Code, HuggingFace models); [FW] learn.microsoft.com, "Configure inbound and outbound network traffic"
(RStudio); [CAT] learn.microsoft.com, "Use model catalog collections with workspace managed virtual network".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

#: Day on which the lists were last held against their sources.
VERSION = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Host:
    """A host name, or ``*.`` and a domain: every name below it."""

    fqdn: str
    requirements: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A collection of the model catalog, or a public repository of packages."""

    name: str
    kind: Literal["collection", "packages"]
    title: str
    hosts: tuple[Host, ...]
    documents: tuple[str, ...]
    note: str = ""
    requirements: tuple[str, ...] = ()
    """Of every rule that it needs."""


_CATALOG = (
    "https://learn.microsoft.com/azure/machine-learning/how-to-network-isolation-model-catalog",
    "https://learn.microsoft.com/azure/ai-foundry/how-to/configure-managed-network",
)
_MANAGED = ("https://learn.microsoft.com/azure/machine-learning/how-to-managed-network",)
_FIREWALL = ("https://learn.microsoft.com/azure/machine-learning/how-to-access-azureml-behind-firewall",)

_PYPI = (Host("pypi.org", ("S5-20",)), Host("*.pythonhosted.org", ("S5-21",)))
_CONDA = (Host("anaconda.com", ("S5-19",)), Host("*.anaconda.com", ("S5-18",)), Host("*.anaconda.org", ("S5-17",)))
_PYTORCH = (Host("pytorch.org", ("S5-23",)), Host("*.pytorch.org", ("S5-22",)))
_HUGGING_FACE = (
    Host("docker.io", ("S5-29",)),
    # Pulls go to registry-1.docker.io and auth.docker.io.
    Host("*.docker.io"),
    # [MN] also lists *.docker.com; this is the one host below it that images come from, and a name is less than a
    # whole domain.
    Host("production.cloudflare.docker.com", ("S5-31",)),
    Host("huggingface.co", ("S5-30",)),
    Host("cdn-lfs.huggingface.co", ("S5-32",)),
    # Where weights lie since 2025 [FO].
    Host("cas-bridge.xethub.hf.co"),
    Host("cdn.auth0.com", ("S5-33",)),
)
_VSCODE = tuple(
    Host(fqdn)
    for fqdn in (
        "*.vscode.dev",
        "*.vscode-unpkg.net",
        "*.vscode-cdn.net",
        "*.vscodeexperiments.azureedge.net",
        "default.exp-tas.com",
        "code.visualstudio.com",
        "update.code.visualstudio.com",
        "*.vo.msecnd.net",
        "marketplace.visualstudio.com",
        "*.gallerycdn.vsassets.io",
        "vscode.download.prss.microsoft.com",
    )
)

_SOURCES = (
    Source(
        "curatedByAzureAI",
        "collection",
        "Curated by Azure AI",
        (*_CONDA, *_PYPI, *_PYTORCH),
        _CATALOG,
        "Language models install their dependencies when they are deployed. Weights come from Azure ML's own storage.",
        ("S5-16",),
    ),
    Source("meta", "collection", "Meta", (), _CATALOG, "Needs no rule: everything comes from Azure.", ("S5-26",)),
    Source(
        "huggingFace",
        "collection",
        "Hugging Face",
        _HUGGING_FACE,
        _CATALOG,
        "Weights are not hosted on Azure; the online endpoint downloads them when a model is deployed.",
    ),
    Source("python", "packages", "Python Package Index", _PYPI, _MANAGED, "", ("S3-72",)),
    Source("conda", "packages", "Conda", _CONDA, _MANAGED, "", ("S3-72",)),
    Source(
        "mcr",
        "packages",
        "Microsoft Artifact Registry",
        (),
        _MANAGED,
        "Needs no rule: MicrosoftContainerRegistry is among the rules that Azure makes itself.",
        ("S3-72", "S5-15"),
    ),
    Source("pytorch", "packages", "PyTorch", _PYTORCH, _MANAGED),
    Source("tensorflow", "packages", "TensorFlow", (Host("*.tensorflow.org"),), _MANAGED),
    Source(
        "vscode",
        "packages",
        "Visual Studio Code on compute instances",
        _VSCODE,
        _MANAGED,
        "vscode.blob.core.windows.net is left out: an FQDN rule cannot lead to Azure Storage.",
    ),
    Source(
        "rstudio",
        "packages",
        "RStudio and CRAN",
        (Host("ghcr.io"), Host("pkg-containers.githubusercontent.com"), Host("cloud.r-project.org")),
        _FIREWALL,
    ),
)

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _SOURCES})
"""By the name that ``catalog.collections`` and ``catalog.packages`` use."""


def covers(allowed: str, host: str) -> bool:
    """Whether a rule for ``allowed`` lets everything out that a rule for ``host`` would.

    Azure Firewall's wildcard stands for any number of labels, not for none: ``*.pytorch.org`` is not ``pytorch.org``.
    Source: learn.microsoft.com, "Azure Firewall FAQ", target FQDNs in application rules.
    """
    allowed, host = allowed.lower(), host.lower()
    return allowed == host or (allowed.startswith("*.") and host.endswith(allowed[1:]))
