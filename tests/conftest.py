"""What every test stands on: asyncio as the backend, time that jumps where a module asks for it."""

import pytest
from hypothesis import settings

from tests.support.virtual_time import JUMPING

settings.register_profile("noisy machines", deadline=None)  # a slow moment is no failure
settings.load_profile("noisy machines")


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """Plain asyncio; a test or module marked `jumping` runs on a loop whose time jumps instead of waiting."""
    return JUMPING if request.node.get_closest_marker("jumping") else "asyncio"
