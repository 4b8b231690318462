"""The Azure Retail Prices API. Implements ``ports.prices.RetailPrices``; there is no SDK of it.

Source: learn.microsoft.com, "Azure Retail Prices overview": no authentication; ``$filter``; ``NextPageLink``; in the
version that is asked here values of filters are not case-sensitive (from 2023-01-01-preview on they are, and Azure
Machine Learning answers sizes in capitals). One call asks for one meter in one region, so that an answer is a page.
"""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote, urlencode

from controlplane.azure.hosts import absolute
from controlplane.errors import Fatal
from controlplane.ports.clock import Clock
from controlplane.ports.prices import PriceAnswers, PriceQuestion, PriceRow

VERSION = "2021-10-01-preview"
PATH = "/api/retail/prices"
#: How long an answer is kept. Prices change on the first of a month, if at all.
KEPT = timedelta(hours=24)
#: How long nobody asks again after the API did not answer: a plan need not wait for it each time.
PAUSE = timedelta(minutes=5)
PARALLEL = 8
#: Answers that are kept: people ask for any size in any region and currency.
MOST_KEPT = 5000
#: Tiers of a meter are some ten rows; whoever sends page after page is not listing those.
MOST_PAGES = 5


class Unanswered(Exception):
    """The API is not there, or says something else than prices. The text is for people. ``alone``: it is about this
    currency, and others may be asked for."""

    def __init__(self, text: str, *, alone: bool = False) -> None:
        super().__init__(text)
        self.alone = alone


@dataclass(frozen=True, slots=True)
class _Kept:
    rows: tuple[PriceRow, ...]
    at: datetime


class AzureRetailPrices:
    """One per process; its sockets belong to the loop that asks."""

    def __init__(self, endpoint: str, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._kept: dict[tuple[PriceQuestion, str], _Kept] = {}
        self._quiet: dict[str, tuple[datetime, str]] = {}
        """Currency, or none for all → until when nobody asks, and why."""
        self._session: Any = None
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(PARALLEL)

    async def ask(self, questions: Sequence[PriceQuestion], currency: str) -> PriceAnswers:
        now = self._clock.now()
        fresh = [one for one in questions if not self._is_kept(one, currency, now)]
        if fresh and self._quiet_for(currency, now) is None:
            await self._fetch(fresh, currency, now)
        known = {
            one: kept
            for one in questions
            if (kept := self._kept.get((one, currency))) is not None and now - kept.at < KEPT
        }
        why = self._quiet_for(currency, now) if len(known) < len(questions) else None
        notes = (why,) if why else ()
        oldest = min((kept.at for kept in known.values()), default=None)
        rows = {one: kept.rows for one, kept in known.items()}
        return PriceAnswers(rows, "" if oldest is None else oldest.isoformat(timespec="seconds"), notes)

    async def close(self) -> None:
        """Closes the sockets."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _is_kept(self, question: PriceQuestion, currency: str, now: datetime) -> bool:
        kept = self._kept.get((question, currency))
        return kept is not None and now - kept.at < KEPT

    def _quiet_for(self, currency: str, now: datetime) -> str | None:
        """Why nobody asks just now; None: somebody may."""
        found = (self._quiet.get(name) for name in ("", currency))
        return next((why for until, why in (one for one in found if one is not None) if now < until), None)

    async def _fetch(self, questions: list[PriceQuestion], currency: str, now: datetime) -> None:
        async def one(question: PriceQuestion) -> None:
            async with self._room:
                if self._quiet_for(currency, now) is not None:
                    return
                try:
                    rows = await self._rows(question, currency)
                except (Unanswered, Fatal) as error:
                    # One that fails speaks for the others: they would all wait as long.
                    whose = currency if isinstance(error, Unanswered) and error.alone else ""
                    self._quiet[whose] = (now + PAUSE, f"{error} Prices are those of the table.")
                    return
                self._keep(question, currency, _Kept(rows, now))

        await asyncio.gather(*(one(question) for question in questions))

    def _keep(self, question: PriceQuestion, currency: str, found: _Kept) -> None:
        """The longest kept goes first."""
        self._kept.pop((question, currency), None)
        self._kept[question, currency] = found
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    async def _rows(self, question: PriceQuestion, currency: str) -> tuple[PriceRow, ...]:
        query = {"api-version": VERSION, "currencyCode": f"'{currency}'", "$filter": filter_of(question)}
        url: str | None = f"{self._endpoint}{PATH}?{urlencode(query, quote_via=quote, safe='$')}"
        found: list[PriceRow] = []
        for _ in range(MOST_PAGES):
            page = await self._page(str(url))
            if page.get("BillingCurrency") != currency:
                raise Unanswered(f"The price list did not answer in {currency}.", alone=True)
            found += (row for item in page.get("Items") or () if (row := _row(item)) is not None)
            link = page.get("NextPageLink")
            if not link:
                return tuple(found)
            # Raises Fatal where it leads elsewhere.
            url = absolute(link, str(url), self._endpoint)
        raise Unanswered("The price list has no end.")

    async def _page(self, url: str) -> Mapping[str, Any]:
        sockets = await asyncio.to_thread(importlib.import_module, "controlplane.azure._prices")
        async with self._opening:
            if self._session is None or self._session.closed:
                self._session = sockets.connect()
        try:
            status, body = await sockets.get(self._session, url)
        except sockets.LOST as error:
            raise Unanswered(f"The price list did not answer ({type(error).__name__}).") from error
        if status != 200:
            # 400: a currency that it does not know, for all that is known of it.
            raise Unanswered(f"The price list answered {status}.", alone=status == 400)
        try:
            page = json.loads(body, parse_float=Decimal)
        except ValueError as error:
            raise Unanswered("The price list answered something that is not JSON.") from error
        if not isinstance(page, dict):
            raise Unanswered("The price list answered something that is no page.")
        return page


def filter_of(question: PriceQuestion) -> str:
    """``$filter`` of a question; a quote in a value is doubled."""
    named = (
        ("serviceName", question.service),
        ("armRegionName", question.region),
        ("productName", question.product),
        ("skuName", question.sku),
        ("meterName", question.meter),
        ("armSkuName", question.size),
        ("priceType", "Consumption"),
    )
    return " and ".join(f"{name} eq '{_quoted(value)}'" for name, value in named if value)


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _row(item: Any) -> PriceRow | None:
    """None for what is no price: a row that cannot be read is as if it were not there, and the table has another."""
    try:
        return PriceRow(
            str(item["productName"]),
            str(item["skuName"]),
            str(item["meterName"]),
            str(item["armRegionName"]),
            str(item["unitOfMeasure"]),
            _amount(item["tierMinimumUnits"]),
            _amount(item["retailPrice"]),
            str(item["effectiveStartDate"])[:10],
        )
    except (KeyError, TypeError, InvalidOperation):
        return None


def _amount(value: object) -> Decimal:
    found = Decimal(str(value))
    if not found.is_finite() or found < 0:
        raise InvalidOperation
    return found
