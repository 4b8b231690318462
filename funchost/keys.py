"""Access keys: who may call functions that are not anonymous, and the extensions' webhooks.

As in the host (azure-functions-host, ``AuthorizationLevelAuthenticationHandler``): a key comes in the header
``x-functions-key`` or the query's ``code``, the header first. The master key opens everything, a host key the
functions, a system key the webhooks. In Azure they are in a blob or a vault; here in ``keys.json`` of the state
directory, which belongs to its owner alone. Hosts that share the directory share the keys.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from funchost.host_json import HostError

#: ``DefaultScriptWebHookProvider.GetKeyName``: ``<extension>_extension``.
EVENT_GRID_KEY = "eventgrid_extension"
_LEVELS = frozenset({"anonymous", "function", "admin"})


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one app. The names of ``systemKeys`` and ``functionKeys`` do not matter for what they open."""

    master: str
    functions: tuple[str, ...]
    system: tuple[str, ...]

    def allow(self, level: str, given: str | None) -> bool:
        """Whether ``given`` opens something of ``level``: ``function``, ``system`` or ``admin``."""
        match level:
            case "function":
                opening = (self.master, *self.functions)
            case "system":
                opening = (self.master, *self.system)
            case _:
                opening = (self.master,)
        return given is not None and any(hmac.compare_digest(key.encode(), given.encode()) for key in opening)


def keys_of(directory: Path) -> Keys:
    """Reads ``keys.json``, which is made at the first call. Raises ``HostError`` when it is not what it should be."""
    path = directory / "keys.json"
    directory.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        _make(path)
    try:
        document: Mapping[str, Any] = json.loads(path.read_text())
        return Keys(
            str(document["masterKey"]),
            tuple(str(key) for key in document["functionKeys"].values()),
            tuple(str(key) for key in document["systemKeys"].values()),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise HostError(f"{path} does not hold masterKey, functionKeys and systemKeys") from error


def level_of(trigger: Mapping[str, Any]) -> str:
    """``anonymous``, ``function`` (the host's default) or ``admin``. Raises ``HostError`` for another one."""
    level = str(trigger.get("authLevel") or "function").lower()
    if level not in _LEVELS:
        raise HostError(f"funchost does not know authLevel {level}")
    return level


def given_key(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key of a request; both mappings have lower-case names."""
    return headers.get("x-functions-key") or query.get("code")


def _make(path: Path) -> None:
    """Whole or not at all, and the first of several hosts wins."""
    document = {
        "masterKey": secrets.token_urlsafe(32),
        "functionKeys": {"default": secrets.token_urlsafe(32)},
        "systemKeys": {EVENT_GRID_KEY: secrets.token_urlsafe(32)},
    }
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file, indent=2)
        with contextlib.suppress(FileExistsError):  # another host was faster; its keys count
            os.link(temporary, path)
    finally:
        temporary.unlink()
