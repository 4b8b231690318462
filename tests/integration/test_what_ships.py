"""What is deployed: the zip that ``.funcignore`` leaves, with nothing installed beside it but ``requirements.txt``."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.package import ROOT, build

#: At the top of the zip; whatever comes to it has to be wanted here.
SHIPPED = {"LICENSE", "controlplane", "function_app.py", "host.json", "requirements.txt"}
#: The zip of sources is half a megabyte; ten times that is something that does not belong there.
MAX_BYTES = 4 * 1024 * 1024
#: What may lie about in a working folder, secrets among it.
DECOYS = (
    ".git/config", ".local/azure.env", ".local/ca.pem", ".venv/lib/x.py", ".env", ".vscode/settings.json",
    "local.settings.json", "local.settings.sample.json", "simulator/app.py", "funchost/host.py", "tests/test_x.py",
    "bench/x.py", "tools/x.py", "tools/azurite/node_modules/a/index.js", "node_modules/a/index.js", "docs/x.md",
    "examples/x.yaml", "infra/role.json", "build/package.zip", "server.pem", "controlplane/server.key",
    "controlplane/client.pfx", "store.db", "store.db-wal", "controlplane/dev.env", "README.md", "controlplane/NOTES.md",
    "controlplane/__pycache__/x.cpython-311.pyc", "x.egg-info/PKG-INFO", "requirements-dev.txt", "pyproject.toml",
    "spec.json", "notes.txt", "secrets/token", "scratch.py",
)  # fmt: skip
KEPT = ("function_app.py", "host.json", "requirements.txt", "controlplane/__init__.py", "controlplane/data/table.json")

_INDEX = """
import json, sys
import function_app
functions = {f.get_function_name(): json.loads(str(f))["bindings"] for f in function_app.app.get_functions()}
print(json.dumps({"functions": functions, "from": function_app.__file__}, default=str))
"""
_IMPORT_ALL = """
import importlib, pkgutil, sys, warnings
warnings.simplefilter("ignore")
import controlplane
names = [m.name for m in pkgutil.walk_packages(controlplane.__path__, "controlplane.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
_FIND = """
import importlib.util, json, sys
def there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False
print(json.dumps([name for name in json.load(sys.stdin) if not there(name)]))
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(target=tmp_path_factory.mktemp("zip") / "package.zip")


@pytest.fixture(scope="module")
def unpacked(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("app")
    with zipfile.ZipFile(package) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def python(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An interpreter that has the packages of the zip's own ``requirements.txt``, by their hashes, and no others.

    They come from uv's cache, where ``make setup`` put them; the network is asked only when they are not there.
    """
    place = tmp_path_factory.mktemp("only") / "venv"
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, str(place)], check=True)
    found = place / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--require-hashes", "--python", str(found)]
    install += ["-r", str(unpacked / "requirements.txt")]
    if subprocess.run([*install, "--offline"], check=False, capture_output=True).returncode != 0:
        subprocess.run(install, check=True)
    yield found
    shutil.rmtree(place)


def run(python: Path, program: str, folder: Path, given: str = "") -> Any:
    """What a program prints, in a process that sees the unpacked zip and the packages, and no other path."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r})\n{program}"
    done = subprocess.run(
        [python, "-I", "-c", code], cwd=folder, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_the_zip_holds_what_runs_and_nothing_else(package: Path) -> None:
    with zipfile.ZipFile(package) as archive:
        names = archive.namelist()
    size = package.stat().st_size
    print(f"package.zip: {len(names)} files, {size / 1024:.0f} KiB")
    assert {name.partition("/")[0] for name in names} == SHIPPED
    assert {Path(name).suffix for name in names if name.startswith("controlplane/")} <= {
        ".py",
        ".json",
        ".typed",
        ".csv",
    }
    assert "controlplane/bootstrap/__init__.py" in names
    assert size < MAX_BYTES


def test_what_lies_about_stays_behind(tmp_path: Path) -> None:
    for path in (*DECOYS, *KEPT):
        file = tmp_path / "work" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("x")
    shutil.copy(ROOT / ".funcignore", tmp_path / "work")
    with zipfile.ZipFile(build(tmp_path / "work", tmp_path / "package.zip")) as archive:
        assert sorted(archive.namelist()) == sorted(KEPT)


def test_the_same_tree_gives_the_same_zip(package: Path, tmp_path: Path) -> None:
    assert build(target=tmp_path / "again.zip").read_bytes() == package.read_bytes()


def test_the_function_app_is_indexed_from_it(unpacked: Path, python: Path) -> None:
    found, here = run(python, _INDEX, unpacked), run(Path(sys.executable), _INDEX, ROOT)
    assert found["from"] == str(unpacked / "function_app.py")
    assert found["functions"] == here["functions"]
    kinds = {name: {str(b["type"]) for b in bindings} for name, bindings in found["functions"].items()}
    assert {"httpTrigger", "queueTrigger", "timerTrigger"} <= set().union(*kinds.values())


def test_every_module_imports_with_nothing_else_installed(unpacked: Path, python: Path) -> None:
    assert run(python, _IMPORT_ALL, unpacked) > 100


def _is_import_module(node: ast.AST) -> bool:
    """``importlib.import_module(...)``, or handed to a thread."""
    return isinstance(node, ast.Attribute) and node.attr == "import_module"


def imports(path: Path) -> set[str]:
    """Modules that a file imports anywhere: statements, and ``import_module`` of a text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=names):
                found |= {name.name for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module)
            case ast.Call(func=called, args=[*parts]) if any(map(_is_import_module, (called, *parts))):
                found |= {
                    part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)
                }
            case _:
                pass
    return found


def test_every_import_of_the_product_is_in_requirements(unpacked: Path, python: Path) -> None:
    """Also those inside functions, which no import of a module reaches."""
    files = [unpacked / "function_app.py", *(unpacked / "controlplane").rglob("*.py")]
    third_party = {
        name
        for file in files
        for name in imports(file)
        if name.partition(".")[0] not in sys.stdlib_module_names | {"controlplane"}
    }
    assert {"rfc8785", "fastapi", "azure.storage.blob.aio", "azure.ai.ml"} <= third_party
    assert run(python, _FIND, unpacked, json.dumps(sorted(third_party))) == []


def test_nothing_of_the_tests_is_installed_beside_it(unpacked: Path, python: Path) -> None:
    missing = run(
        python, _FIND, unpacked, json.dumps(["pytest", "simulator", "funchost", "tools", "trustme", "uvicorn"])
    )
    assert missing == ["pytest", "simulator", "funchost", "tools", "trustme", "uvicorn"]
