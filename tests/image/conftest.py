"""The image, built once in a test run."""

import pytest

from tests.image import engine
from tests.lab import ad


@pytest.fixture(scope="session", autouse=True)
def _image() -> None:
    """Build the image. Without GMSA_LAB=required nothing is built or installed: there is one already, or a skip."""
    if not ad.required():
        if not engine.built():
            pytest.skip("no image: `make image` builds it")
        return
    try:
        engine.build()
    except engine.ImageUnavailableError as error:
        pytest.fail(f"the image is required: {error}", pytrace=False)
