"""`python -m simulator`: serve (the default), `token`, `inject`."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer

from simulator.server.run import Options, serve

app = typer.Typer(add_completion=False, help="An Azure that runs on this machine, over HTTPS.")
inject_app = typer.Typer(help="Make something happen, as a person with Owner rights would do it by hand.")
app.add_typer(inject_app, name="inject")

ENV_FILE = ".local/azure.env"
EnvFile = Annotated[str, typer.Option("--env-file", help="The env file that the running simulator wrote.")]


@app.callback(invoke_without_command=True)
def main(
    ctx: typer.Context,
    port: Annotated[int, typer.Option(help="0 takes a free port.")] = 8443,
    state: Annotated[str, typer.Option(help="SQLite file to keep, or :memory:.")] = ":memory:",
    time_scale: Annotated[float, typer.Option(help="Durations are divided by this.")] = 100.0,
    seed: Annotated[str, typer.Option(help="Ids and addresses depend on it.")] = "contoso",
    record: Annotated[str | None, typer.Option(help="JSON-lines file of every call.")] = None,
    faults: Annotated[str | None, typer.Option(help="YAML file of fault rules.")] = None,
    roles: Annotated[str | None, typer.Option(help="Folder of the product's own roles; infra/ when absent.")] = None,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Serve until Ctrl-C."""
    if ctx.invoked_subcommand is None:
        if time_scale <= 0:
            raise typer.BadParameter("must be greater than 0", param_hint="--time-scale")
        serve(Options(port, state, time_scale, seed, record, faults, env_file, roles))


@app.command()
def token(
    role: Annotated[list[str] | None, typer.Option(help="App role; may be repeated.")] = None,
    user: Annotated[str, typer.Option(help="Who the token is for.")] = "ada",
    group: Annotated[list[str] | None, typer.Option(help="Group, by name or GUID; may be repeated.")] = None,
    application: Annotated[bool, typer.Option("--app", help="For an application (idtyp app).")] = False,
    id_token: Annotated[bool, typer.Option("--id-token", help="An ID token instead of an access token.")] = False,
    expired: Annotated[bool, typer.Option("--expired", help="Expired an hour ago.")] = False,
    overage: Annotated[bool, typer.Option("--group-overage", help="Groups by reference only.")] = False,
    arm: Annotated[bool, typer.Option("--arm", help="For Azure Resource Manager.")] = False,
    audience: Annotated[str | None, typer.Option(help="Another audience than the control plane's API.")] = None,
    tenant: Annotated[str | None, typer.Option(help="Another tenant.")] = None,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Print a signed token."""
    wish = {
        "roles": role or [], "user": user, "groups": group or [], "app": application, "id_token": id_token,
        "expired": expired, "group_overage": overage, "arm": arm, "audience": audience, "tenant": tenant,
    }  # fmt: skip
    typer.echo(_post(env_file, "tokens", wish)["access_token"])


@inject_app.command("public-access")
def public_access(
    account: Annotated[str, typer.Option(help="Storage account, by id or name.")], env_file: EnvFile = ENV_FILE
) -> None:
    """Somebody opens a storage account to the public."""
    typer.echo(_post(env_file, "inject", {"kind": "public-access", "account": account})["id"])


@inject_app.command("delete-dns-link")
def delete_dns_link(
    zone: Annotated[str, typer.Option(help="Private DNS zone, by id or name.")],
    link: Annotated[str | None, typer.Option(help="Link, by name; the first one when absent.")] = None,
    workspace_group: Annotated[str | None, typer.Option(help="Resource group of the zone.")] = None,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Somebody deletes a virtual network link of a private DNS zone."""
    wish = {"kind": "delete-dns-link", "zone": zone, "link": link, "resourceGroup": workspace_group}
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("arm")
def arm(
    method: Annotated[str, typer.Argument(help="GET, PUT, PATCH, POST or DELETE.")],
    path: Annotated[str, typer.Argument(help="ARM id, from /subscriptions on.")],
    api_version: Annotated[str, typer.Option("--api-version", help="Version of the resource type's API.")],
    body: Annotated[str, typer.Option(help="The body, as JSON.")] = "null",
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Any call of Azure Resource Manager: make what has to be there, or break what is there."""
    try:
        said = json.loads(body)
    except ValueError as error:
        raise typer.BadParameter(f"not JSON: {error}", param_hint="--body") from error
    wish = {"kind": "arm", "method": method, "path": path, "apiVersion": api_version, "body": said}
    answer = _post(env_file, "inject", wish)
    typer.echo(answer["status"] if answer["body"] is None else json.dumps(answer["body"], indent=2))


@inject_app.command("model-registered")
def model_registered(
    workspace: Annotated[str, typer.Option(help="Azure ML workspace, by id or name.")],
    model: Annotated[str, typer.Option(help="Name of the model.")],
    version: Annotated[str, typer.Option(help="Its version.")] = "1",
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Somebody registers a model: Event Grid tells whoever subscribed to the workspace."""
    wish = {"kind": "model-registered", "workspace": workspace, "model": model, "version": version}
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("drift")
def drift(
    workspace: Annotated[str, typer.Option(help="Azure ML workspace, by id or name.")],
    endpoint: Annotated[str | None, typer.Option(help="Online endpoint whose monitors see it.")] = None,
    model: Annotated[str | None, typer.Option(help="Model whose monitors see it.")] = None,
    severity: Annotated[str, typer.Option(help="low, medium, high; none ends it.")] = "medium",
    windows: Annotated[
        int | None, typer.Option(help="For so many runs of each monitor; on and on when absent.")
    ] = None,
    feature: Annotated[list[str] | None, typer.Option(help="A feature that drifts; may be repeated.")] = None,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """The world changes under a model: runs of its monitors find breaches from now on."""
    wish = {
        "kind": "drift", "workspace": workspace, "endpoint": endpoint, "model": model, "severity": severity,
        "windows": windows, "features": feature or [],
    }  # fmt: skip
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("event")
def event(
    topic: Annotated[str, typer.Option(help="Id of the resource that the event is about.")],
    event_type: Annotated[str, typer.Option("--type", help="Microsoft.MachineLearningServices.RunCompleted, ...")],
    subject: Annotated[str, typer.Option(help="Its subject.")] = "",
    data: Annotated[str, typer.Option(help="Its data, as JSON.")] = "{}",
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Any event of a resource."""
    wish = {"kind": "event", "topic": topic, "eventType": event_type, "subject": subject, "data": json.loads(data)}
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("traffic")
def traffic(
    endpoint: Annotated[str, typer.Option(help="Online endpoint, by id or name.")],
    fields: Annotated[list[str], typer.Option("--set", help="requestsPerMinute=120, latencyMs=80, statuses={...}.")],
    workspace: Annotated[str | None, typer.Option(help="Its workspace, where names are the same.")] = None,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """An online endpoint gets other calls from now on."""
    pairs = (one.partition("=") for one in fields)
    wish = {"kind": "traffic", "endpoint": endpoint, "workspace": workspace}
    typer.echo(json.dumps(_post(env_file, "inject", {**wish, **{k: json.loads(v) for k, _, v in pairs}})["traffic"]))


@inject_app.command("latency")
def latency(
    endpoint: Annotated[str, typer.Option(help="Online endpoint, by id or name.")],
    ms: Annotated[float, typer.Option(help="Median of its latency from now on.")] = 2000,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """An online endpoint becomes slow."""
    wish = {"kind": "latency", "endpoint": endpoint, "latencyMs": ms}
    typer.echo(json.dumps(_post(env_file, "inject", wish)["traffic"]))


@inject_app.command("errors")
def errors(
    endpoint: Annotated[str, typer.Option(help="Online endpoint, by id or name.")],
    share: Annotated[float, typer.Option(help="Share of its calls that end with 500 from now on.")] = 0.2,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """An online endpoint begins to fail."""
    wish = {"kind": "errors", "endpoint": endpoint, "errorShare": share}
    typer.echo(json.dumps(_post(env_file, "inject", wish)["traffic"]))


@inject_app.command("cost")
def cost(
    scope: Annotated[str, typer.Option(help="Resource or resource group, by id or name.")],
    amount: Annotated[float, typer.Option(help="So many dollars more.")],
    days: Annotated[float, typer.Option(help="Spent evenly over so many days; at once when 0.")] = 0,
    ago_days: Annotated[float, typer.Option(help="The last of them was so many days ago.")] = 0,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """More was spent than what exists explains."""
    wish = {"kind": "cost", "scope": scope, "amount": amount, "days": days, "agoDays": ago_days}
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("usage")
def usage(
    resource: Annotated[str, typer.Option(help="Resource, by id or name.")],
    meter: Annotated[str, typer.Option(help="A counted meter of simulator/data/prices.csv.")],
    quantity: Annotated[float, typer.Option(help="Gigabytes, operations, queries.")],
    days: Annotated[float, typer.Option(help="Used evenly over so many days; at once when 0.")] = 0,
    ago_days: Annotated[float, typer.Option(help="The last of them was so many days ago.")] = 0,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Data went through, operations were made: what does not follow from what exists."""
    wish = {
        "kind": "usage", "resource": resource, "meter": meter, "quantity": quantity, "days": days, "agoDays": ago_days,
    }  # fmt: skip
    typer.echo(json.dumps({"cost": _post(env_file, "inject", wish)["cost"]}))


@inject_app.command("idle")
def idle(
    workspace: Annotated[str, typer.Option(help="Azure ML workspace, by id or name.")],
    days: Annotated[float, typer.Option(help="For so many days already.")] = 0,
    but: Annotated[
        list[str] | None, typer.Option("--except", help="schedules, jobs, clusters, instances, endpoints.")
    ] = None,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Nobody uses a workspace any more."""
    wish = {"kind": "idle", "workspace": workspace, "days": days, "except": but or []}
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("metrics-gap")
def metrics_gap(
    resource: Annotated[str, typer.Option(help="Resource, by id or name.")],
    hours: Annotated[float, typer.Option(help="So many hours without samples.")],
    ago_hours: Annotated[float, typer.Option(help="The last of them was so many hours ago.")] = 0,
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Azure Monitor took no samples of a resource for a while."""
    wish = {"kind": "metrics-gap", "resource": resource, "hours": hours, "agoHours": ago_hours}
    typer.echo(_post(env_file, "inject", wish)["id"])


@inject_app.command("alert")
def alert(
    kind: Annotated[str, typer.Option(help="activity-log, resource-health, service-health, budget, metric, log, ...")],
    action_group: Annotated[str, typer.Option(help="Action group, by id or name.")],
    target: Annotated[str, typer.Option(help="Id of what the alert is about.")],
    env_file: EnvFile = ENV_FILE,
) -> None:
    """Azure Monitor sends a notice of a kind that nothing here brings about by itself."""
    wish = {"kind": kind, "actionGroup": action_group, "target": target}
    typer.echo(json.dumps(_post(env_file, "alerts", wish)["payload"]))


def _post(env_file: str, endpoint: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call a control endpoint of the running simulator."""
    path = Path(env_file)
    if not path.exists():
        typer.echo(f"{env_file} does not exist: is the simulator running?", err=True)
        raise typer.Exit(2)
    pairs = (line.partition("=") for line in path.read_text(encoding="utf-8").splitlines())
    values = {name: value for name, _, value in pairs}
    url = f"{values['SIMULATOR_URL']}/simulator/{endpoint}"
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})  # noqa: S310
    trust = ssl.create_default_context(cafile=values["SSL_CERT_FILE"])
    try:
        with urllib.request.urlopen(request, context=trust) as answer:  # noqa: S310
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        typer.echo(error.read().decode(), err=True)
        raise typer.Exit(1) from error
    except urllib.error.URLError as error:
        typer.echo(f"no answer from {url}: {error.reason}", err=True)
        raise typer.Exit(2) from error


if __name__ == "__main__":
    app(prog_name="python -m simulator")
