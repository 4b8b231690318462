from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trustme

from controlplane.azure.arm_client import ArmClient
from tests.unit.azure.server import FakeArm, serve

CLIENT_ID = "11111111-2222-3333-4444-555555555555"
IDENTITY_HEADER = "identity-header-secret"


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def arm(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeArm]:
    """ARM and the identity endpoint, found only by what the platform's environment says."""
    certificate = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(certificate))
    async with serve(FakeArm(), authority) as fake:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{fake.endpoint}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", IDENTITY_HEADER)
        yield fake


@pytest.fixture
async def elsewhere(authority: trustme.CA) -> AsyncIterator[FakeArm]:
    """Another server whose certificate is just as good: nothing but the host check keeps a token from it."""
    async with serve(FakeArm(), authority) as fake:
        yield fake


@pytest.fixture
async def client(arm: FakeArm) -> AsyncIterator[ArmClient]:
    client = ArmClient(arm.endpoint, CLIENT_ID)
    yield client
    await client.close()
