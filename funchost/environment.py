"""App settings: what Azure puts into the environment, here from ``local.settings.json`` and an env file."""

from __future__ import annotations

import json
import os
from pathlib import Path

from funchost.host_json import HostError
from funchost.worker import QUEUE_SETTING


def app_settings(
    app: Path, env_file: Path | None, state: Path | None, *, sqlite: bool = True
) -> tuple[dict[str, str], Path]:
    """The environment of the workers, and the state directory: ``state``, or where the queue's file was put.

    With ``sqlite`` the queue's file is named in it; without, it is named nowhere, because nothing reads it.

    The process's own environment wins over ``Values`` of ``local.settings.json``, as with Azure Functions Core Tools;
    an env file that was asked for wins over both. Who names neither file nor directory gets ``.local`` in the app.
    """
    settings = {**_local_values(app / "local.settings.json"), **os.environ}
    if env_file is not None:
        settings |= _lines(env_file)
    named = settings.pop(QUEUE_SETTING, None)
    directory = (state or (Path(named).parent if named else app / ".local")).absolute()
    if sqlite:
        settings[QUEUE_SETTING] = str(Path(named).absolute() if named else directory / "queue.db")
    return settings, directory


def _local_values(path: Path) -> dict[str, str]:
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise HostError(f"{path.name} cannot be read: {error}") from error
    values = document.get("Values", {}) if isinstance(document, dict) else None
    if document.get("IsEncrypted") or not isinstance(values, dict):
        raise HostError(f"{path.name} must be an object, not encrypted, with Values")
    return {str(name): str(value) for name, value in values.items()}


def _lines(path: Path) -> dict[str, str]:
    """``KEY=value`` lines; empty ones and comments are left out."""
    try:
        lines = [line.strip() for line in path.read_text().splitlines()]
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error}") from error
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
