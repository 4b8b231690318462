"""Indexing: what the worker would index, and what it or this host refuses."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from funchost.functions import Function, index
from funchost.host_json import HostError

_numbers = itertools.count()
_HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"
_TIMER = '@app.timer_trigger(arg_name="timer", schedule="0 * * * * *")\n'
_QUEUE = '@app.queue_trigger(arg_name="message", queue_name="%QUEUE%", connection="C")\n'


def indexed(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, head: str = _HEAD) -> tuple[Function, ...]:
    """Indexes an app under a module name of its own, as two apps of one name cannot be imported in one process."""
    script = f"app_under_test_{next(_numbers)}.py"
    (folder / script).write_text(head + text)
    monkeypatch.setenv("PYTHON_SCRIPT_FILE_NAME", script)
    monkeypatch.syspath_prepend(str(folder))
    return index(folder)


def test_functions_as_the_worker_sees_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE", "ticks")
    http, queue, timer = indexed(
        tmp_path,
        monkeypatch,
        '@app.route(route="api/{*path}")\n'
        "async def front(req: func.HttpRequest, context) -> func.HttpResponse: ...\n"
        + _QUEUE
        + "async def work(message: func.QueueMessage): ...\n"
        + _TIMER
        + "def wake(timer: func.TimerRequest): ...\n",
    )
    assert [(f.name, f.kind, f.group) for f in (http, queue, timer)] == [
        ("front", "http", "http"),
        ("work", "queue", "work"),
        ("wake", "timer", "wake"),
    ]
    assert [(f.is_async, f.requires_context, f.returns_http) for f in (http, queue, timer)] == [
        (True, True, True),
        (True, False, False),
        (False, False, False),
    ]
    assert queue.trigger["queueName"] == "ticks"
    assert timer.trigger["schedule"] == "0 * * * * *"
    assert http.directory == tmp_path


def test_a_disabled_function_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AzureWebJobs.one.Disabled", "true")
    text = _TIMER + "def one(timer): ...\n" + _TIMER + "def two(timer): ...\n"
    assert [f.name for f in indexed(tmp_path, monkeypatch, text)] == ["two"]


def test_blueprints_are_indexed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "blueprint = func.Blueprint()\n"
        '@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")\n'
        "def sweep(timer): ...\n"
        "app.register_functions(blueprint)\n"
    )
    assert [f.name for f in indexed(tmp_path, monkeypatch, text)] == ["sweep"]


REFUSED = {
    "another parameter name": _TIMER + "def f(time): ...\n",
    "a parameter without binding": _TIMER + "def f(timer, other): ...\n",
    "another type": _TIMER + "def f(timer: func.HttpRequest): ...\n",
    "a setting that is not there": _QUEUE.replace("QUEUE", "NOT_SET") + "def f(message): ...\n",
    "an unknown trigger": '@app.blob_trigger(arg_name="b", path="c/d", connection="C")\ndef f(b): ...\n',
    "an output binding": _TIMER
    + '@app.queue_output(arg_name="out", queue_name="q", connection="C")\ndef f(timer, out): ...\n',
    "two apps": "second = func.FunctionApp()\n",
    "one name twice": '@app.function_name("f")\n'
    + _TIMER
    + 'def a(timer): ...\n@app.function_name("F")\n'
    + _TIMER
    + "def b(timer): ...\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(HostError):
        indexed(tmp_path, monkeypatch, REFUSED[name])


def test_no_app_and_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HostError):
        indexed(tmp_path, monkeypatch, "", head="app = 1\n")
    monkeypatch.setenv("PYTHON_SCRIPT_FILE_NAME", "absent.py")
    with pytest.raises(HostError):
        index(tmp_path)
