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


def main(arguments: list[str]) -> int:
    """Prints the JSON; 2 with a reason when there is none."""
    if len(arguments) != 1:
        print("usage: python -m tools.to_json FILE.yaml", file=sys.stderr)
        return 2
    try:
        document = to_json(Path(arguments[0]))
    except (OSError, yaml.YAMLError) as error:
        print(f"{arguments[0]}: {error}", file=sys.stderr)
        return 2
    print(json.dumps(document, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
