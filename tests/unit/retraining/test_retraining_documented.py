"""docs/decisions.md names every reason that a decision can have, and no other."""

from __future__ import annotations

import re

from controlplane.retraining.signals.alert_evidence import NOT_THE_TARGETS
from controlplane.retraining.signals.ownership import NOT_ITS_MONITORS
from tests.support.blueprints import ROOT

#: Chosen by what the evidence says.
_OF_EVIDENCE = {"NotReadBack", NOT_ITS_MONITORS, NOT_THE_TARGETS}
_PLACES = ("decide.py", "questions/of_signal.py", "questions/of_model.py", "runs/attempts.py")
_CODE = re.compile(r'(?:Outcome\.\w+,|reason=|else) ?"([A-Z][A-Za-z]+)"')


def test_every_reason_is_in_the_document() -> None:
    sources = [(ROOT / "controlplane/retraining" / place).read_text() for place in _PLACES]
    codes = {code for source in sources for code in _CODE.findall(source)} | _OF_EVIDENCE
    assert {"TooFewBreaches", "NoPolicy", "AlreadyRun", "QuietHours"} <= codes
    told = set(re.findall(r"`([A-Z][A-Za-z]+)`", (ROOT / "docs/decisions.md").read_text()))
    assert codes - told == set()
    assert told - codes <= {"HOLD", "QUEUE"}
