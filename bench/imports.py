"""What a cold start pays: importing ``function_app`` against importing the libraries any such app imports."""

from __future__ import annotations

import statistics
import subprocess
import sys

from bench.figures import Figure

_ROUNDS = 7
#: Not by ``ru_maxrss``: a child's begins with what its parent had, and other benches ran in there before.
_PROBE = (
    "import time; started = time.perf_counter(); {imports}; took = time.perf_counter() - started; "
    "import psutil; print(took, psutil.Process().memory_info().rss / 2**20)"
)
_APP = "import function_app"
_LIBRARIES = "import azure.functions, fastapi, pydantic"
_FIRST_REQUEST = "import function_app; from controlplane.http.app import create_app; create_app(lambda: None)"


def measure() -> list[Figure]:
    """Medians of fresh processes, taken in turns."""
    runs: dict[str, list[tuple[float, float]]] = {_APP: [], _LIBRARIES: [], _FIRST_REQUEST: []}
    for _ in range(_ROUNDS):
        for imports, samples in runs.items():
            samples.append(_probe(imports))
    seconds = {imports: statistics.median(s for s, _ in samples) for imports, samples in runs.items()}
    memory = {imports: statistics.median(m for _, m in samples) for imports, samples in runs.items()}
    return [
        Figure(
            "import function_app / import azure.functions, fastapi, pydantic",
            seconds[_APP] / seconds[_LIBRARIES],
            "×",
            1.5,
            f"{seconds[_APP] * 1000:.0f} ms / {seconds[_LIBRARIES] * 1000:.0f} ms",
        ),
        Figure("resident after import function_app", memory[_APP], "MB", 120),
        Figure(
            "import function_app and the API / the same libraries",
            seconds[_FIRST_REQUEST] / seconds[_LIBRARIES],
            "×",
            note=f"what the first request waits for; {memory[_FIRST_REQUEST]:.0f} MB",
        ),
    ]


def _probe(imports: str) -> tuple[float, float]:
    command = [sys.executable, "-c", _PROBE.format(imports=imports)]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(out[0]), float(out[1])
