"""Where a bearer token may go: one origin, ARM's. Pure.

Every URL that comes out of an answer (nextLink, Location, Azure-AsyncOperation) passes :func:`absolute`, and the
pipeline checks each request once more before it attaches the token.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from controlplane.errors import Fatal

_BATCH = re.compile(r"[a-z0-9-]+\.[a-z0-9]+\.inference\.ml\.azure\.(com|us|cn)")


def origin(url: str) -> tuple[str, str, int] | None:
    """(scheme, host, port) with the default port filled in: recordings show ``https://management.azure.com:443/``.

    None for what is not a plain absolute https URL. User info, backslashes and control characters are refused
    because two parsers may read two different hosts out of them.
    """
    if "\\" in url or any(character <= " " or character == "\x7f" for character in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme.lower() != "https" or not parts.hostname or "@" in parts.netloc:
        return None
    return "https", parts.hostname.rstrip("."), port or 443


def ensure_trusted(url: str, endpoint: str) -> None:
    """Raises ``Fatal("UnexpectedHost")`` unless ``url`` lies on the origin of ``endpoint``. Shows no path or query:
    operation URLs are signed."""
    found, expected = origin(url), origin(endpoint)
    if found is None or found != expected:
        named = f"{found[1]}:{found[2]}" if found else "something that is not an https URL"
        raise Fatal("UnexpectedHost", f"An answer points to {named}; tokens go to {endpoint} and nowhere else.")


def is_batch_data_plane(url: str) -> bool:
    """Whether it is where a batch endpoint takes invocations: ``https://{name}.{region}.inference.ml.azure.com/jobs``.
    Source: "Network isolation in batch endpoints"."""
    found = origin(url)
    return found is not None and found[2] == 443 and bool(_BATCH.fullmatch(found[1])) and urlsplit(url).path == "/jobs"


def absolute(link: str, base: str, endpoint: str) -> str:
    """``link`` from an answer to a request for ``base``, as an absolute URL that was found trusted."""
    try:
        url = urljoin(base, link)
    except (ValueError, TypeError) as error:  # A link in a body may be a number or a list as well.
        raise Fatal("UnexpectedHost", "An answer points to something that is not a URL.") from error
    ensure_trusted(url, endpoint)
    return url
