"""Indexing: which functions an app has, read from ``app.get_functions()`` as the Python worker reads it.

The rules are the worker's (azure_functions_worker/loader.py ``index_function_app``, functions.py ``add_function``):
one ``FunctionApp`` at the module's top level, bindings as raw JSON, parameters and bindings of the same names, a
``context`` parameter for who wants one.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import re
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from funchost.host_json import HostError

_KINDS = {"httpTrigger": "http", "queueTrigger": "queue", "timerTrigger": "timer", "eventGridTrigger": "event"}
#: The worker's own setting for another name than function_app.py.
_SCRIPT_SETTING = "PYTHON_SCRIPT_FILE_NAME"


@dataclass(frozen=True, slots=True)
class Function:
    """One indexed function. ``kind`` is ``http``, ``queue``, ``timer`` or ``event``; ``trigger`` its binding's JSON."""

    name: str
    kind: str
    call: Callable[..., Any]
    trigger: Mapping[str, Any]
    directory: Path
    requires_context: bool
    is_async: bool
    returns_http: bool

    @property
    def group(self) -> str:
        """Functions of one group share their processes, as on Flex Consumption."""
        return "http" if self.kind == "http" else self.name

    @property
    def parameter(self) -> str:
        """Name of the parameter that gets the trigger's object."""
        return str(self.trigger["name"])


def index(directory: Path) -> tuple[Function, ...]:
    """Imports the app's module and returns its enabled functions in the order they were registered.

    Raises ``HostError`` for an app that the worker would refuse, and for bindings that this host does not have.
    """
    script = os.environ.get(_SCRIPT_SETTING, "function_app.py")
    if not script.endswith(".py") or not (directory / script).is_file():
        raise HostError(f"{directory} has no {script}")
    sys.path.insert(0, str(directory))
    module = importlib.import_module(script.removesuffix(".py"))
    registered = _app_of(module).get_functions()
    functions = tuple(_describe(item, directory) for item in registered)
    names = [function.name.lower() for function in functions]
    if doubled := {name for name in names if names.count(name) > 1}:
        raise HostError(f"function names must be unique: {', '.join(sorted(doubled))}")
    return tuple(function for function in functions if not _disabled(function.name))


def converter(binding: str) -> Any:
    """azure.functions' own converter of a binding type."""
    return func.get_binding_registry().get(binding)  # type: ignore[no-untyped-call]


def _app_of(module: ModuleType) -> func.FunctionApp:
    apps = [value for value in vars(module).values() if isinstance(value, func.FunctionApp)]
    if len(apps) != 1:
        raise HostError(f"{module.__name__} must have one FunctionApp at its top level; it has {len(apps)}")
    return apps[0]


def _describe(item: Any, directory: Path) -> Function:
    name = str(item.get_function_name())
    bindings = [json.loads(text) for text in item.get_raw_bindings()]
    triggers = [binding for binding in bindings if str(binding["type"]).endswith("Trigger")]
    if len(triggers) != 1:
        raise HostError(f"function {name} must have one trigger; it has {len(triggers)}")
    kind = _KINDS.get(triggers[0]["type"])
    if kind is None:
        raise HostError(f"function {name}: funchost does not run a {triggers[0]['type']}")
    returns_http = False
    for binding in bindings:
        if binding is triggers[0]:
            continue
        if (binding["type"], binding["direction"], binding["name"]) != ("http", "OUT", "$return") or kind != "http":
            raise HostError(f"function {name}: funchost has no {binding['type']} binding {binding['direction']}")
        returns_http = True
    call = item.get_user_function()
    return Function(
        name=name,
        kind=kind,
        call=call,
        trigger=_resolved(triggers[0]),
        directory=directory,
        requires_context=_check_parameters(name, call, triggers[0]),
        is_async=inspect.iscoroutinefunction(call),
        returns_http=returns_http,
    )


def _check_parameters(name: str, call: Callable[..., Any], trigger: Mapping[str, Any]) -> bool:
    """True when the function wants the context."""
    parameters = set(inspect.signature(call).parameters)
    requires_context = "context" in parameters and trigger["name"] != "context"
    if requires_context:
        parameters.remove("context")
    if parameters != {trigger["name"]}:
        raise HostError(
            f"cannot load the {name} function: its parameters are {', '.join(sorted(parameters))}, "
            f"its binding is {trigger['name']}"
        )
    annotation = typing.get_type_hints(call).get(trigger["name"])
    if not isinstance(annotation, type) or annotation in (str, bytes):
        return requires_context
    if not converter(str(trigger["type"])).check_input_type_annotation(annotation):
        raise HostError(
            f"cannot load the {name} function: type of {trigger['name']} binding in function.json "
            f'"{trigger["type"]}" does not match its Python annotation "{annotation.__name__}"'
        )
    return requires_context


def _resolved(trigger: Mapping[str, Any]) -> Mapping[str, Any]:
    """Binding values with ``%SETTING%`` replaced by app settings, as the host does before it starts a listener."""

    def setting(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            raise HostError(f"'%{match[1]}%' does not resolve to a value")
        return value

    return {
        key: re.sub(r"%([^%\s]+)%", setting, value) if isinstance(value, str) and key != "route" else value
        for key, value in trigger.items()
    }


def _disabled(name: str) -> bool:
    return os.environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() in ("1", "true")
