"""A small app for the tests of funchost: it writes down what it was called with, as lines of JSON."""

import asyncio
import json
import os
import time
from pathlib import Path

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


def note(**values: object) -> None:
    """Appends one line; a single write of less than a page is not torn between processes."""
    line = json.dumps({"pid": os.getpid(), "at": time.time(), **values}) + "\n"
    descriptor = os.open(Path(os.environ["NOTES"]), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(descriptor, line.encode())
    os.close(descriptor)


async def asgi(scope, receive, send):  # type: ignore[no-untyped-def]
    """An ASGI app that answers with what it got."""
    body = (await receive()).get("body", b"")
    seen = {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "headers": sorted([name.decode(), value.decode()] for name, value in scope["headers"]),
        "body": body.decode(),
        "function": scope["azure_functions.function_name"],
        "pid": os.getpid(),
    }
    headers = [(b"content-type", b"application/json"), (b"x-answer", b"yes")]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(seen).encode()})


@app.function_name("front")
@app.route(route="api/{*path}")
async def front(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return await func.AsgiMiddleware(asgi).handle_async(req, context)


@app.function_name("plain")
@app.route(route="plain/{id:int}", methods=["GET"])
def plain(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    if req.params.get("fail"):
        raise ValueError("asked to fail")
    seen = {
        "id": req.route_params["id"],
        "params": dict(req.params),
        "url": req.url,
        "function": context.function_name,
        "directory": str(context.function_directory),
        "invocation": context.invocation_id == context.thread_local_storage.invocation_id,
        "retries": context.retry_context.retry_count,
        "trace": context.trace_context.trace_parent,
    }
    return func.HttpResponse(json.dumps(seen), mimetype="application/json", headers={"Set-Cookie": "a=b; Path=/"})


@app.function_name("work")
@app.queue_trigger(arg_name="message", queue_name="%WORK_QUEUE%", connection="AzureWebJobsStorage")
async def work(message: func.QueueMessage) -> None:
    text = message.get_body().decode()
    order = json.loads(text) if text.startswith("{") else {}
    seen = {"id": message.id, "count": message.dequeue_count, "receipt": message.pop_receipt}
    times = [str(message.insertion_time), str(message.expiration_time), str(message.time_next_visible)]
    note(event="begin", body=text, times=times, **seen)
    while "until" in order and not Path(order["until"]).exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.02)
    await asyncio.sleep(order.get("sleep", 0))
    if order.get("die"):
        os._exit(3)
    note(event="end", body=text, id=message.id)
    if order.get("fail"):
        raise ValueError("asked to fail")


@app.function_name("tick")
@app.timer_trigger(arg_name="timer", schedule="* * * * * *", run_on_startup=True)
def tick(timer: func.TimerRequest) -> None:
    note(event="tick", past_due=timer.past_due, status=timer.schedule_status, schedule=timer.schedule)


@app.function_name("minutely")
@app.timer_trigger(arg_name="timer", schedule="0 */5 * * * *")
async def minutely(timer: func.TimerRequest) -> None:
    note(event="minutely", past_due=timer.past_due, status=timer.schedule_status, schedule=timer.schedule)


@app.function_name("events")
@app.event_grid_trigger(arg_name="event")
async def events(event: func.EventGridEvent) -> None:
    data = event.get_json()
    order = data if isinstance(data, dict) else {}
    note(event="delivered", kind=type(event).__name__, id=event.id, data=data)
    await asyncio.sleep(order.get("sleep", 0))
    if order.get("die"):
        os._exit(3)
    if order.get("fail"):
        raise ValueError("asked to fail")
