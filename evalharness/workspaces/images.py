"""Images: pulled, built and set up once per run, however many trials ask for one."""

import threading
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from evalharness.errors import Unmeasured
from evalharness.workspaces.engine import LONG_SECONDS, Engine, container_name

_LOCK = threading.Lock()


def image_id(engine: Engine, *, image: str, dockerfile: str, setup: str, creation: tuple[str, ...]) -> str:
    """Return the id of the image that trials start from, made where it is not there yet.

    `setup` is a script that runs once in a container of it, with network; `creation` are the words that containers
    need on this machine. Unmeasured, with cause `image`, where that fails: the next trial tries again.
    """
    with _LOCK:
        return _made(engine, image, dockerfile, setup, creation)


@lru_cache(maxsize=64)
def _made(engine: Engine, image: str, dockerfile: str, setup: str, creation: tuple[str, ...]) -> str:
    try:
        base = _built(engine, Path(dockerfile).resolve()) if dockerfile else _pulled(engine, image)
        return _set_up(engine, base, setup, creation) if setup else base
    except Unmeasured as exc:
        cause = "image" if engine.up() is None else "container_engine"  # a registry that is down is no engine
        raise Unmeasured(cause, f"{image or dockerfile}: {exc.detail}") from exc


def _known(engine: Engine, name: str) -> str | None:
    try:
        return engine.call("image", "inspect", "--format", "{{.Id}}", name)
    except Unmeasured as exc:
        if exc.cause == "container_engine":
            raise
        return None


def _pulled(engine: Engine, image: str) -> str:
    known = _known(engine, image)
    if known is None:
        engine.call("pull", "--quiet", image, seconds=LONG_SECONDS)
        known = engine.call("image", "inspect", "--format", "{{.Id}}", image)
    return known


def _built(engine: Engine, dockerfile: Path) -> str:
    """Build from the folder that the file lies in; the engine's cache knows what has not changed."""
    tag = f"evalh-built:{sha256(str(dockerfile).encode()).hexdigest()[:16]}"
    engine.call(
        "build", "--quiet", "--tag", tag, "--file", str(dockerfile), str(dockerfile.parent), seconds=LONG_SECONDS
    )
    return engine.call("image", "inspect", "--format", "{{.Id}}", tag)


def _set_up(engine: Engine, base: str, setup: str, creation: tuple[str, ...]) -> str:
    """Run the script once per base image and keep the result under a name made of both."""
    made_of = f"{base}\0{setup}"
    tag = f"evalh-setup:{sha256(made_of.encode()).hexdigest()[:16]}"
    known = _known(engine, tag)
    if known is not None:
        return known
    name = container_name()
    words = ("--name", name, "--label", "evalh", *creation, "--entrypoint", "sh", base, "-c", setup)
    try:
        engine.call("run", *words, seconds=LONG_SECONDS)
        engine.call("commit", name, tag, seconds=LONG_SECONDS)
    finally:
        engine.call("rm", "--force", "--volumes", name)
    return engine.call("image", "inspect", "--format", "{{.Id}}", tag)
