"""The small world, with its blueprint in place of a compiled spec."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.tick_world import World, meaning


@pytest.fixture
def world() -> Iterator[World]:
    with meaning(World()) as made:
        yield made
