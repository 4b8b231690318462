"""A model version becomes one promotion, whoever registered it and however often we hear of it.

Nothing that an event says is kept but the names: what the version is made of is read back by the tick.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from controlplane.objects.repository import of_workspace
from controlplane.promotion.model import Promotion
from controlplane.retraining.known import Known
from controlplane.retraining.signals.eventgrid import Heard
from controlplane.retraining.signals.once import IntakeDeps, Taken, left, store_once

#: New promotions of one workspace in an hour by events; a poll finds what is dropped here.
MOST_IN_AN_HOUR = 100


async def registered(deps: IntakeDeps, found: Known, heard: Heard, now: datetime) -> Taken:
    """A ModelRegistered. Raises ``Transient`` when the store is away: Event Grid sends it again."""
    if heard.model is None or heard.version is None:
        return left("it names no model version")
    return await found_version(deps, found, (heard.model, heard.version), now)


async def found_version(deps: IntakeDeps, found: Known, named: tuple[str, str], now: datetime) -> Taken:
    """A model and its version, heard of or seen in Azure. Raises ``Transient``."""
    promotion = promotion_of(found, named, now)
    known = await deps.objects.get(Promotion, promotion.id)
    if known is not None:
        return Taken(Promotion.KIND, promotion.id, "known")
    page = await deps.objects.page(Promotion, of_workspace(Promotion, found.name), limit=MOST_IN_AN_HOUR)
    if sum(one.created_at > now - timedelta(hours=1) for one in page.values) >= MOST_IN_AN_HOUR:
        return left(f"workspace {found.name} had {MOST_IN_AN_HOUR} new model versions within the hour")
    return await store_once(deps, promotion, "stored")


def promotion_of(found: Known, named: tuple[str, str], now: datetime) -> Promotion:
    """Its first state, due at once."""
    model, version = named
    return Promotion(
        id=promotion_id(found, named),
        due_at=now,
        workspace=found.name,
        incarnation=found.record.incarnation,
        project=found.record.project,
        model=model,
        version=version,
        reason="It was not read back from Azure yet.",
        created_at=now,
        last_modified_at=now,
    )


def promotion_id(found: Known, named: tuple[str, str]) -> str:
    """The same version of the same workspace is the same promotion; names are compared as Azure ML does, by case."""
    about = f"{found.record.incarnation}\n{named[0]}\n{named[1]}"
    return f"{found.name}.{sha256(about.encode()).hexdigest()[:32]}"
