"""What tests of workspaces with walls share: where there are none, they skip and say why."""

import functools
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from evalharness.errors import Unmeasured
from evalharness.model import Extension
from evalharness.registry import build
from evalharness.workspaces import bubblewrap, engine
from evalharness.workspaces.container import ContainerWorkspaces
from evalharness.workspaces.engine import Engine
from tests.running import ROOT

sys.path.append(str(ROOT / "benchmarks"))


@pytest.fixture(scope="session")
def sandboxed():
    """Skip where no sandbox can be made."""
    if reason := bubblewrap.missing():
        pytest.skip(f"no sandbox: {reason}")


@dataclass(frozen=True)
class Containers:
    """A container engine, and an image in it that holds nothing but a static busybox."""

    engine: Engine
    image: str

    @property
    def options(self) -> dict[str, Any]:
        """Return the options of a suite's workspace."""
        return {"engine": self.engine.program, "image": self.image}

    def made(self, **options: Any) -> ContainerWorkspaces:
        """Make workspaces in containers, of that image unless the options say otherwise."""
        given = {"engine": self.engine.program} if "dockerfile" in options else self.options
        return ContainerWorkspaces(**{**given, **options})


@pytest.fixture(scope="session")
def engines(request):
    """Give containers by the name of an engine; where there are none, skip and say why."""
    with pytest.MonkeyPatch.context() as patch:

        @functools.cache
        def tried(name):
            if name == "docker":
                patch.setenv("DOCKER_HOST", request.getfixturevalue("docker_host"))
            found = engine.found(name, None)
            return _tried(found) if found else f"{name} is not installed"

        def given(name):
            if isinstance(found := tried(name), str):
                pytest.skip(f"no container: {found}")
            return found

        yield given


def _tried(found):
    from escapes import busybox_image  # noqa: PLC0415 - a script beside the package, found by the path above

    if reason := found.up():
        return reason
    try:
        containers = Containers(found, busybox_image(found))
        with containers.made().fresh() as workspace:
            workspace.run(["true"], timeout=60)
    except SystemExit as exc:
        return str(exc)
    except Unmeasured as exc:  # an engine that answers and may start nothing, as inside other containers
        return exc.detail
    return containers


@pytest.fixture(params=["podman", "docker"])
def containers(request, engines):
    """Containers of either engine: for tests of what engines may do differently."""
    return engines(request.param)


@pytest.fixture
def any_containers(engines):
    """Containers of one engine, the faster one where there are both: for tests of what lies above them."""
    try:
        return engines("docker")
    except pytest.skip.Exception:
        return engines("podman")


@pytest.fixture
def usual_containers(engines):
    """Containers of the engine of suites that name none."""
    found = engine.found("auto", None)
    return engines(found.program if found else "docker")


@pytest.fixture
def image(usual_containers):
    """The image, in the engine of suites that name none."""
    return usual_containers.image


@pytest.fixture
def container_engine(usual_containers):
    """The engine of suites that name none."""
    return usual_containers.engine


@pytest.fixture(params=["sandbox", "container"])
def walled(request):
    """Make workspaces with walls of either kind, with these options."""
    if request.param == "sandbox":
        request.getfixturevalue("sandboxed")
        return lambda **options: build("workspace", Extension(use="sandbox", options=options))
    given = request.getfixturevalue("any_containers").options
    return lambda **options: build("workspace", Extension(use="container", options={**given, **options}))


@pytest.fixture
def place(walled):
    """A fresh workspace with walls, of either kind."""
    with walled().fresh() as workspace:
        yield workspace
