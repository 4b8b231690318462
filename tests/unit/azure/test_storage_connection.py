"""Which account a setting means, and where a token for it may go."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.azure.storage_connection import (
    Identity,
    IdentityNames,
    SharedAccessSignature,
    SharedKey,
    StorageConnection,
    from_connection_string,
    from_identity,
)
from controlplane.errors import Fatal

KEY = "c2VjcmV0"


def account(suffix: str, credential: Any, name: str = "acct") -> StorageConnection:
    return StorageConnection(
        *(f"https://{name}.{service}.{suffix}" for service in ("table", "queue", "blob")), credential
    )


STRINGS: dict[str, tuple[str, StorageConnection]] = {
    "a key": (
        f"DefaultEndpointsProtocol=https;AccountName=acct;AccountKey={KEY};EndpointSuffix=core.windows.net",
        account("core.windows.net", SharedKey("acct", KEY)),
    ),
    "no suffix, other spelling": (
        f"accountname=acct; ACCOUNTKEY={KEY};",
        account("core.windows.net", SharedKey("acct", KEY)),
    ),
    "another cloud": (
        f"AccountName=acct;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn",
        account("core.chinacloudapi.cn", SharedKey("acct", KEY)),
    ),
    "a signature": (
        "TableEndpoint=https://acct.table.core.windows.net/;QueueEndpoint=https://acct.queue.core.windows.net/;"
        "BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=?sv=1&sig=a%3D",
        account("core.windows.net", SharedAccessSignature("sv=1&sig=a%3D")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STRINGS)
def test_connection_strings(name: str) -> None:
    text, expected = STRINGS[name]
    found = from_connection_string(text)
    assert found == expected
    assert KEY not in repr(found) and "sig=" not in repr(found)


@pytest.mark.parametrize("text", ["UseDevelopmentStorage=true", "usedevelopmentstorage=True;"])
def test_the_emulator(text: str) -> None:
    found = from_connection_string(text)
    assert found.table_url == "http://127.0.0.1:10002/devstoreaccount1"
    assert isinstance(found.credential, SharedKey)


BAD_STRINGS = {
    "empty": "",
    "no key": "AccountName=acct",
    "a key that is none": "AccountName=acct;AccountKey=%%%",
    "no account": f"AccountKey={KEY}",
    "http across the network": f"DefaultEndpointsProtocol=http;AccountName=acct;AccountKey={KEY}",
    "not a URL": f"AccountName=acct;AccountKey={KEY};TableEndpoint=nowhere",
    "a port that is none": f"AccountName=acct;AccountKey={KEY};TableEndpoint=https://a:x",
    "a user in a URL": f"AccountName=acct;AccountKey={KEY};TableEndpoint=https://a@b",
    "a query in a URL": f"AccountName=acct;AccountKey={KEY};QueueEndpoint=https://b?sig=1",
}


@pytest.mark.parametrize("name", BAD_STRINGS)
def test_unusable_strings_are_refused_and_not_shown(name: str) -> None:
    with pytest.raises(Fatal) as caught:
        from_connection_string(BAD_STRINGS[name])
    assert caught.value.code == "SettingInvalid"
    assert KEY not in str(caught.value)


def uris(table: str = "https://acct.table.core.windows.net") -> IdentityNames:
    others = {kind: f"https://acct.{kind}.core.windows.net" for kind in ("queue", "blob")}
    return IdentityNames(None, table, others["queue"], others["blob"], "managedidentity", "client")


IDENTITIES: dict[str, tuple[IdentityNames, str, StorageConnection]] = {
    "by name": (IdentityNames("acct"), "AzureCloud", account("core.windows.net", Identity(None))),
    "by name, China": (
        IdentityNames("acct", client_id="c"), "AzureChinaCloud", account("core.chinacloudapi.cn", Identity("c")),
    ),
    "by name, US Government": (
        IdentityNames("acct"), "AzureUSGovernment", account("core.usgovcloudapi.net", Identity(None)),
    ),
    "by URL": (uris(), "AzureCloud", account("core.windows.net", Identity("client"))),
}  # fmt: skip


@pytest.mark.parametrize("name", IDENTITIES)
def test_identities(name: str) -> None:
    names, cloud, expected = IDENTITIES[name]
    assert from_identity(names, cloud) == expected


def test_an_account_with_dns_zone_endpoints() -> None:
    url = "https://acct.z01.table.storage.azure.net"
    assert from_identity(uris(url), "AzureCloud").table_url == url


UNTRUSTED = {
    "http": "http://127.0.0.1:10002/acct",
    "another host": "https://evil.example",
    "the suffix inside": "https://acct.table.core.windows.net.evil.example",
    "the suffix without a dot": "https://evilcore.windows.net",
    "another service": "https://acct.web.core.windows.net",
    "another cloud": "https://acct.table.core.chinacloudapi.cn",
    "another port": "https://acct.table.core.windows.net:8443",
    "this machine": "https://localhost:10002/acct",
}


@pytest.mark.parametrize("name", UNTRUSTED)
def test_tokens_go_to_storage_accounts_and_nowhere_else(name: str) -> None:
    with pytest.raises(Fatal) as caught:
        from_identity(uris(UNTRUSTED[name]), "AzureCloud")
    assert caught.value.code == "UnexpectedHost"


def test_a_host_may_be_allowed_by_name() -> None:
    url = "https://localhost:10002/acct"
    assert from_identity(uris(url), "AzureCloud", ["localhost:10002"]).table_url == url
    with pytest.raises(Fatal):
        from_identity(uris(url), "AzureCloud", ["localhost:10003"])
    with pytest.raises(Fatal):
        from_identity(uris("http://localhost:10002/acct"), "AzureCloud", ["localhost:10002"])


@pytest.mark.parametrize(
    ("names", "cloud", "code"),
    [
        (IdentityNames(), "AzureCloud", "SettingMissing"),
        (IdentityNames(table_uri="https://acct.table.core.windows.net"), "AzureCloud", "SettingMissing"),
        (IdentityNames("acct", credential="workloadidentity"), "AzureCloud", "SettingInvalid"),
        (IdentityNames("acct"), "AzureGermanCloud", "SettingInvalid"),
    ],
)
def test_incomplete_identities_are_refused(names: IdentityNames, cloud: str, code: str) -> None:
    with pytest.raises(Fatal) as caught:
        from_identity(names, cloud)
    assert caught.value.code == code
