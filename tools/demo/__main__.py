"""``python -m tools.demo [--serve]``: start everything, walk through the main job, say where things listen."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Annotated

import httpx
import typer

from tools.demo import screen
from tools.demo.api import Refused
from tools.demo.chapters import walk_through
from tools.demo.serving import serve as serve_on
from tools.demo.walk import Unexpected
from tools.local import ROOT, LocalStack, StartFailed, local_stack

#: What people expect, or `make run SIMULATOR_PORT=… API_PORT=…`; a demo runs beside anything on free ones.
_PORTS = (int(os.environ.get("SIMULATOR_PORT", "8443")), int(os.environ.get("API_PORT", "7071")))
_LOCAL = ROOT / ".local"


def main(
    serve: Annotated[bool, typer.Option(help="Keep serving until Ctrl-C, on ports 8443 and 7071.")] = False,
    time_scale: Annotated[float, typer.Option(help="How much faster than Azure.")] = 20.0,
    picture: Annotated[Path | None, typer.Option(help="Save what was shown as an SVG.")] = None,
    faults: Annotated[Path | None, typer.Option(help="A faults file for the simulator: watch what happens.")] = None,
    directory: Annotated[
        Path | None, typer.Option(help="State and logs; .local, or .local/demo without --serve.")
    ] = None,
) -> None:
    """Exits 0 when every chapter held."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # What serves keeps its files where the commands of the README look; a demo beside it has its own.
    directory = directory or (_LOCAL if serve else _LOCAL / "demo")
    try:
        options = ("--faults", str(faults)) if faults else ()
        ports = _PORTS if serve else (0, 0)
        with local_stack(directory, *options, time_scale=time_scale, ports=ports, platform=True) as stack:
            walk_through(stack)
            if picture is not None:
                screen.save_picture(picture)
            if serve:
                _serve(stack)
    except (Unexpected, Refused, StartFailed, httpx.HTTPError, TimeoutError) as error:
        screen.console.print(f"\n[red bold]failed[/]: {error}", highlight=False)
        screen.said(f"logs are in {directory}")
        raise typer.Exit(1) from error
    screen.console.print("\n[green bold]every chapter held[/]")


def _serve(stack: LocalStack) -> None:
    screen.console.print()
    screen.console.rule("Serving until Ctrl-C", align="left")
    screen.said(f"API        {stack.api_url}/api   (api-version=2026-11-01)")
    screen.said(f"its docs   {stack.api_url}/api/docs")
    screen.said(f"simulator  {stack.azure['SIMULATOR_URL']}   (environment in {stack.directory / 'azure.env'})")
    screen.said("a token    .venv/bin/python -m simulator token --role Platform.Admin --user ada")
    screen.said("time       PUT /simulator/clock; what the timers would have done meanwhile follows at once")
    try:
        serve_on(stack)
    except KeyboardInterrupt:
        screen.said("stopping")


if __name__ == "__main__":
    cli = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    cli.command()(main)
    cli()
