"""Where the inputs and outputs of a job lie: datastores, data assets, URLs. Pure; a job may have any shape.

Sources: Microsoft Learn, "Access data in a job" (supported paths: local, http(s), ``wasbs``, ``abfss``, ``adl``, a
datastore, a data asset) and "CLI (v2) core YAML syntax" (``azureml:{name}:{version}``, ``azureml:{name}@latest``,
``${{parent.inputs.*}}``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from controlplane.workspaces.jobs.model import Asset, JobFacts, Level
from controlplane.workspaces.jobs.parts import Step, mapping

_STORE = re.compile(r"azureml:(?://(?:(subscriptions/.*)/)?|(.*)/)datastores/([A-Za-z0-9_]+)(?:/.*)?", re.DOTALL)
_NAMED = re.compile(r"azureml:([A-Za-z0-9][A-Za-z0-9._-]{0,254})(?::([A-Za-z0-9][A-Za-z0-9._-]{0,29})|@([A-Za-z]\w*))")
_LONG = re.compile(
    r"azureml:(?://)?/?(?:(?:subscriptions|locations)/.*/)?(data|models)/"
    r"([A-Za-z0-9][A-Za-z0-9._-]{0,254})/versions/([A-Za-z0-9][A-Za-z0-9._-]{0,29})"
)
_WORKSPACE = re.compile(r"/?(subscriptions/[^/]+/resource[gG]roups/[^/]+)/(?:.*/)?workspaces/([^/]+)")
_PARENT = re.compile(r"\$\{\{\s*parent\.inputs\.([A-Za-z0-9_]+)\s*\}\}")
_SCHEMES = ("https", "http", "wasbs", "wasb", "abfss", "abfs", "adl")
_SERVICES = ("blob", "dfs", "file")
_MODELS = frozenset({"mlflow_model", "custom_model", "triton_model"})
#: Assets that lead to other references are followed so far.
_FURTHEST = 3


@dataclass(frozen=True, slots=True)
class Place:
    """Where one input or output lies: in a ``store``, in an ``account`` by its URL, or nobody can say (``trouble``)."""

    target: str
    store: str | None = None
    account: str | None = None
    signed: bool = False
    """Whether the URL carries a shared access signature."""
    trouble: tuple[str, Level, str] | None = None
    """Code, level, and a sentence."""
    through: Asset | None = None
    """The asset that leads there."""


def places(step: Step, facts: JobFacts) -> Iterator[Place]:
    """Of every input and output that leads anywhere; literals, local files and outputs of other steps do not."""
    for target, where, kind in _paths(step):
        found = _place(target, where, kind, facts)
        if found is not None:
            yield found


def assets(step: Step) -> Iterator[Asset]:
    """What has to be read to know where inputs and outputs lie."""
    for _, where, kind in _paths(step):
        found = asset_of(where, kind)
        if found is not None:
            yield found


def asset_of(where: str, kind: str = "") -> Asset | None:
    """The data asset, or model, that a path names; None for every other path."""
    short = _NAMED.fullmatch(where)
    if short is not None:
        return Asset("models" if kind in _MODELS else "data", short[1], short[2], short[3])
    long = _LONG.fullmatch(where)
    return Asset(long[1], long[2], long[3], None) if long is not None else None


def _paths(step: Step) -> Iterator[tuple[str, str, str]]:
    """JSON path, path as it is written, and type."""
    for side in ("inputs", "outputs"):
        for name, value in mapping(step.body.get(side)).items():
            where, kind = _bound(_written(value), step)
            if where is not None:
                yield f"{step.path}.{side}.{name}", where, kind


def _written(value: Any) -> tuple[str | None, str]:
    where = value if isinstance(value, str) else mapping(value).get("path")
    return (where if isinstance(where, str) else None), str(mapping(value).get("type") or "")


def _bound(written: tuple[str | None, str], step: Step) -> tuple[str | None, str]:
    """What a binding to an input of the pipelines around the step means, the nearest first."""
    where, kind = written
    for given in reversed(step.given):
        found = _PARENT.fullmatch(where.strip()) if where is not None else None
        if found is None:
            break
        where, more = _written(given.get(found[1]))
        kind = more or kind
    return where, kind


def _place(target: str, where: str, kind: str, facts: JobFacts) -> Place | None:
    through = None
    for _ in range(_FURTHEST):
        known = asset_of(where, kind)
        if known is None:
            return _direct(target, where, facts, through)
        through, answer = known, facts.assets.get(known)
        if not isinstance(answer, str):
            return Place(target, trouble=_no_answer(known, known in facts.assets), through=known)
        where = answer
    text = f"{through} leads to another asset, and so on: where it lies in the end is not known."
    return Place(target, trouble=("DataPathUnknown", Level.UNKNOWN, text), through=through)


def _no_answer(asset: Asset, was_read: bool) -> tuple[str, Level, str]:
    if was_read:
        return "DataAssetNotFound", Level.ERROR, f"The workspace has no {asset}."
    return "DataAssetNotFound", Level.UNKNOWN, f"Where {asset} lies could not be read."


def _direct(target: str, where: str, facts: JobFacts, through: Asset | None) -> Place | None:
    store = _STORE.fullmatch(where)
    if store is not None:
        other = _elsewhere(store[1] or store[2] or "", facts.home)
        return Place(target, trouble=other, through=through) if other else Place(target, store[3], through=through)
    scheme = where.partition(":")[0].lower()
    if scheme == "azureml":
        text = "It is neither a datastore nor a data asset of this workspace: where it lies was not read."
        return Place(target, trouble=("DataPathUnknown", Level.UNKNOWN, text), through=through)
    return _url(target, where, facts, through) if scheme in _SCHEMES and ":" in where else None


def _elsewhere(prefix: str, home: str) -> tuple[str, Level, str] | None:
    named = _WORKSPACE.search(prefix)
    ours = _WORKSPACE.search(home)
    if named is None or ours is None:
        return None
    if (named[1].lower(), named[2].lower()) == (ours[1].lower(), ours[2].lower()):
        return None
    return "DataPathUnknown", Level.UNKNOWN, f"It is a datastore of workspace {named[2]}, which was not read."


def _url(target: str, where: str, facts: JobFacts, through: Asset | None) -> Place:
    """An account by its host. What else stands in a URL is not repeated: it may be a secret."""
    try:
        parts = urlsplit(where)
        host = (parts.hostname or "").lower()
    except ValueError:
        text = "It is a URL that cannot be taken apart."
        return Place(target, trouble=("DataPathUnknown", Level.ERROR, text), through=through)
    account, _, rest = host.partition(".")
    if account and any(rest == f"{service}.{facts.storage_suffix}" for service in _SERVICES):
        return Place(target, account=account, signed="sig=" in parts.query.lower(), through=through)
    text = f"{host or 'It'} is no storage account of this cloud: who reads there is not known."
    return Place(target, trouble=("DataPathUnknown", Level.UNKNOWN, text), through=through)


def computes(step: Step, defaults: Mapping[str, str]) -> str | None:
    """What ``compute`` of a step says, or that of the pipeline around it; ``defaults``: path of a pipeline → its
    ``settings.default_compute``."""
    own = step.body.get("compute")
    if isinstance(own, str):
        return own
    above = sorted((path for path in defaults if step.path.startswith(f"{path}.")), key=len)
    return defaults[above[-1]] if above else None
