"""RB-I1 to RB-I6 and RB-I9: what must hold of effective access, inherited grants included. Pure.

Each rule is a function of an estate and yields what breaks it. A role that the table does not know is judged by its
definition; where that could not be read, it is reported as unknown, never as harmless. Those who administer the
subscriptions, by the deployment's settings, are known, and are no finding of a workspace. RB-I7 and RB-I8 are about
Azure DevOps and Artifacts, which have no role assignments: they are reported as not checked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from controlplane.arm import type_of
from controlplane.workspaces.access.effective import Estate, Held
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.powers import POWERS, Can, Plane
from controlplane.workspaces.access.roles import BY_GUID, ROLES

_P = Persona
_PEOPLE = frozenset(persona for persona, kind in KINDS.items() if kind.is_person)
_NOBODY_IN_PRODUCTION = (_P.DATA_ANALYSTS, _P.MODEL_TESTERS, _P.MODEL_END_USERS)
_VAULT_ADMINISTRATORS = frozenset({_P.PLATFORM_SUPPORT, _P.CICD_PROCESSES, _P.ML_WORKSPACE})
_AND_IN_DEVELOPMENT = frozenset({_P.DATA_SCIENTISTS, _P.PROJECT_LEADS})
_NOBODY_KNOWS = "nobody here knows what that role allows"
_READER = ROLES["R"].guid
_MONITORING = frozenset(ROLES[code].guid for code in ("LAR", "LAC", "MR", "MC"))


@dataclass(frozen=True, slots=True)
class Violation:
    """``held`` breaks a rule; ``unknown``: nobody here knows what its role allows, so nobody can say."""

    held: Held
    message: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Invariant:
    """``judge`` is asked where ``production`` says: True, False, or None for both."""

    id: str
    says: str
    judge: Callable[[Estate], Iterator[Violation]]
    production: bool | None = None

    def holds_for(self, estate: Estate) -> bool:
        """Whether it is asked of this workspace at all."""
        return self.production is None or self.production is estate.wanted.production


def role_name(guid: str) -> str:
    """What Azure calls it; its GUID where that is not known here."""
    return POWERS[guid].name if guid in POWERS else f"role {guid}"


def title(held: Held) -> str:
    """What Azure calls somebody's role."""
    return held.title or role_name(held.role)


def who(estate: Estate, held: Held) -> str:
    """A principal with what is known of it."""
    persona = estate.persona(held)
    return f"{persona or held.principal_type or 'principal'} {held.principal}"


def _says(estate: Estate, held: Held, why: str) -> str:
    how = "may take" if held.eligible else f"has (PIM, until {held.until})" if held.is_activated else "has"
    return f"{who(estate, held)} {how} {title(held)} on {held.scope or '/'}: {why}."


def _strangers(estate: Estate) -> Iterator[Held]:
    """Everything held or to be taken by anybody but the workspace itself and those who administer the subscriptions."""
    for held in estate.held:
        if held.principal not in estate.ours and not estate.is_administrator(held.principal):
            yield held


def _readers_only(estate: Estate) -> Iterator[Violation]:
    """A group that is no persona's has people in it, for all that anybody here knows; only an application has none."""
    for held in _strangers(estate):
        persona = estate.persona(held)
        human = not held.is_application if persona is None else persona in _PEOPLE
        if not human or persona is _P.PLATFORM_SUPPORT:
            continue
        known = estate.definitions.get(held.role)
        if held.role not in POWERS and known is None:
            yield Violation(held, _says(estate, held, _NOBODY_KNOWS), unknown=True)
        elif known is not None and known.reads_only:
            continue
        elif held.role not in BY_GUID or not BY_GUID[held.role].reads_only:
            yield Violation(held, _says(estate, held, "people are readers in production"))


def _reaching(estate: Estate, target: str) -> Iterator[tuple[Held, tuple[Plane, ...] | None]]:
    """Whoever's role allows anything on a part of the workspace, and on which planes."""
    place = estate.place(target)
    if place is None:
        return
    for held in _strangers(estate):
        if held.reaches(place):
            found = estate.planes(held, Can.READ, type_of(place))
            if found is None or found:
                yield held, found


def _storage(estate: Estate) -> Iterator[Violation]:
    for held, found in _reaching(estate, "storage"):
        persona = estate.persona(held)
        if persona is _P.DATA_GOVERNANCE and held.role == _READER:
            continue
        if found is None:
            yield Violation(held, _says(estate, held, _NOBODY_KNOWS), unknown=True)
        elif held.role in _MONITORING and Plane.DATA not in found:
            continue  # Reading and tuning what is monitored is on the whole group (RB-I9), and shows settings only.
        else:
            yield Violation(held, _says(estate, held, "production storage is the workspace's and data governance's"))


def _registry(estate: Estate) -> Iterator[Violation]:
    place = estate.place("registry")
    for held, found in _reaching(estate, "registry"):
        persona = estate.persona(held)
        if found is None:
            yield Violation(held, _says(estate, held, _NOBODY_KNOWS), unknown=True)
        elif persona is _P.PLATFORM_SUPPORT:
            yield Violation(held, _says(estate, held, "support has no role on production images"))
        elif persona is _P.CICD_PROCESSES and held.role == ROLES["AcrPush"].guid:
            continue
        elif place is not None and estate.planes(held, Can.WRITE, type_of(place)):
            yield Violation(held, _says(estate, held, "only CI/CD pushes images in production"))


def _nothing(estate: Estate) -> Iterator[Violation]:
    personas = _NOBODY_IN_PRODUCTION if estate.wanted.production else (_P.MODEL_END_USERS,)
    for held in estate.of(*personas):
        yield Violation(held, _says(estate, held, "this persona has no role here"))


def _vault_administrators(estate: Estate) -> Iterator[Violation]:
    place = estate.place("vault")
    allowed = _VAULT_ADMINISTRATORS | (frozenset() if estate.wanted.production else _AND_IN_DEVELOPMENT)
    for held in _strangers(estate):
        if place is None or not held.reaches(place) or estate.persona(held) in allowed:
            continue
        known = estate.definitions.get(held.role)
        if held.role not in POWERS and known is None:
            yield Violation(held, _says(estate, held, _NOBODY_KNOWS), unknown=True)
        elif held.role == ROLES["KVA"].guid or (known is not None and known.administers_vaults):
            yield Violation(held, _says(estate, held, "it is not one of the vault's administrators"))


def _monitoring(estate: Estate) -> Iterator[Violation]:
    codes = ("LAC", "MC") if estate.wanted.production else ("MR", "MC")
    refused = {ROLES[code].guid for code in codes}
    for held in estate.of(_P.MONITORING_PROCESSES):
        if held.role in refused:
            where = "reads in production" if estate.wanted.production else "has no role on Azure Monitor here"
            yield Violation(held, _says(estate, held, f"the monitoring process {where}"))


def _wide(estate: Estate) -> Iterator[Violation]:
    group = estate.blueprint.own_groups[0]
    for held in estate.of(*(persona for persona in Persona if persona is not _P.ML_WORKSPACE)):
        if held.reaches(group) and held.role not in (ROLES["MR"].guid, ROLES["MC"].guid):
            why = "on the whole group it is held on storage and registry, too"
            yield Violation(held, _says(estate, held, why))


_ALL = (
    Invariant(
        "RB-I1", "In production people are readers; platform support comes by PIM.", _readers_only, production=True
    ),
    Invariant(
        "RB-I2", "Production storage: the workspace's identity and data governance only.", _storage, production=True
    ),
    Invariant(
        "RB-I3", "Production registry: CI/CD pushes, the workspace contributes, support has no role.", _registry,
        production=True,
    ),
    Invariant(
        "RB-I4", "Analysts and testers have no role in production, model end users have none anywhere.", _nothing
    ),
    Invariant(
        "RB-I5", "Key Vault Administrator: support and CI/CD, in development data scientists and leads, too.",
        _vault_administrators,
    ),
    Invariant(
        "RB-I6", "The monitoring process reads logs and monitor in production; before it, it tunes logs only.",
        _monitoring,
    ),
    Invariant("RB-I9", "On the whole group personas have monitoring roles only.", _wide),
)  # fmt: skip
INVARIANTS: Mapping[str, Invariant] = MappingProxyType({invariant.id: invariant for invariant in _ALL})
