"""``python -m tools.to_json FILE``: a YAML example as the JSON that the API takes."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml


def to_json(path: Path) -> dict[str, Any]:
    """YAML as the API's JSON: dates are text there."""
    document: dict[str, Any] = json.loads(json.dumps(yaml.safe_load(path.read_text()), default=str))
    return document


if __name__ == "__main__":
    json.dump(to_json(Path(sys.argv[1])), sys.stdout, indent=2)
    sys.stdout.write("\n")
