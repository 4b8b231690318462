"""Proposals as tasks: once a month for each, until somebody follows. Stored before the look that found them."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from controlplane.errors import Conflict
from controlplane.governance.expiry.model import Expiry
from controlplane.governance.expiry.proposals import Proposal, ProposalKind
from controlplane.objects.repository import Objects, put
from controlplane.retraining.tasks import Task, TaskKind

_KINDS = {ProposalKind.RETIRE_ENDPOINT: TaskKind.RETIRE}
_ASSIGNEES = {ProposalKind.RETIRE_ENDPOINT: "projectLeads", ProposalKind.PRODUCTIONISE: "projectLeads"}


async def propose(tasks: Objects, expiry: Expiry, now: datetime) -> None:
    """Raises ``Transient`` when the store is away."""
    for one in expiry.evidence.proposals if expiry.evidence is not None else ():
        task = task_of(expiry, one, now)
        if await tasks.get(Task, task.id) is not None:
            continue
        try:
            await tasks.commit(put(None, task))
        except Conflict:
            continue  # another tick was faster with the same


def task_of(expiry: Expiry, proposal: Proposal, now: datetime) -> Task:
    """The same proposal in the same month is the same task."""
    about = f"{expiry.id}!{expiry.incarnation}!{proposal.kind}!{proposal.target}!{now:%Y-%m}"
    return Task(
        id=f"{expiry.workspace}.{sha256(about.encode()).hexdigest()[:24]}",
        workspace=expiry.workspace,
        project=expiry.project,
        kind=_KINDS.get(proposal.kind, TaskKind.PLATFORM),
        target=proposal.target,
        signal_id=expiry.id,
        title=f"{proposal.kind.value}: {proposal.target}"[:200],
        text=proposal.text,
        assignees=_ASSIGNEES.get(proposal.kind, "platformSupport"),
        created_at=now,
        last_modified_at=now,
    )
