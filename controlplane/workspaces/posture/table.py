"""How the catalogue writes a control in one line. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from controlplane.workspaces.posture.controls import EVERYWHERE, PROD_CLASS, Control
from controlplane.workspaces.posture.model import Concern, Section, Severity


@dataclass(frozen=True, slots=True)
class Table:
    """Controls on one resource type. Severities have one method each; ``prod`` limits to prod-class environments."""

    type: str
    section: Section
    concern: Concern

    def high(self, control: str, path: str = "", *requirements: str, key: str = "*", prod: bool = False) -> Control:
        """``path`` is below ``$``; empty: the resource exists."""
        return self._control(Severity.HIGH, control, path, requirements, key=key, prod=prod)

    def medium(self, control: str, path: str = "", *requirements: str, key: str = "*", prod: bool = False) -> Control:
        """As :meth:`high`."""
        return self._control(Severity.MEDIUM, control, path, requirements, key=key, prod=prod)

    def low(self, control: str, path: str = "", *requirements: str, key: str = "*", prod: bool = False) -> Control:
        """As :meth:`high`."""
        return self._control(Severity.LOW, control, path, requirements, key=key, prod=prod)

    def _control(
        self,
        severity: Severity,
        control: str,
        path: str,
        requirements: tuple[str, ...],
        *,
        key: str,
        prod: bool,
    ) -> Control:
        return Control(
            id=control,
            type=self.type,
            path=f"$.{path}" if path else "$",
            severity=severity,
            environments=PROD_CLASS if prod else EVERYWHERE,
            section=self.section,
            concern=self.concern,
            key=key,
            requirements=requirements,
        )
