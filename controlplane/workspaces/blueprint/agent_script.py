"""What a build agent's machine runs once: installs the Azure Pipelines agent and registers it. Pure.

No secret is in it. Registering takes a Microsoft Entra token in the place of a personal access token, which the
machine asks its own identity for; the identity must be a user of the organization and administrator of the pool. The
token is used for registering only: afterwards the agent has a key of its own.
Sources: https://learn.microsoft.com/azure/devops/pipelines/agents/linux-agent and
https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/service-principal-managed-identity.
"""

from __future__ import annotations

import base64

from controlplane.clouds import Hosts
from controlplane.workspaces.agent_versions import SHA256
from controlplane.workspaces.spec_model import Agents

#: Azure DevOps as a resource of Entra ID, the same in every tenant.
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
#: Root unpacks the package and runs what is in it: one that is not the released one stops the script, always.
_INSTALL = """#!/bin/bash
set -euo pipefail
version='{version}'
home=/opt/azure-pipelines-agent
id agent >/dev/null 2>&1 || useradd --system --create-home --shell /usr/sbin/nologin agent
install -d -m 0750 -o agent -g agent "$home"
if [ ! -f "$home/version-$version" ]; then
  package="vsts-agent-linux-x64-$version.tar.gz"
  folder=$(mktemp -d)
  curl -fsSL --proto '=https' --retry 5 -o "$folder/$package" \
    "https://download.agent.dev.azure.com/agent/$version/$package"
  echo "{sha256}  $folder/$package" | sha256sum --check --status
  tar -xzf "$folder/$package" -C "$home"
  rm -r "$folder"
  "$home/bin/installdependencies.sh"
  chown -R agent:agent "$home"
  touch "$home/version-$version"
fi
"""
#: Of the machine's own identity, or of the one named by ``{who}``.
_FROM_IDENTITY = """cd "$home"
token=$(curl -fsS --retry 5 -H Metadata:true --noproxy '*' \
  'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}{who}' \
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
"""
#: Of a service principal whose federated credential trusts that identity: its token is the assertion, so that nobody
#: keeps a secret. Source: "Configure an application to trust a managed identity" (workload identity federation).
_EXCHANGE = """token=$(printf 'client_assertion=%s' "$token" \
  | curl -fsS --proto '=https' --retry 5 '{authority}/{tenant}/oauth2/v2.0/token' \
  -d 'client_id={client}' -d 'grant_type=client_credentials' -d 'scope={resource}/.default' \
  -d 'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer' -d @- \
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
"""
_REGISTER = """[ -f .service ] && ./svc.sh uninstall
runuser -u agent -- ./config.sh --unattended --acceptTeeEula --replace --url '{url}' --auth pat --token "$token" \
  --pool '{pool}' --agent "$(hostname)"
./svc.sh install agent
./svc.sh start
"""


def agent_script(agents: Agents, tenant: str, hosts: Hosts) -> str:
    """Base64 of the script, as the CustomScript extension takes it. Every value was held to a pattern before.

    ``hosts``: of the cloud that signs the registering identity in. A version without a digest, which the spec's rules
    refuse, would be fetched and never unpacked.
    """
    sha256 = SHA256.get(agents.version) or agents.sha256 or ""
    text = _INSTALL.format(version=agents.version, sha256=sha256)
    if agents.organization_url is not None:
        url = agents.organization_url.rstrip("/")
        text += _token(agents, tenant, hosts) + _REGISTER.format(url=url, pool=agents.pool)
    return base64.b64encode(text.encode()).decode()


def _token(agents: Agents, tenant: str, hosts: Hosts) -> str:
    """Source of ``msi_res_id``: "Acquire a token" of managed identities for Azure resources."""
    who = "" if agents.identity_id is None else f"&msi_res_id={agents.identity_id}"
    if agents.authentication != "servicePrincipal":
        return _FROM_IDENTITY.format(resource=AZURE_DEVOPS, who=who)
    exchange = _EXCHANGE.format(
        authority=hosts.authority, tenant=tenant, client=agents.client_id, resource=AZURE_DEVOPS
    )
    return _FROM_IDENTITY.format(resource=hosts.federation_audience, who=who) + exchange
