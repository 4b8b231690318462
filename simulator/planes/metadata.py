"""`GET /metadata/endpoints`: api-version 2019-05-01 answers a list of clouds (what azure-ai-ml reads), later
versions one object (what the Azure CLI reads from its ARM endpoint), 2015-01-01 a smaller one (msrestazure)."""

from __future__ import annotations

from simulator.engine.hooks import JsonObject
from simulator.engine.messages import Request, Response

CLOUD = "SimulatedCloud"


def handle(base: str, request: Request) -> Response | None:
    if request.path.rstrip("/").lower() != "/metadata/endpoints":
        return None
    cloud, version = endpoints(base), request.query.get("api-version", "2019-05-01")
    if version < "2016":
        return Response(200, _first(cloud))
    return Response(200, cloud if version >= "2020" else [cloud])


def _first(cloud: JsonObject) -> JsonObject:
    """Api-version 2015-01-01, which msrestazure (and so Cloud Custodian) reads: other names, no suffixes."""
    renamed = {f"{name}Endpoint": cloud[name] for name in ("gallery", "graph", "portal")}
    known = cloud["authentication"]
    return {**renamed, "authentication": {name: known[name] for name in ("loginEndpoint", "audiences")}}


def endpoints(base: str) -> JsonObject:
    """The portal's host has three labels, because azure-ai-ml derives its audience from them."""
    return {
        "name": CLOUD,
        "portal": "https://portal.localhost.test/",
        "resourceManager": f"{base}/",
        "authentication": {
            "loginEndpoint": base,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/", base],
            "tenant": "common",
            "identityProvider": "AAD",
        },
        "graphAudience": "https://graph.windows.net/",
        "graph": "https://graph.windows.net/",
        "microsoftGraphResourceId": f"{base}/",
        "batch": "https://batch.core.windows.net/",
        "media": "https://rest.media.azure.net",
        "gallery": f"{base}/gallery/",
        "vmImageAliasDoc": f"{base}/aliases.json",
        "activeDirectoryDataLake": "https://datalake.azure.net/",
        "sqlManagement": "https://management.core.windows.net:8443/",
        "appInsightsResourceId": "https://api.applicationinsights.io",
        "appInsightsTelemetryChannelResourceId": "https://dc.applicationinsights.azure.com/v2/track",
        "attestationResourceId": "https://attest.azure.net",
        "synapseAnalyticsResourceId": "https://dev.azuresynapse.net",
        "logAnalyticsResourceId": "https://api.loganalytics.io",
        "ossrDbmsResourceId": "https://ossrdbms-aad.database.windows.net",
        "suffixes": {
            "storage": "core.windows.net",
            "acrLoginServer": "azurecr.io",
            "keyVaultDns": "vault.azure.net",
            "sqlServerHostname": "database.windows.net",
            "mysqlServerEndpoint": "mysql.database.azure.com",
            "postgresqlServerEndpoint": "postgres.database.azure.com",
            "mariadbServerEndpoint": "mariadb.database.azure.com",
            "azureDataLakeStoreFileSystem": "azuredatalakestore.net",
            "azureDataLakeAnalyticsCatalogAndJob": "azuredatalakeanalytics.net",
            "azureFrontDoorEndpointSuffix": "azurefd.net",
            "storageSyncEndpointSuffix": "afs.azure.net",
            "mhsmDns": "managedhsm.azure.net",
            "synapseAnalytics": "dev.azuresynapse.net",
            "attestationEndpoint": "attest.azure.net",
        },
    }
