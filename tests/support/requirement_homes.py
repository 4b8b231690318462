"""Where the tests of docs/requirements.csv live."""

from __future__ import annotations

#: Where the tests of a kind live: pairs of states, the golden list, plans; those of conflicts are together.
GOLDEN = "tests/unit/workspaces/test_golden.py::test_create["
HOMES = {
    "create": GOLDEN,
    "validate": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_",
    "enforce": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_enforce[",
    "advise": "tests/unit/workspaces/posture/test_plan_advice.py::test_advise[",
    "react": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_",
    "report": "tests/unit/workspaces/posture/test_requirement_pairs.py::test_",
}
#: Those of what a spec may be, and may become, stand beside its other tests.
ELSEWHERE = {
    "validate": (
        "tests/unit/governance/expiry/test_expiry_pairs.py::test_validate[",
        "tests/unit/governance/test_budget_pairs.py::test_validate[",
        "tests/unit/retraining/test_monitor_pairs.py::test_validate_",
        "tests/unit/retraining/polls/test_poll_pairs.py::test_validate_",
        "tests/unit/promotion/test_promotions.py::test_validate[",
        "tests/unit/retraining/test_annotation.py::test_validate[",
        "tests/unit/workspaces/test_identities.py::test_",
        "tests/unit/workspaces/test_transitions.py::test_",
        "tests/unit/workspaces/posture/test_data_pairs.py::test_validate",
        "tests/unit/workspaces/test_data_rules.py::test_validate[",
        "tests/unit/workspaces/test_job_check.py::test_validate[",
    ),
    "enforce": (
        "tests/unit/governance/expiry/test_expiry_pairs.py::test_enforce[",
        "tests/unit/retraining/test_run_pairs.py::test_enforce[",
        "tests/unit/workspaces/test_transitions.py::test_",
        "tests/unit/workspaces/test_data_rules.py::test_enforce[",
        "tests/unit/workspaces/test_job_check.py::test_enforce[",
        "tests/unit/retraining/test_decide_requirements.py::test_enforce[",
    ),
    "create": (
        "tests/unit/governance/test_budget_pairs.py::test_create[",
        "tests/unit/retraining/test_run_pairs.py::test_create[",
        "tests/unit/notifications/test_channels.py::test_create[",
        "tests/unit/workspaces/test_job_check.py::test_create[",
        "tests/unit/retraining/test_monitor_pairs.py::test_create[",
        "tests/unit/retraining/test_labeling_projects.py::test_create[",
        "tests/integration/test_templates.py::test_create_",
        "tests/unit/retraining/polls/test_poll_pairs.py::test_create_",
    ),
    "advise": (
        "tests/unit/governance/test_pricing_pairs.py::test_advise[",
        "tests/unit/retraining/test_monitor_pairs.py::test_advise[",
        "tests/unit/workspaces/test_job_check.py::test_advise[",
    ),
    "react": (
        "tests/unit/governance/test_budget_pairs.py::test_react[",
        "tests/unit/retraining/test_run_pairs.py::test_react[",
        "tests/integration/test_registries.py::test_",
        "tests/unit/promotion/test_promotions.py::test_react[",
        "tests/unit/notifications/test_channels.py::test_react[",
        "tests/unit/retraining/test_remediation.py::test_react[",
        "tests/unit/retraining/test_annotation.py::test_react[",
        "tests/unit/retraining/test_hint_pairs.py::test_react[",
        "tests/unit/retraining/polls/test_poll_pairs.py::test_react_",
        "tests/unit/retraining/test_monitor_pairs.py::test_react_",
    ),
    "report": (
        "tests/unit/governance/expiry/test_expiry_pairs.py::test_report[",
        "tests/unit/governance/test_pricing_pairs.py::test_report[",
        "tests/unit/http/test_http_what_follows.py::test_report[",
        "tests/unit/workspaces/posture/test_data_pairs.py::test_",
        "tests/unit/workspaces/test_job_check.py::test_report[",
    ),
}
CONFLICTS = "tests/unit/workspaces/test_conflicts.py::test_"
ACCESS = "tests/unit/workspaces/access/test_access_pairs.py::test_"
