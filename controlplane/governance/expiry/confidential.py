"""What of a deployment or a compute looks like a secret: no archive keeps one (``SECURITY.md``). Pure.

Azure answers a deployment's environment variables as they were written. Who keeps a secret right names it there, and
the endpoint's identity reads it: ``${{azureml://connections/…}}``, ``${{keyvault:https://…}}`` ("Access secrets from
online deployment using secret injection"). A reference is no secret; a value can be one by its variable's name or by
its own looks. Neither proves anything, so that what looks like one is left where it is and told by its name.

Variables of a compute instance's custom services are ``{"type": …, "value": …}``, and its inline setup scripts are
base64 (API definition, EnvironmentVariable and ScriptReference).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping, Sequence

from controlplane.json_types import JsonObject

#: One, as the whole value: what stands beside it, or between two, is no reference.
_REFERENCE = re.compile(r"\s*(\$\{\{[^{}]*\}\}|@Microsoft\.KeyVault\([^()]*\))\s*")
#: Ends of names whose value is a secret; `TOKEN_LIMIT` and `SECRET_NAME` are not.
_NAMED = re.compile(
    r"(passw(or)?d|passphrase|(?<!^)(?<!^old)pwd|secret|token|credentials?|\bsas|_sas"
    r"|(api|access|account|private|client|storage|shared|subscription|openai|encryption|signing)[_-]?key"
    r"|connection[_-]?str(ing)?)$",
    re.IGNORECASE,
)
#: Numbers, switches and paths of files are none, and neither is what is too short to be one.
_PLAIN = re.compile(r"[\d.,+-]*|true|false|none|null|yes|no|on|off|(/[\w.-]+){2,}/?", re.IGNORECASE)
_SHORTEST = 6
_SCRIPT = ".scriptData"
#: Of Application Insights: it says where to write, and Microsoft calls it no secret ("Connection strings").
_INSIGHTS = re.compile(r"\s*InstrumentationKey=", re.IGNORECASE)
#: Bounded, because whoever may deploy chooses what is searched.
_LOOKS = re.compile(
    r"(AccountKey|SharedAccessKey|SharedAccessSignature|client_?secret|password|pwd)\s*=\s*[^;\s$<{]"
    r"|[?&]sig=[^&\s]"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY"
    r"|\beyJ[\w-]{8,512}\.[\w-]{8}"
    r"|://[^/\s:@]+:[^/\s@]+@"
    r"|\bauthorization:\s*(basic|bearer)\s"
    r"|\b(gh[pousr]_|github_pat_|hf_|sk-(proj-)?)[A-Za-z0-9]{20}",
    re.IGNORECASE,
)


def confidential(body: JsonObject) -> tuple[str, ...]:
    """Paths below ``properties`` and ``tags`` whose values look like secrets; never the values."""
    return tuple(one for part in ("properties", "tags") for one in _within(body.get(part), part))


def _within(value: object, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        variables = path.endswith(".environmentVariables")
        for name, one in value.items():
            below = f"{path}.{name}"
            if variables and _is_named(str(name), _text_of(one)):
                yield below
            else:
                yield from _within(one, below)
    elif isinstance(value, str):
        texts = (value, *_decoded(value)) if path.endswith(_SCRIPT) else (value,)
        if any(_LOOKS.search(text) and not _REFERENCE.fullmatch(text) for text in texts):
            yield path
    elif isinstance(value, Sequence):
        for place, one in enumerate(value):
            yield from _within(one, f"{path}[{place}]")


def _text_of(variable: object) -> str:
    found = variable.get("value") if isinstance(variable, Mapping) else variable
    return found if isinstance(found, str) else ""


def _decoded(script: str) -> tuple[str, ...]:
    """An inline script, also one that was wrapped (``base64`` of coreutils: 76 columns); of a path in the file share
    nothing."""
    try:
        return (base64.b64decode("".join(script.split()), validate=True).decode("utf-8", "replace"),)
    except ValueError:  # no base64 (binascii.Error), or not ASCII
        return ()


def _is_named(name: str, value: str) -> bool:
    text = value.strip()
    if len(text) < _SHORTEST or _PLAIN.fullmatch(text) or _REFERENCE.fullmatch(text) or _INSIGHTS.match(text):
        return False
    return _NAMED.search(name) is not None
