"""Which storage account: what the setting ``AzureWebJobsStorage`` says, as the Functions host reads it. Pure.

One connection for the host and the product, so that a queue trigger and what sends to it cannot disagree. Either one
value, a connection string, or several that name an identity-based connection; as for the host, the single value wins
where both are set (https://learn.microsoft.com/azure/azure-functions/functions-reference#connections).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from controlplane.clouds import HOSTS
from controlplane.errors import Fatal

#: The same for every account, service and cloud
#: (https://learn.microsoft.com/rest/api/storageservices/authorize-with-azure-active-directory).
TOKEN_SCOPE = "https://storage.azure.com/.default"  # noqa: S105 - the name of a resource
SERVICES = ("table", "queue", "blob")
#: What ``UseDevelopmentStorage=true`` stands for; every emulator has this key
#: (https://learn.microsoft.com/azure/storage/common/storage-connect-azurite#connection-strings).
_EMULATOR = (
    "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;"
    "AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;"
    "BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;QueueEndpoint=http://127.0.0.1:10001/devstoreaccount1;"
    "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;"
)
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class SharedKey:
    """An account's key."""

    account: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SharedAccessSignature:
    """A signature, without the question mark."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """A managed identity: the user-assigned one with this client id, else the system-assigned one."""

    client_id: str | None


@dataclass(frozen=True, slots=True)
class StorageConnection:
    """URLs of one account's services, without a slash at the end, and how to be let in."""

    table_url: str
    queue_url: str
    blob_url: str
    credential: SharedKey | SharedAccessSignature | Identity


@dataclass(frozen=True, slots=True)
class IdentityNames:
    """The settings ``AzureWebJobsStorage__*`` of an identity-based connection."""

    account_name: str | None = None
    table_uri: str | None = None
    queue_uri: str | None = None
    blob_uri: str | None = None
    credential: str | None = None
    client_id: str | None = None


def from_connection_string(text: str) -> StorageConnection:
    """Raises ``Fatal("SettingInvalid")``; never shows the value, which holds a key."""
    parts = _parts(text)
    if parts.get("usedevelopmentstorage", "").lower() == "true":
        parts = _parts(_EMULATOR)
    account = parts.get("accountname", "")
    table, queue, blob = (_plain(_endpoint(parts, account, service)) for service in SERVICES)
    return StorageConnection(table, queue, blob, _secret(parts, account))


def from_identity(names: IdentityNames, cloud: str, hosts: Sequence[str] = ()) -> StorageConnection:
    """An identity-based connection. Tokens go to the cloud's storage accounts over https, or to one of ``hosts``
    (``host`` or ``host:port``); every other URL is refused. Raises ``Fatal``: ``SettingMissing``, ``SettingInvalid``.
    """
    if (names.credential or "managedidentity").lower() != "managedidentity":
        raise _invalid("AzureWebJobsStorage__credential must be managedidentity")
    if cloud not in HOSTS:
        raise _invalid(f"no storage is known in the cloud {cloud}")
    suffixes = HOSTS[cloud].storage
    urls: list[str] = []
    for service, given in zip(SERVICES, (names.table_uri, names.queue_uri, names.blob_uri), strict=True):
        if given is None and names.account_name is None:
            raise Fatal(
                "SettingMissing",
                "AzureWebJobsStorage is not set, nor AzureWebJobsStorage__accountName, "
                f"nor AzureWebJobsStorage__{service}ServiceUri.",
            )
        url = _plain(given or f"https://{names.account_name}.{service}.{suffixes[0]}")
        _require_trusted(url, tuple(f".{service}.{suffix}" for suffix in suffixes), hosts)
        urls.append(url)
    table, queue, blob = urls
    return StorageConnection(table, queue, blob, Identity(names.client_id))


def _parts(text: str) -> Mapping[str, str]:
    """Name in lower case → value; values may hold ``=`` (base64 does)."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _endpoint(parts: Mapping[str, str], account: str, service: str) -> str:
    if given := parts.get(f"{service}endpoint"):
        return given
    if not account:
        raise _invalid("AzureWebJobsStorage must name an account or its endpoints")
    protocol = parts.get("defaultendpointsprotocol") or "https"
    return f"{protocol}://{account}.{service}.{parts.get('endpointsuffix') or HOSTS['AzureCloud'].storage[0]}"


def _secret(parts: Mapping[str, str], account: str) -> SharedKey | SharedAccessSignature:
    if signature := parts.get("sharedaccesssignature"):
        return SharedAccessSignature(signature.lstrip("?"))
    key = parts.get("accountkey", "")
    try:
        known = bool(base64.b64decode(key, validate=True))
    except binascii.Error:
        known = False
    if not account or not known:
        raise _invalid("AzureWebJobsStorage must hold an account's name and key, or a shared access signature")
    return SharedKey(account, key)


def _plain(url: str) -> str:
    """``url`` without a slash at its end: http or https, nothing but host, port and path; http to this machine only,
    because what is stored would cross the network readable."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise _invalid("a storage endpoint is not a URL") from error
    odd = parts.query or parts.fragment or "@" in parts.netloc or any(c <= " " or c == "\\" for c in url)
    if parts.scheme not in ("http", "https") or not host or odd:
        raise _invalid("a storage endpoint must be an https URL without a query")
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise _invalid(f"the storage endpoint at {host} must be https")
    return url.rstrip("/")


def _require_trusted(url: str, suffixes: tuple[str, ...], hosts: Sequence[str]) -> None:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    listed = {item.lower() for item in hosts} & {host, parts.netloc.lower()}
    ours = host.endswith(suffixes) and parts.port in (None, 443)
    if parts.scheme != "https" or not (listed or ours):
        raise Fatal("UnexpectedHost", f"Storage tokens are not sent to {parts.scheme}://{parts.netloc}.")


def _invalid(reason: str) -> Fatal:
    return Fatal("SettingInvalid", f"The storage connection is unusable: {reason}.")
