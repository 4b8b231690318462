"""Entra ID over HTTP: discovery, keys, the token endpoint; and the two managed-identity endpoints.

Shapes: OpenID Connect discovery and the client-credentials grant as login.microsoftonline.com answers them; the App
Service endpoint (`X-IDENTITY-HEADER`, api-version 2019-08-01) and IMDS (`Metadata: true`) as azure-identity reads them.
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

from simulator.engine.hooks import JsonObject
from simulator.engine.messages import Request, Response

if TYPE_CHECKING:
    from simulator.planes.world import World

NO_IDENTITY = "No User Assigned or Delegated Managed Identity found for specified ClientId/ResourceId/PrincipalId."


def handle(world: World, request: Request) -> Response | None:
    """The answer of this plane, or None when the path is not one of its own."""
    parts = [part for part in request.path.split("/") if part]
    match parts:
        case ["common" | "organizations", "discovery", "instance"]:
            return _instance(world)
        case [tenant, "v2.0", ".well-known", "openid-configuration"]:
            return _tenant(world, tenant) or Response(200, _discovery(world, v2=True))
        case [tenant, ".well-known", "openid-configuration"]:
            return _tenant(world, tenant) or Response(200, _discovery(world, v2=False))
        case [tenant, "discovery", "keys"] | [tenant, "discovery", "v2.0", "keys"]:
            return _tenant(world, tenant) or Response(200, world.keys.jwks())
        case [tenant, "oauth2", "token"] | [tenant, "oauth2", "v2.0", "token"] if request.method == "POST":
            return _tenant(world, tenant) or _token(world, request, v2=len(parts) == 4)
        case ["msi", "token"]:
            return _app_service(world, request)
        case ["metadata", "identity", "oauth2", "token"]:
            return _imds(world, request)
    return None


def _instance(world: World) -> Response:
    host = world.base.partition("//")[2]
    metadata = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    endpoint = f"{world.base}/{world.engine.tenant_id}/v2.0/.well-known/openid-configuration"
    body = {"tenant_discovery_endpoint": endpoint, "api-version": "1.1", "metadata": [metadata]}
    return Response(200, body)


def _tenant(world: World, tenant: str) -> Response | None:
    """400 for a tenant that does not exist, in Entra's words."""
    if tenant.lower() in (world.engine.tenant_id, "common", "organizations"):
        return None
    text = f"AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
    return _oauth_error(world, "invalid_tenant", 90002, text)


def _discovery(world: World, *, v2: bool) -> JsonObject:
    base, tenant = world.base, world.engine.tenant_id
    part = "v2.0/" if v2 else ""
    return {
        "token_endpoint": f"{base}/{tenant}/oauth2/{part}token",
        "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
        "jwks_uri": f"{base}/{tenant}/discovery/{part}keys",
        "response_modes_supported": ["query", "fragment", "form_post"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "issuer": world.tokens.issuer(tenant) if v2 else f"https://sts.windows.net/{tenant}/",
        "authorization_endpoint": f"{base}/{tenant}/oauth2/{part}authorize",
        "device_authorization_endpoint": f"{base}/{tenant}/oauth2/{part}devicecode",
        "tenant_region_scope": "EU",
        "cloud_instance_name": base.partition("//")[2],
    }


def _oauth_error(world: World, error: str, number: int, text: str, status: int = 400) -> Response:
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    body = {"error": error, "error_description": text, "error_codes": [number], "timestamp": stamp}
    return Response(status, {**body, "error_uri": f"{world.base}/error?code={number}"})


def _token(world: World, request: Request, *, v2: bool) -> Response:
    """The client-credentials grant."""
    form = dict(parse_qsl(request.body.decode(errors="replace")))
    client, secret = form.get("client_id", ""), form.get("client_secret", "")
    basic = request.headers.get("authorization", "")
    if basic.lower().startswith("basic "):
        try:
            client, _, secret = base64.b64decode(basic[6:]).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return _oauth_error(world, "invalid_request", 900144, "AADSTS900144: The request is malformed.")
        client, secret = unquote(client), unquote(secret)
    grant = form.get("grant_type")
    if grant != "client_credentials":
        text = f"AADSTS70003: The app requested an unsupported grant type '{grant}'."
        return _oauth_error(world, "unsupported_grant_type", 70003, text)
    principal = world.directory.by_client(client)
    if principal is None:
        text = f"AADSTS700016: Application with identifier '{client}' was not found in the directory."
        return _oauth_error(world, "unauthorized_client", 700016, text)
    if not secret or principal.get("secret") != secret:
        text = f"AADSTS7000215: Invalid client secret provided. Ensure the secret is for app '{client}'."
        return _oauth_error(world, "invalid_client", 7000215, text, 401)
    wanted = form.get("scope", "") if v2 else form.get("resource", "")
    if v2 and not wanted.endswith("/.default"):
        text = f"AADSTS1002012: The provided value for scope {wanted} is not valid. It must end in /.default."
        return _oauth_error(world, "invalid_scope", 1002012, text)
    audience = wanted.removesuffix("/.default")
    issued = world.issue(principal, audience, seconds=3599)
    lifetime = issued["expires_on"] - issued["not_before"]
    body: JsonObject = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime}
    if not v2:
        body = {**body, "expires_in": str(lifetime), "expires_on": str(issued["expires_on"]), "resource": wanted}
    return Response(200, {**body, "access_token": issued["access_token"]})


def _wanted(world: World, query: dict[str, str]) -> JsonObject | None:
    """The user-assigned identity that a query selects; the first seeded one when it selects none."""
    if client := query.get("client_id"):
        found = world.directory.by_client(client)
    elif resource := query.get("mi_res_id") or query.get("msi_res_id") or query.get("resource_id"):
        found = world.directory.by_resource(resource)
    elif principal := query.get("principal_id") or query.get("object_id"):
        found = world.directory.get(principal)
    else:
        return None
    return found if found is not None and found.get("resource_id") else None


def _app_service(world: World, request: Request) -> Response:
    if request.headers.get("x-identity-header") != world.identity_header:
        return Response(401, {"statusCode": 401, "message": "The X-IDENTITY-HEADER is missing or wrong."})
    resource = request.query.get("resource", "").removesuffix("/.default")
    if not resource:
        return Response(400, {"statusCode": 400, "message": "The query parameter 'resource' is required."})
    principal = _wanted(world, request.query)
    if principal is None:
        return Response(400, {"statusCode": 400, "message": NO_IDENTITY})
    issued = world.issue(principal, resource)
    body = {
        "access_token": issued["access_token"], "expires_on": str(issued["expires_on"]), "resource": resource,
        "token_type": "Bearer", "client_id": principal["client_id"].upper(),
    }  # fmt: skip
    return Response(200, body)


def _imds(world: World, request: Request) -> Response:
    if request.headers.get("metadata", "").lower() != "true":
        text = "Required metadata header not specified"
        return Response(400, {"error": "invalid_request", "error_description": text})
    resource = request.query.get("resource", "")
    if not resource:
        text = "Required audience parameter not specified"
        return Response(400, {"error": "invalid_request", "error_description": text})
    principal = _wanted(world, request.query)
    if principal is None:
        return Response(400, {"error": "invalid_request", "error_description": "Identity not found"})
    issued = world.issue(principal, resource)
    body = {
        "access_token": issued["access_token"], "client_id": principal["client_id"],
        "expires_in": str(issued["expires_on"] - issued["not_before"]), "expires_on": str(issued["expires_on"]),
        "ext_expires_in": "86399", "not_before": str(issued["not_before"]), "resource": resource,
        "token_type": "Bearer",
    }  # fmt: skip
    return Response(200, body)
