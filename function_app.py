"""Every trigger, registered; no logic. What a function needs is imported when it is first called.

Anonymous at the host: the API checks Entra tokens itself, on every route. One route ``api/{*path}``, because a
catch-all ``/{*route}`` could shadow the host's own ``/admin`` and ``/runtime/webhooks``.
"""

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.function_name("api")
@app.route(route="api/{*path}")
async def api(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    """The REST API (docs/api.md)."""
    from controlplane import bootstrap

    return await func.AsgiMiddleware(bootstrap.http_app()).handle_async(req, context)


@app.function_name("ticks")
@app.queue_trigger(arg_name="message", queue_name="ticks", connection="AzureWebJobsStorage")
async def ticks(message: func.QueueMessage) -> None:
    """One tick of one object's state machine."""
    from controlplane import bootstrap
    from controlplane.triggers.ticks import run_tick

    await run_tick(message.get_body(), bootstrap.tick_deps(), bootstrap.upkeep(), bootstrap.machines)


@app.function_name("poison")
@app.queue_trigger(arg_name="message", queue_name="ticks-poison", connection="AzureWebJobsStorage")
async def poison(message: func.QueueMessage) -> None:
    """A message that five ticks failed at: its operation ends with the cause."""
    from controlplane import bootstrap
    from controlplane.triggers.poison import run_poison

    await run_poison(message.get_body(), bootstrap.care_deps(), bootstrap.machines)


@app.function_name("events")
@app.event_grid_trigger(arg_name="event")
async def events(event: func.EventGridEvent) -> None:
    """One event of a machine learning workspace, in either schema."""
    from controlplane import bootstrap
    from controlplane.triggers.events import run_event

    await run_event(event, bootstrap.intake_deps())


@app.function_name("wake")
@app.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False)
async def wake(timer: func.TimerRequest) -> None:
    """Each minute: what is due and unleased goes on the queue; what has lost its way gets it back."""
    from controlplane import bootstrap
    from controlplane.triggers.sweeps import keep_up, wake_due

    await wake_due(bootstrap.sweep_deps())
    await keep_up(bootstrap.sweep_deps())


@app.function_name("checkpoint")
@app.timer_trigger(arg_name="timer", schedule="0 0 * * * *", run_on_startup=False)
async def checkpoint(timer: func.TimerRequest) -> None:
    """Each hour: the heads of the audit's chains go where nobody can change them (docs/audit.md)."""
    from controlplane import bootstrap
    from controlplane.triggers.checkpoints import take_checkpoint

    await take_checkpoint(bootstrap.checkpoint_deps())


@app.function_name("monitors")
@app.timer_trigger(arg_name="timer", schedule="0 3,18,33,48 * * * *", run_on_startup=False)
async def monitors(timer: func.TimerRequest) -> None:
    """Each quarter of an hour, three minutes after its end: the sweep of endpoints, logs and monitors is due."""
    from controlplane import bootstrap
    from controlplane.triggers.monitors import begin_sweep

    await begin_sweep(bootstrap.monitor_deps())


@app.function_name("costs")
@app.timer_trigger(arg_name="timer", schedule="0 10 */4 * * *", run_on_startup=False)
async def costs(timer: func.TimerRequest) -> None:
    """Each four hours: what Azure says was spent is due to be read (docs/costs.md)."""
    from controlplane import bootstrap
    from controlplane.triggers.fleet import begin_costs

    await begin_costs(bootstrap.fleet_deps())


@app.function_name("live")
@app.timer_trigger(arg_name="timer", schedule="0 */4 * * * *", run_on_startup=False)
async def live(timer: func.TimerRequest) -> None:
    """Each four minutes: what runs now is due to be counted, where there is a budget."""
    from controlplane import bootstrap
    from controlplane.triggers.fleet import begin_live

    await begin_live(bootstrap.fleet_deps())


@app.function_name("fleet")
@app.timer_trigger(arg_name="timer", schedule="0 40 2 * * *", run_on_startup=False)
async def fleet(timer: func.TimerRequest) -> None:
    """Each night: who might be idle or past its end is due to be found (docs/costs.md)."""
    from controlplane import bootstrap
    from controlplane.triggers.fleet import begin_fleet

    await begin_fleet(bootstrap.fleet_deps())
