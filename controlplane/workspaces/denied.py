"""What Azure Policy denied, in a sentence, where a budget of ours asked it to. Pure.

Azure names every assignment that denied, with its id: "Policy identifiers: '[{"policyAssignment":{"name": …, "id": …}"
(https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/error-policy-requestdisallowedbypolicy).
"""

from __future__ import annotations

import re

CODE = "RequestDisallowedByPolicy"
#: Of the assignments by which budgets deny (``governance/budgets/denials.py``), followed by what is denied.
PREFIX = "cp-budget-"
_ASSIGNMENT = re.compile(
    r"/resourceGroups/([^/]+)/providers/Microsoft\.Authorization/policyAssignments/([\w.-]+)", re.I
)
_ANY = re.compile(r"/policyAssignments/", re.I)


def in_words(code: str, message: str) -> str:
    """The message as it is, unless budgets denied it; of what others denied as well Azure's words stay."""
    if code != CODE:
        return message
    ours = [(group, name) for group, name in _ASSIGNMENT.findall(message) if name.lower().startswith(PREFIX)]
    if not ours:
        return message
    group, name = ours[0]
    text = (
        f"A budget denies new {name[len(PREFIX) :].lower()} in resource group {group} (policy assignment {name}) until "
        "it is released: GET …/budget of the workspace, of its project or of its department says which and why."
    )
    return text if len(ours) == len(_ANY.findall(message)) else f"{text} {message}"
