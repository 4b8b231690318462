"""``/api/docs``: the OpenAPI document for people. Swagger UI and its style come from here, and from nowhere else: a
browser without internet shows the page, and no other host learns who reads it.

The files are those of the package ``fastapi-offline``, of which nothing is imported.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

from controlplane.errors import Fatal

PATH = "/api/docs"
SCRIPT, STYLE, ICON = "swagger-ui-bundle.js", "swagger-ui.css", "favicon.png"
_PACKAGE = "fastapi_offline"
_DAY = "public, max-age=86400"
#: The page begins Swagger UI by a script of its own; Swagger UI draws with styles and images that it carries.
_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:"
)


def install(app: FastAPI, document: str) -> None:
    """``document`` is the path of the OpenAPI document. Neither route is in it."""

    async def page(request: Request) -> HTMLResponse:
        root = str(request.scope.get("root_path", "")).rstrip("/")
        shown = get_swagger_ui_html(
            openapi_url=f"{root}{document}",
            title=app.title,
            swagger_js_url=f"{root}{PATH}/{SCRIPT}",
            swagger_css_url=f"{root}{PATH}/{STYLE}",
            swagger_favicon_url=f"{root}{PATH}/{ICON}",
            # Else a page of a public host may be sent to a validator on the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )
        shown.headers["content-security-policy"] = _POLICY
        return shown

    app.add_route(PATH, page, include_in_schema=False)
    app.add_route(f"{PATH}/{{name}}", _file, include_in_schema=False)


async def _file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in (SCRIPT, STYLE, ICON):
        raise HTTPException(404)
    return FileResponse(_files() / name, headers={"cache-control": _DAY})


@cache
def _files() -> Path:
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise Fatal("PackageMissing", f"{_PACKAGE} of requirements.txt is not installed.")
    return Path(found.submodule_search_locations[0]) / "static"
