"""The Azure CLI in one process: reads one command a line from stdin, answers one line each on stdout.

Runs with the interpreter of `.venv-az`, which holds nothing but the Azure CLI; so it imports nothing of ours. A process
for every command would cost over a second each, nearly all of it imports.

In: `["group", "list"]`. Out: `{"exit": 0, "out": "...", "error": "..."}`; `error` is what the CLI logged as one.
"""

from __future__ import annotations

import io
import json
import logging
import sys

from azure.cli.core import get_default_cli


class Errors(logging.Handler):
    """Keeps what the CLI would have printed in red."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


def main() -> None:
    answers = sys.stdout
    sys.stdout = sys.stderr  # whatever else prints must not be taken for an answer
    errors = Errors()
    logging.getLogger("cli").addHandler(errors)
    for line in sys.stdin:
        printed, errors.said = io.StringIO(), []
        try:
            code = get_default_cli().invoke(json.loads(line), out_file=printed)
        except SystemExit as ended:  # how some commands report that there is no such thing
            code = ended.code
        answers.write(json.dumps({"exit": code, "out": printed.getvalue(), "error": "\n".join(errors.said)}) + "\n")
        answers.flush()


main()
