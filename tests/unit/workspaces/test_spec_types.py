"""A value of another type is refused with its path: a text is no number, 1 is no yes."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.errors import Rejected
from controlplane.http.examples import SPEC
from controlplane.workspaces.spec import parse_spec

CLUSTER: dict[str, Any] = {"name": "cpu", "size": "Standard_DS3_v2", "maxNodes": 4}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a word for yes": ({"legacyV1Mode": "yes"}, "$.legacyV1Mode"),
    "a number for yes": ({"storage": {"sharedKeyAccess": 1}}, "$.storage.sharedKeyAccess"),
    "yes for a number": ({"compute": {"clusters": [{**CLUSTER, "minNodes": True}]}}, "$.compute.clusters[0].minNodes"),
    "a text for a number": (
        {"compute": {"clusters": [{**CLUSTER, "maxNodes": "4"}]}}, "$.compute.clusters[0].maxNodes"
    ),
    "a fraction for a number": (
        {"compute": {"clusters": [{**CLUSTER, "maxNodes": 4.0}]}}, "$.compute.clusters[0].maxNodes"
    ),
    "a number for a text": ({"location": 5}, "$.location"),
    "a text for a list": ({"owners": "00000000-0000-0000-0000-0000000000a1"}, "$.owners"),
    "a number for a date": ({"expiry": {"expiresOn": 20270630}}, "$.expiry.expiresOn"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_nothing_is_turned_into_what_it_is_not(case: str) -> None:
    change, path = WRONG[case]
    with pytest.raises(Rejected) as caught:
        parse_spec({**SPEC, **change})
    assert path in {detail.target for detail in caught.value.details}


def test_what_json_has_no_type_for_is_read() -> None:
    spec = parse_spec({**SPEC, "expiry": {"expiresOn": "2027-06-30"}})
    assert spec.expiry is not None
    assert spec.expiry.expires_on is not None
    assert spec.expiry.expires_on.isoformat() == "2027-06-30"
