"""Subscriptions, tenants, locations, resource providers and their registration, and `resources` across types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

from simulator.engine import words
from simulator.engine.core import UNREGISTERED
from simulator.engine.declaration import Answer, ArmError, JsonObject, Resource, Route, RouteContext, Scope

if TYPE_CHECKING:
    from simulator.engine.core import Engine

# name, display name, geography group, paired region
LOCATIONS: tuple[tuple[str, str, str, str], ...] = (
    ("westeurope", "West Europe", "Europe", "northeurope"),
    ("northeurope", "North Europe", "Europe", "westeurope"),
    ("eastus", "East US", "US", "westus"),
    ("eastus2", "East US 2", "US", "centralus"),
    ("westus", "West US", "US", "eastus"),
    ("westus2", "West US 2", "US", "westcentralus"),
    ("centralus", "Central US", "US", "eastus2"),
    ("southcentralus", "South Central US", "US", "northcentralus"),
    ("uksouth", "UK South", "Europe", "ukwest"),
    ("swedencentral", "Sweden Central", "Europe", "swedensouth"),
    ("francecentral", "France Central", "Europe", "francesouth"),
    ("germanywestcentral", "Germany West Central", "Europe", "germanynorth"),
    ("centraluseuap", "Central US EUAP", "US", "eastus2euap"),
)
NAMES = tuple(name for name, *_ in LOCATIONS)


def _engine(ctx: RouteContext) -> Engine:
    return cast("Engine", ctx.engine)


def _shape(engine: Engine, found: JsonObject) -> JsonObject:
    return {
        "id": f"/subscriptions/{found['id']}", "authorizationSource": "RoleBased", "managedByTenants": [],
        "subscriptionId": found["id"], "tenantId": engine.tenant_id, "displayName": found["name"], "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01",
            "spendingLimit": "Off",
        },
    }  # fmt: skip


def _list(ctx: RouteContext) -> Answer:
    """Only those that the caller can see."""
    engine = _engine(ctx)
    found = []
    for one in engine.store.kv["world"]["subscriptions"]:
        try:
            engine.authority.require_subscription(ctx.caller, one["id"])
        except ArmError:
            continue
        found.append(_shape(engine, one))
    return Answer(200, {"value": found, "count": {"type": "Total", "value": len(found)}})


def _get(ctx: RouteContext) -> Answer:
    engine = _engine(ctx)
    known = engine.store.kv["world"]["subscriptions"]
    found = next(one for one in known if one["id"] == ctx.params["s"].lower())
    return Answer(200, _shape(engine, found))


def _tenants(ctx: RouteContext) -> Answer:
    tenant = _engine(ctx).tenant_id
    one = {"id": f"/tenants/{tenant}", "tenantId": tenant, "countryCode": "NL", "displayName": "Contoso"}
    return Answer(200, {"value": [{**one, "domains": ["contoso.com"], "tenantCategory": "Home"}]})


def _locations(ctx: RouteContext) -> Answer:
    sub = ctx.params["s"]
    value = []
    for name, display, group, paired in LOCATIONS:
        metadata = {
            "regionType": "Physical", "regionCategory": "Recommended", "geographyGroup": group,
            "pairedRegion": [{"name": paired, "id": f"/subscriptions/{sub}/locations/{paired}"}],
        }  # fmt: skip
        regional = f"({group}) {display}"
        one = {"id": f"/subscriptions/{sub}/locations/{name}", "name": name, "type": "Region", "displayName": display}
        value.append({**one, "regionalDisplayName": regional, "metadata": metadata})
    return Answer(200, {"value": value})


def _provider(engine: Engine, subscription: str, namespace: str) -> JsonObject:
    types = []
    for declared in engine.registry.types.values():
        if declared.namespace.lower() == namespace.lower():
            literal = [one for one in declared.api_versions if re.fullmatch(r"[\w-]+", one)]
            regions = [display for _, display, *_ in LOCATIONS] if declared.kind is Scope.GROUP else []
            versions = literal or ["2024-04-01"]
            types.append({"resourceType": "/".join(declared.segments), "locations": regions, "apiVersions": versions})
    state = "Registered" if engine.is_registered(subscription, namespace) else "NotRegistered"
    name = engine.registry.namespaces.get(namespace.lower(), namespace)
    provider = {"id": f"/subscriptions/{subscription}/providers/{name}", "namespace": name, "resourceTypes": types}
    return {**provider, "registrationState": state, "registrationPolicy": "RegistrationRequired"}


def _providers(ctx: RouteContext) -> Answer:
    engine = _engine(ctx)
    return Answer(200, {"value": [_provider(engine, ctx.params["s"], one) for one in engine.registry.namespaces]})


def _one_provider(ctx: RouteContext) -> Answer:
    engine, namespace = _engine(ctx), ctx.params["namespace"]
    if namespace.lower() not in engine.registry.namespaces and namespace.lower() not in UNREGISTERED:
        raise words.invalid_namespace(namespace)
    return Answer(200, _provider(engine, ctx.params["s"], namespace))


def _registration(ctx: RouteContext, *, on: bool) -> Answer:
    engine, namespace = _engine(ctx), ctx.params["namespace"].lower()
    key = f"unregistered:{ctx.params['s'].lower()}"
    off = set(engine.store.kv.get(key, UNREGISTERED))
    engine.store.set(key, sorted(off - {namespace} if on else off | {namespace}))
    return _one_provider(ctx)


def _register(ctx: RouteContext) -> Answer:
    return _registration(ctx, on=True)


def _unregister(ctx: RouteContext) -> Answer:
    return _registration(ctx, on=False)


def _resources(ctx: RouteContext) -> Answer:
    """`GET .../resources`: tracked resources, ``$filter` by resourceType, name, resourceGroup, location, tagName and
    tagValue."""
    engine = _engine(ctx)
    under = f"/subscriptions/{ctx.params['s']}"
    if "g" in ctx.params:
        under += f"/resourceGroups/{ctx.params['g']}"
        if engine.get(under) is None:
            raise words.group_not_found(ctx.params["g"])
    asked = _asked(ctx.query.get("$filter", ""))
    groups = engine.all_of("Microsoft.Resources/resourceGroups", under)
    found = [one for group in groups for one in engine.children(group.id) if _tracked(engine, one)]
    return Answer(200, {"value": [_brief(one) for one in found if _matches(one, asked)]})


def _asked(text: str) -> dict[str, str]:
    """`name eq 'value'` joined by `and`; names in lower case. What the Azure CLI's `resource list` sends."""
    return {name.lower(): value for name, value in re.findall(r"(\w+)\s+eq\s+'([^']*)'", text)}


def _matches(resource: Resource, asked: dict[str, str]) -> bool:
    tags = resource.body.get("tags") or {}
    held = {
        "resourcetype": resource.type, "name": resource.name, "resourcegroup": resource.id.split("/")[4],
        "location": resource.location,
    }  # fmt: skip
    tag = asked.get("tagname")
    if tag is not None and (tag not in tags or asked.get("tagvalue", tags[tag]) != tags[tag]):
        return False
    return all(held[name].lower() == value.lower() for name, value in asked.items() if name in held)


def _tracked(engine: Engine, resource: Resource) -> bool:
    return engine.registry.type(resource.type).kind is Scope.GROUP and not resource.hidden


def _brief(resource: Resource) -> JsonObject:
    shown = {"id": resource.id, "name": resource.name, "type": resource.type}
    keys = ("location", "tags", "sku", "kind", "identity")
    return {**shown, **{key: resource.body[key] for key in keys if key in resource.body}}


_READ = "Microsoft.Resources/subscriptions/read"
_PROVIDERS = "/subscriptions/{s}/providers/{namespace}"
_LISTED = "Microsoft.Resources/subscriptions/resources/read"
_IN_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/resources/read"
ROUTES = (
    Route("GET", "/subscriptions", "", _list, scope=""),
    Route("GET", "/tenants", "", _tenants, scope=""),
    Route("GET", "/subscriptions/{s}", "", _get),
    Route("GET", "/subscriptions/{s}/locations", "Microsoft.Resources/subscriptions/locations/read", _locations),
    Route("GET", "/subscriptions/{s}/providers", _READ, _providers),
    Route("GET", _PROVIDERS, "Microsoft.Resources/subscriptions/providers/read", _one_provider),
    Route("POST", f"{_PROVIDERS}/register", "{namespace}/register/action", _register),
    Route("POST", f"{_PROVIDERS}/unregister", "{namespace}/unregister/action", _unregister),
    Route("GET", "/subscriptions/{s}/resources", _LISTED, _resources),
    Route("GET", "/subscriptions/{s}/resourceGroups/{g}/resources", _IN_GROUP, _resources),
)
