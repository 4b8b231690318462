"""What a build agent's machine runs as root, run here up to where it would unpack what it fetched."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from controlplane.clouds import HOSTS
from controlplane.errors import Rejected
from controlplane.workspaces import agent_versions
from controlplane.workspaces.blueprint import compile_blueprint
from controlplane.workspaces.blueprint.agent_script import agent_script
from controlplane.workspaces.spec import WorkspaceSpec, parse_spec
from controlplane.workspaces.spec_model import Agents
from tests.support.blueprints import CONTEXT, FULL_HUB, example, with_hub

PACKAGE = b"what Microsoft released"
TENANT = "00000000-0000-0000-0000-0000000000aa"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-identities"
#: Commands of the machine, of which each run is told in a file; curl brings a package.
STUBS = {
    "id": "exit 0",
    "install": "exit 0",
    "curl": 'while [ "$1" != -o ]; do shift; done; printf %s "$PACKAGE" >"$2"; echo "curl $3" >>"$TOLD"',
    "tar": 'echo unpacked >>"$TOLD"; exit 1',
}


def script(cloud: str = "AzureCloud", **values: str) -> str:
    return base64.b64decode(agent_script(Agents.model_validate(values), TENANT, HOSTS[cloud])).decode()


def run(folder: Path, text: str, package: bytes) -> list[str]:
    """What the machine did before it unpacked, and whether it did."""
    commands, told = folder / "bin", folder / "told"
    commands.mkdir()
    for name, body in STUBS.items():
        (commands / name).write_text(f"#!/bin/bash\n{body}\n")
        (commands / name).chmod(0o755)
    bash = shutil.which("bash")
    assert bash is not None
    environment = {"PATH": f"{commands}:{os.environ['PATH']}", "PACKAGE": package.decode(), "TOLD": str(told)}
    environment["TMPDIR"] = str(folder)
    done = subprocess.run([bash, "-c", text], env=environment, capture_output=True, timeout=180, check=False)
    assert done.returncode != 0
    return told.read_text().splitlines()


@pytest.mark.parametrize(("package", "unpacked"), [(PACKAGE, True), (b"something else", False)])
def test_a_package_is_unpacked_when_it_is_the_released_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: bytes, unpacked: bool
) -> None:
    monkeypatch.setitem(agent_versions.SHA256, agent_versions.NEWEST, hashlib.sha256(PACKAGE).hexdigest())
    version = agent_versions.NEWEST
    url = f"https://download.agent.dev.azure.com/agent/{version}/vsts-agent-linux-x64-{version}.tar.gz"
    assert run(tmp_path, script(), package) == [f"curl {url}", *(["unpacked"] if unpacked else [])]


def test_the_default_version_is_one_whose_digest_is_known() -> None:
    assert Agents().version in agent_versions.SHA256
    assert agent_versions.SHA256[agent_versions.NEWEST] in script()
    assert "--proto '=https'" in script()


UNKNOWN = "4.250.1"


@pytest.mark.parametrize(
    ("digest", "unpacked"),
    [
        pytest.param(hashlib.sha256(PACKAGE).hexdigest(), True, id="as the spec says"),
        pytest.param(hashlib.sha256(PACKAGE).hexdigest().upper(), True, id="in capitals"),
        pytest.param("0" * 64, False, id="another one"),
        pytest.param(None, False, id="none, which the spec's rules refuse"),
    ],
)
def test_a_version_that_is_not_known_is_unpacked_with_its_digest_only(
    tmp_path: Path, digest: str | None, unpacked: bool
) -> None:
    given = {} if digest is None else {"sha256": digest}
    assert ("unpacked" in run(tmp_path, script(version=UNKNOWN, **given), PACKAGE)) is unpacked


@pytest.mark.parametrize(
    ("agents", "refused"),
    [
        pytest.param({}, {}, id="the default"),
        pytest.param({"version": "5.276.0"}, {}, id="a known one"),
        pytest.param({"version": UNKNOWN}, {"$.network.hub.agents.sha256": "MissingField"}, id="an unknown one"),
        pytest.param({"version": UNKNOWN, "sha256": "a" * 64}, {}, id="an unknown one with its digest"),
        pytest.param({"sha256": "a" * 64}, {"$.network.hub.agents.sha256": "InvalidValue"}, id="a wrong digest"),
        pytest.param({"sha256": agent_versions.SHA256[agent_versions.NEWEST].upper()}, {}, id="the known digest"),
        pytest.param(
            {"version": UNKNOWN, "sha256": "a" * 63}, {"$.network.hub.agents.sha256": "InvalidValue"}, id="short"
        ),
    ],
)
def test_a_spec_names_the_digest_of_what_is_not_known(agents: dict[str, str], refused: dict[str, str]) -> None:
    asked = example()
    asked["network"]["hub"] = {**FULL_HUB, "agents": agents}
    try:
        parse_spec(asked)
        found = {}
    except Rejected as error:
        found = {detail.target: detail.code for detail in error.details}
    assert found == refused


@pytest.mark.parametrize(
    ("cloud", "login", "audience"),
    [
        ("AzureCloud", "https://login.microsoftonline.com", "api://AzureADTokenExchange"),
        ("AzureUSGovernment", "https://login.microsoftonline.us", "api://AzureADTokenExchangeUSGov"),
        ("AzureChinaCloud", "https://login.chinacloudapi.cn", "api://AzureADTokenExchangeChina"),
    ],
)
def test_a_service_principal_signs_in_where_its_cloud_does(cloud: str, login: str, audience: str) -> None:
    """In the script of a machine, as the blueprint has it."""
    identity = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/registrar"
    agents = {
        "organizationUrl": "https://dev.azure.com/contoso",
        "authentication": "servicePrincipal",
        "identityId": identity,
        "clientId": TENANT,
    }
    asked = WorkspaceSpec.model_validate({**example(), "network": with_hub(**{**FULL_HUB, "agents": agents})})
    blueprint = compile_blueprint(asked, replace(CONTEXT, cloud=cloud))
    (text,) = {
        base64.b64decode(one.body["properties"]["settings"]["script"]).decode()
        for one in blueprint.resources
        if "script" in one.body.get("properties", {}).get("settings", {})
    }
    assert f"'{login}/{CONTEXT.tenant_id}/oauth2/v2.0/token'" in text
    assert f"&resource={audience}&" in text
    assert {one for one in HOSTS if HOSTS[one].authority in text} == {cloud}
