"""What a build agent's machine runs once: installs the Azure Pipelines agent and registers it. Pure.

No secret is in it. Registering takes a Microsoft Entra token in the place of a personal access token, which the
machine asks its own identity for; the identity must be a user of the organization and administrator of the pool. The
token is used for registering only: afterwards the agent has a key of its own.
Sources: https://learn.microsoft.com/azure/devops/pipelines/agents/linux-agent and
https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/service-principal-managed-identity.
"""

from __future__ import annotations

import base64

from controlplane.workspaces.agent_versions import SHA256
from controlplane.workspaces.spec_model import Agents

#: Azure DevOps as a resource of Entra ID, the same in every tenant.
AZURE_DEVOPS = "499b84ac-1321-427f-aa17-267ca6975798"
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
{verify}  tar -xzf "$folder/$package" -C "$home"
  rm -r "$folder"
  "$home/bin/installdependencies.sh"
  chown -R agent:agent "$home"
  touch "$home/version-$version"
fi
"""
#: Root unpacks it and runs what is in it: a package that is not the released one stops the script.
_VERIFY = """  echo "{sha256}  $folder/$package" | sha256sum --check --status
"""
_REGISTER = """cd "$home"
token=$(curl -fsS --retry 5 -H Metadata:true --noproxy '*' \
  'http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource={resource}' \
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
[ -f .service ] && ./svc.sh uninstall
runuser -u agent -- ./config.sh --unattended --acceptTeeEula --replace --url '{url}' --auth pat --token "$token" \
  --pool '{pool}' --agent "$(hostname)"
./svc.sh install agent
./svc.sh start
"""


def agent_script(agents: Agents) -> str:
    """Base64 of the script, as the CustomScript extension takes it. Every value was held to a pattern before."""
    sha256 = SHA256.get(agents.version)
    verify = "" if sha256 is None else _VERIFY.format(sha256=sha256)
    text = _INSTALL.format(version=agents.version, verify=verify)
    if agents.organization_url is not None:
        url = agents.organization_url.rstrip("/")
        text += _REGISTER.format(resource=AZURE_DEVOPS, url=url, pool=agents.pool)
    return base64.b64encode(text.encode()).decode()
