"""Images: pulled, built and set up once per run, however many trials ask for one."""

import re
import threading
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from evalharness.errors import ConfigError, Unmeasured
from evalharness.workspaces.engine import LONG_SECONDS, Engine, container_name

_LOCK = threading.Lock()
# Not among them: a registry that cannot be reached, is broken, or has had enough of us. Below localhost/, by podman's
# custom, lie images that were made here, as long as no registry answers there.
_MISSING = re.compile(
    r"manifest( for \S+)? (unknown|not found)|name unknown|not known to registry|repository does not exist"
    r"|access to the resource is denied|pull access denied|(: |^)(denied|unauthorized)(:.*)?$"
    r"|did not resolve to an alias|invalid reference format|must be lowercase|no matching manifest"
    r"|no image found in (image index|manifest list)|https?://localhost/v2/.*dial tcp",
    re.IGNORECASE,
)
SAID = 300  # the end of what a build prints tells what broke it, and records keep little


def image_id(engine: Engine, *, image: str, dockerfile: str, setup: str, creation: tuple[str, ...]) -> str:
    """Return the id of the image that trials start from, made where it is not there yet.

    `setup` is a script that runs once in a container of it, with network; `creation` are the words that containers
    need on this machine. Unmeasured where that fails: with cause `image_missing` for an image that no registry gives,
    else with cause `image`, and the next trial tries again.
    """
    with _LOCK:
        return _made(engine, image, dockerfile, setup, creation)


@lru_cache(maxsize=64)
def _made(engine: Engine, image: str, dockerfile: str, setup: str, creation: tuple[str, ...]) -> str:
    try:
        base = _base(engine, image, dockerfile)
        return _set_up(engine, base, setup, creation) if setup else base
    except Unmeasured as exc:
        cause = "image" if engine.up() is None else "container_engine"  # a registry that is down is no engine
        kept = "image_missing" if exc.cause == "image_missing" else cause
        raise Unmeasured(kept, f"{image or dockerfile}: {exc.detail[-SAID:]}") from exc


def _base(engine: Engine, image: str, dockerfile: str) -> str:
    try:
        return _built(engine, Path(dockerfile).resolve()) if dockerfile else _pulled(engine, image)
    except Unmeasured as exc:
        if missing(exc.detail):
            raise Unmeasured("image_missing", exc.detail.strip().splitlines()[-1]) from exc
        raise


def missing(said: str) -> bool:
    """Say whether what an engine said last means that an image cannot be had, now or later."""
    *_, last = said.strip().splitlines() or [""]
    return _MISSING.search(last) is not None


def raise_lasting(exc: Unmeasured, program: str) -> None:
    """Raise ConfigError where waiting does not give the image: there is none, or this user may not use the engine."""
    if exc.cause == "image_missing":
        ways_out = f"correct the name, build or import it, or `{program} login` where it is private"
        raise ConfigError(f"workspace 'container': no such image: {exc.detail}: {ways_out}") from exc
    if exc.cause == "container_engine" and "permission denied" in exc.detail.lower():
        raise ConfigError(f"workspace 'container': {exc.detail}: let this user use {program}") from exc


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
        "build",
        "--quiet",
        "--force-rm",
        "--tag",
        tag,
        "--file",
        str(dockerfile),
        str(dockerfile.parent),
        seconds=LONG_SECONDS,
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
