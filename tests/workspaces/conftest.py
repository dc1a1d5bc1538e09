"""What tests of workspaces with walls share: where there are none, they skip and say why."""

import sys

import pytest

from evalharness.errors import Unmeasured
from evalharness.model import Extension
from evalharness.registry import build
from evalharness.workspaces import bubblewrap, engine
from tests.running import ROOT

sys.path.append(str(ROOT / "benchmarks"))


@pytest.fixture(scope="session")
def sandboxed():
    """Skip where no sandbox can be made."""
    if reason := bubblewrap.missing():
        pytest.skip(f"no sandbox: {reason}")


@pytest.fixture(scope="session")
def container_engine():
    """The container engine of this machine."""
    found = engine.found("auto", None)
    reason = found.up() if found else "neither podman nor docker is installed"
    if found is None or reason:
        pytest.skip(f"no container: {reason}")
    return found


@pytest.fixture(scope="session")
def image(container_engine):
    """An image with nothing but a static busybox in it."""
    from escapes import busybox_image  # noqa: PLC0415 - a script beside the package, found by the path above

    try:
        made = busybox_image(container_engine)
        with build("workspace", Extension(use="container", options={"image": made})).fresh() as workspace:
            workspace.run(["true"], timeout=60)
    except SystemExit as exc:
        pytest.skip(f"no image: {exc}")
    except Unmeasured as exc:  # an engine that answers and may start nothing, as inside other containers
        pytest.skip(f"no container: {exc.detail}")
    return made


@pytest.fixture(params=["sandbox", "container"])
def walled(request):
    """Make workspaces with walls of either kind, with these options."""
    if request.param == "sandbox":
        request.getfixturevalue("sandboxed")
        given = {}
    else:
        given = {"image": request.getfixturevalue("image")}
    return lambda **options: build("workspace", Extension(use=request.param, options={**given, **options}))


@pytest.fixture
def place(walled):
    """A fresh workspace with walls, of either kind."""
    with walled().fresh() as workspace:
        yield workspace
