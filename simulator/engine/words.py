"""ARM's own errors, in ARM's own words.

Sources: recordings (ResourceNotFound, ResourceGroupNotFound, MissingSubscriptionRegistration, RoleAssignmentExists);
public issue threads quoting ARM: AuthorizationFailed (Azure/ARO-RP#66),
NoRegisteredProviderFound (Azure/azure-cli#28496), ParentResourceNotFound (Azure/reliable-web-app-pattern-dotnet#248),
InvalidResourceType (Azure/azure-rest-api-specs#14807), MissingApiVersionParameter (Azure/azure-powershell#3638),
InvalidApiVersionParameter (Azure/azure-cli#28038), InvalidAuthenticationTokenTenant (Azure/azure-sdk-for-net#49391).
"""

from __future__ import annotations

from collections.abc import Iterable

from simulator.engine.hooks import ArmError

GATEWAY = {"x-ms-failure-cause": "gateway"}


def resource_not_found(resource_type: str, name: str, group: str) -> ArmError:
    return ArmError(
        404,
        "ResourceNotFound",
        f"The Resource '{resource_type}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix",
        headers=GATEWAY,
    )


def group_not_found(group: str) -> ArmError:
    return ArmError(404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found.", headers=GATEWAY)


def group_being_deleted(group: str) -> ArmError:
    return ArmError(
        409,
        "ResourceGroupBeingDeleted",
        f"The resource group '{group}' is in deprovisioning state and cannot perform this operation.",
        headers=GATEWAY,
    )


def parent_not_found(parent: str) -> ArmError:
    """`parent`: the parent's name, `zone1`; words as quoted in Azure/reliable-web-app-pattern-dotnet#248."""
    message = f"Can not perform requested operation on nested resource. Parent resource '{parent}' not found."
    return ArmError(404, "ParentResourceNotFound", message, headers=GATEWAY)


def subscription_not_found(subscription: str) -> ArmError:
    message = f"The subscription '{subscription}' could not be found."
    return ArmError(404, "SubscriptionNotFound", message, headers=GATEWAY)


def invalid_subscription_id(subscription: str) -> ArmError:
    message = f"The provided subscription identifier '{subscription}' is malformed or invalid."
    return ArmError(400, "InvalidSubscriptionId", message, headers=GATEWAY)


def invalid_resource_type(type_path: str, namespace: str, version: str) -> ArmError:
    return ArmError(
        404,
        "InvalidResourceType",
        f"The resource type '{type_path}' could not be found in the namespace '{namespace}' "
        f"for api version '{version}'.",
        headers=GATEWAY,
    )


def invalid_namespace(namespace: str) -> ArmError:
    message = f"The resource namespace '{namespace}' is invalid."
    return ArmError(404, "InvalidResourceNamespace", message, headers=GATEWAY)


def no_registered_provider(location: str, version: str, type_path: str, versions: str, locations: str) -> ArmError:
    return ArmError(
        400,
        "NoRegisteredProviderFound",
        f"No registered resource provider found for location '{location}' and API version '{version}' "
        f"for type '{type_path}'. The supported api-versions are '{versions}'. "
        f"The supported locations are '{locations}'.",
        headers=GATEWAY,
    )


def missing_registration(namespace: str) -> ArmError:
    message = (
        f"The subscription is not registered to use namespace '{namespace}'. "
        "See https://aka.ms/rps-not-found for how to register subscriptions."
    )
    detail = {"code": "MissingSubscriptionRegistration", "target": namespace, "message": message}
    return ArmError(409, "MissingSubscriptionRegistration", message, details=(detail,), headers=GATEWAY)


def missing_api_version() -> ArmError:
    return ArmError(
        400,
        "MissingApiVersionParameter",
        "The api-version query parameter (?api-version=) is required for all requests.",
        headers=GATEWAY,
    )


def invalid_api_version(version: str, supported: Iterable[str]) -> ArmError:
    return ArmError(
        400,
        "InvalidApiVersionParameter",
        f"The api-version '{version}' is invalid. The supported versions are '{','.join(supported)}'.",
        headers=GATEWAY,
    )


def invalid_content(why: str) -> ArmError:
    message = f"The request content was invalid and could not be deserialized: '{why}'."
    return ArmError(400, "InvalidRequestContent", message, headers=GATEWAY)


def location_required() -> ArmError:
    message = "The location property is required for this definition."
    return ArmError(400, "LocationRequired", message, headers=GATEWAY)


def location_not_available(location: str, resource_type: str, locations: Iterable[str]) -> ArmError:
    return ArmError(
        400,
        "LocationNotAvailableForResourceType",
        f"The provided location '{location}' is not available for resource type '{resource_type}'. "
        f"List of available regions for the resource type is '{','.join(locations)}'.",
        headers=GATEWAY,
    )


def location_not_available_for_group(location: str, locations: Iterable[str]) -> ArmError:
    return ArmError(
        400,
        "LocationNotAvailableForResourceGroup",
        f"The provided location '{location}' is not available for resource group. "
        f"List of available regions is '{','.join(locations)}'.",
        headers=GATEWAY,
    )


def invalid_group_location(wanted: str, there: str) -> ArmError:
    message = f"Invalid resource group location '{wanted}'. The Resource group already exists in location '{there}'."
    return ArmError(409, "InvalidResourceGroupLocation", message, headers=GATEWAY)


def invalid_location(name: str, there: str, group: str, wanted: str) -> ArmError:
    return ArmError(
        409,
        "InvalidResourceLocation",
        f"The resource '{name}' already exists in location '{there}' in resource group '{group}'. "
        f"A resource with the same name cannot be created in location '{wanted}'. Please select a new resource name.",
        headers=GATEWAY,
    )


def authorization_failed(client: str, object_id: str, action: str, scope: str) -> ArmError:
    return ArmError(
        403,
        "AuthorizationFailed",
        f"The client '{client}' with object id '{object_id}' does not have authorization to perform action "
        f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please refresh "
        "your credentials.",
        headers=GATEWAY,
    )


def linked_authorization_failed(
    caller: tuple[str, str], written: tuple[str, str], action: str, linked: str
) -> ArmError:
    """`caller` is (name, object id), `written` (action, id). Text as quoted in microsoft/planetary-computer-hub#25 and
    in the expected results of Azure/mpf."""
    return ArmError(
        403,
        "LinkedAuthorizationFailed",
        f"The client '{caller[0]}' with object id '{caller[1]}' has permission to perform action '{written[0]}' on "
        f"scope '{written[1]}'; however, it does not have permission to perform action(s) '{action}' on the linked "
        f"scope(s) '{linked}' (respectively) or the linked scope(s) are invalid.",
        headers=GATEWAY,
    )


def scope_locked(scope: str, action: str, lock: str) -> ArmError:
    return ArmError(
        409,
        "ScopeLocked",
        f"The scope '{scope}' cannot perform {action} operation because following scope(s) are locked: '{lock}'. "
        "Please remove the lock and try again.",
        headers=GATEWAY,
    )


def superseded(old: str, new: str) -> ArmError:
    """Of an operation whose resource was written again before it ended (Microsoft.Network's words)."""
    message = f"Operation ({old}) was canceled and superseded by operation ({new})."
    return ArmError(409, "CanceledAndSupersededDueToAnotherOperation", message)


def unsupported_media_type(given: str) -> ArmError:
    message = f"The content media type '{given}' is not supported. Only 'application/json' is supported."
    return ArmError(415, "UnsupportedMediaType", message, headers=GATEWAY)


def method_not_allowed(method: str, resource_type: str) -> ArmError:
    return ArmError(
        405,
        "HttpMethodNotSupported",
        f"The HTTP method '{method}' is not supported for resource type '{resource_type}'.",
    )


def no_such_path(path: str) -> ArmError:
    return ArmError(404, "InvalidResourcePath", f"The request path '{path}' is invalid.", headers=GATEWAY)
