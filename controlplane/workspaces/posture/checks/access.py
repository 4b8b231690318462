"""Who has which role: rows of the matrix, its invariants, people, platform support, processes. Pure.

Effective access: what is given on the workspace, on its group and above. Where the grants cannot be read, nothing is
known of any of it. The invariants are asked where the spec names a persona: without one nobody said who is who.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from controlplane.arm import fold
from controlplane.workspaces.access.effective import Estate
from controlplane.workspaces.access.invariants import INVARIANTS, Invariant, Violation, title, who
from controlplane.workspaces.access.matrix import NOT_CHECKED, roles_of, row_id
from controlplane.workspaces.access.personas import KINDS, Persona
from controlplane.workspaces.access.roles import ROLES
from controlplane.workspaces.model import Unreadable
from controlplane.workspaces.posture.controls import EVERYWHERE, PROD_CLASS
from controlplane.workspaces.posture.model import Concern, FindingStatus, Section, Severity
from controlplane.workspaces.posture.scene import Cause, Check, Outcome, Scene, manual, unknown

_PRINCIPAL = "$.properties.principalId"
_BY_HAND = "Somebody granted it: POST access:reconcile with allowDestructive=true takes away what the operator may."
_ABOVE = "It is granted above the workspace: whoever administers the subscription decides."

Judge = Callable[[Estate], Iterable[Violation]]
Rule = Callable[[Scene], Iterator[Outcome]]


def _outcomes(scene: Scene, judge: Judge, says: str) -> Iterator[Outcome]:
    """One outcome for each violation; one that passes where there is none."""
    found = scene.grants
    group = found.blueprint.own_groups[0]
    key = scene.key_of(group)
    why: Unreadable | None = found.unreadable or found.eligible_unreadable or found.activated_unreadable
    if why is not None:
        yield unknown(key, group, _PRINCIPAL, says, why)
        return
    if key is not None and scene.body(key) is None:
        return
    violations = tuple(judge(found))
    for violation in violations:
        yield _outcome(violation, says)
    if not violations:
        yield Outcome(key, group, FindingStatus.PASS, _PRINCIPAL, says, None, says)


def _outcome(violation: Violation, says: str) -> Outcome:
    held = violation.held
    status = FindingStatus.UNKNOWN if violation.unknown else FindingStatus.FAIL
    repair = manual(_ABOVE if held.inherited else _BY_HAND)
    # One grant is one finding: what it breaks besides is a consequence.
    causes = (Cause(fold(held.id), _PRINCIPAL),)
    return Outcome(None, held.id, status, _PRINCIPAL, says, held.principal, violation.message, causes, repair, held.id)


def _no_people(scene: Scene) -> Iterator[Outcome]:
    """Of every workspace, whether or not it names a persona; where the grants cannot be read, the check on strangers
    says so of the same list."""
    if scene.grants.unreadable is None:
        yield from _outcomes(scene, _people, "Roles are held by groups.")


def _people(found: Estate) -> Iterator[Violation]:
    """S3-63: a role given to a person and not to a group, on what the workspace has."""
    for held in found.extra():
        if held.is_person and not held.eligible and found.persona_of(held.principal) is None:
            yield Violation(held, f"Person {held.principal} has {title(held)} on {held.scope} directly.")


def _support(found: Estate) -> Iterator[Violation]:
    """S3-67: platform support holds nothing; it takes a role for a while."""
    for held in found.of(Persona.PLATFORM_SUPPORT):
        if not held.eligible and not held.is_activated:
            message = f"{who(found, held)} has {title(held)} on {held.scope} permanently, and not by PIM."
            yield Violation(held, message)


def _processes(found: Estate) -> Iterator[Violation]:
    """S1-01: pipelines and jobs are service principals or managed identities, never people."""
    for held in found.of(*(persona for persona, kind in KINDS.items() if not kind.is_person)):
        if held.principal_type and held.principal_type != "ServicePrincipal":
            yield Violation(held, f"{who(found, held)} is a {held.principal_type}: processes are service principals.")


def _duty(found: Estate) -> Iterator[Violation]:
    """S3-62: who tests a model cannot release it."""
    reading = {role.guid for role in ROLES.values() if role.reads_only}
    for held in found.of(Persona.MODEL_TESTERS):
        if held.role not in reading:
            yield Violation(held, f"{who(found, held)} has {title(held)} on {held.scope}: testers only read.")


def _row(persona: Persona, *, production: bool) -> Judge:
    """Nothing beyond the persona's row of the matrix; what is missing of it is a missing resource."""

    def judge(found: Estate) -> Iterator[Violation]:
        for held in found.of(persona):
            if found.granted(held) is None:
                row = row_id(persona, production=production)
                yield Violation(held, f"{who(found, held)} has {title(held)} on {held.scope}; {row} has not.")

    return judge


def _not_checked(scene: Scene) -> Iterator[Outcome]:
    """RB-I7, RB-I8: who has which role in Azure DevOps and Artifacts only their own API knows, and it is not asked."""
    wanted = scene.blueprint.access
    cells_there = [
        f"{row_id(persona, production=wanted.production)} {column}: {'+'.join(codes)}"
        for persona in wanted.members
        for column, codes in roles_of(persona, production=wanted.production).items()
        if column in NOT_CHECKED
    ]
    if cells_there:
        message = f"Not checked, because no role assignment of Azure says it: {'; '.join(cells_there)}."
        group = scene.blueprint.own_groups[0]
        key = scene.key_of(group)
        yield Outcome(key, group, FindingStatus.NOT_APPLICABLE, _PRINCIPAL, cells_there, None, message)


def _identity_row(scene: Scene) -> Iterator[Outcome]:
    """RB-P10, RB-D10: the workspace's identity contributes to its registry; the other cells are the identities' own
    controls, and where they go further than the matrix the documents of Azure Machine Learning ask for it (X-02)."""
    key = "role/workspace-identity/registry/contributor"
    wanted = scene.blueprint.by_key.get(key)
    if wanted is None:
        return
    if why := scene.unreadable(key):
        yield unknown(key, scene.id_of(wanted), "$", "Contributor", why)
        return
    status = FindingStatus.PASS if scene.body(key) is not None else FindingStatus.FAIL
    says = "The workspace's identity is Contributor of its registry."
    yield Outcome(key, scene.id_of(wanted), status, "$", "Contributor", None, says, (Cause(key), Cause("registry")))


def _rows() -> Iterator[Check]:
    for production in (True, False):
        for persona in KINDS:
            row = row_id(persona, production=production)
            judge = _when(production, _row(persona, production=production), persona)
            if persona is Persona.ML_WORKSPACE:
                judge = _in(production, _identity_row)
            more = {Persona.MODEL_END_USERS: ("S3-57",), Persona.ML_WORKSPACE: ("S3-59",)}.get(persona, ())
            yield _of(f"Row{row[3:]}", f"row.{row}", judge, row, *more, production=production)


def _in(production: bool, judge: Rule) -> Rule:
    def judged(scene: Scene) -> Iterator[Outcome]:
        if scene.blueprint.access.production is production:
            yield from judge(scene)

    return judged


def _when(production: bool | None, judge: Judge, persona: Persona | None = None) -> Rule:
    """Asked only where somebody is named, as ``persona`` where one is given, and in one half of the matrix."""

    def judged(scene: Scene) -> Iterator[Outcome]:
        wanted = scene.blueprint.access
        named = bool(wanted.members) if persona is None else persona in wanted.members
        if named and production in (None, wanted.production):
            says = f"{persona} holds its row and nothing else." if persona else "As the matrix has it."
            yield from _outcomes(scene, judge, says)

    return judged


def _of(control: str, rule: str, judge: Rule, *requirements: str, production: bool | None = None) -> Check:
    return Check(
        f"CP.ACCESS.{control}",
        f"access.{rule}",
        judge,
        Severity.HIGH,
        Section.TRAINING_DATA,
        Concern.ACCESS,
        PROD_CLASS if production else EVERYWHERE,
        requirements,
    )


def _invariant(invariant: Invariant) -> Check:
    judge, number = _when(invariant.production, invariant.judge), invariant.id.removeprefix("RB-I")
    return _of(f"Invariant{number}", invariant.id, judge, invariant.id, production=invariant.production)


CHECKS: tuple[Check, ...] = (
    _of("NoPeople", "people", _no_people, "S3-63", "S3-69"),
    _of("SupportByPim", "support", _when(None, _support, Persona.PLATFORM_SUPPORT), "S3-56", "S3-67"),
    _of("Processes", "processes", _when(None, _processes), "S1-01"),
    _of("Duty", "duty", _when(None, _duty, Persona.MODEL_TESTERS), "S3-62"),
    *_rows(),
    *(_invariant(invariant) for invariant in INVARIANTS.values()),
    _of("DevOpsNotChecked", "devops", _not_checked, "RB-I7", "RB-I8"),
)
"""In the order in which one grant's finding is the first of them that it breaks."""
