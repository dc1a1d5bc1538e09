import os

import pytest

from evalharness.errors import ConfigError, Unmeasured
from evalharness.running.attribution import retryable
from evalharness.workspaces import images


def test_a_registry_that_cannot_be_reached_measures_nothing(containers):
    made = containers.made(image="registry.invalid/no/such:1")
    made.prepare()
    with pytest.raises(Unmeasured) as caught, made.fresh():
        pass
    assert caught.value.cause == "image"


@pytest.mark.parametrize("name", ["localhost/evalh-no-such:1", "No/Such"])
def test_without_its_image_a_run_does_not_start(containers, name):
    with pytest.raises(ConfigError, match=f"no such image: {name}: .*: correct the name, build or import it, or `"):
        containers.made(image=name).prepare()


def test_a_trial_without_its_image_is_not_tried_again(containers):
    with pytest.raises(Unmeasured) as caught, containers.made(image="No/Such").fresh():
        pass
    assert (caught.value.cause, retryable(caught.value.cause)) == ("image_missing", False)


def test_an_image_to_build_from_has_to_be_there_as_well(any_containers, tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM localhost/evalh-no-such:1\nRUN true\n")
    with pytest.raises(ConfigError, match=r"no such image: .*Dockerfile"):
        any_containers.made(dockerfile="Dockerfile", folder=str(tmp_path)).prepare()


def test_a_build_that_fails_leaves_no_container(any_containers, tmp_path):
    """Docker used to keep that of the step that failed."""
    mark = f"failed-in-{tmp_path.name}-{os.getpid()}"
    (tmp_path / "Dockerfile").write_text(f"FROM {any_containers.image}\nRUN echo {mark}; exit 7\n")
    with (
        pytest.raises(Unmeasured) as caught,
        any_containers.made(dockerfile="Dockerfile", folder=str(tmp_path)).fresh(),
    ):
        pass
    assert caught.value.cause == "image"
    assert mark not in any_containers.engine.call("ps", "--all", "--no-trunc", "--format", "{{.Command}}")


PULL = "initializing source docker://x/y:1: reading manifest 1 in x/y:"


@pytest.mark.parametrize(
    ("said", "lasting"),
    [
        ("Error response from daemon: manifest unknown", True),
        ("Error response from daemon: manifest for busybox:no not found: manifest unknown: manifest unknown", True),
        ("Error response from daemon: name unknown", True),
        ("Error response from daemon: denied", True),
        ("Error response from daemon: unauthorized", True),
        ("pull access denied for no, repository does not exist or may require 'docker login': denied: requested", True),
        ("Error response from daemon: requested access to the resource is denied", True),
        ("invalid reference format: repository name (library/No) must be lowercase", True),
        ('Get "http://localhost/v2/": dial tcp 127.0.0.1:80: connect: connection refused', True),
        ('Get "https://localhost/v2/": dial tcp [::1]:443: connect: network is unreachable', True),
        ("no matching manifest for linux/arm64/v8 in the manifest list entries", True),
        (f"Error: {PULL} manifest unknown", True),
        (f"Error: {PULL} name unknown", True),
        (f"Error: {PULL} denied", True),
        (f"Error: {PULL} unauthorized: access to the requested resource is not authorized", True),
        ('Error: short-name "x" did not resolve to an alias and no unqualified-search registries are defined', True),
        (f'time="now" level=warning msg="Failed, retrying"\nError: {PULL} manifest unknown', True),
        ("Error response from daemon: toomanyrequests: You have reached your pull rate limit.", False),
        (f"Error: {PULL} toomanyrequests: You have reached your pull rate limit.", False),
        ("Error response from daemon: received unexpected HTTP status: 503 Service Unavailable", False),
        ('Get "https://r.io/v2/": dial tcp: lookup r.io on 10.0.0.1:53: no such host', False),
        ('Get "https://r.io/v2/": dial tcp 10.0.0.1:443: i/o timeout', False),
        ('Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused', False),
        ("manifest unknown\nThe command '/bin/sh -c apt-get update' returned a non-zero code: 100", False),
        ("", False),
    ],
)
def test_what_waiting_mends_is_told_from_what_it_does_not(said, lasting):
    """As docker 20.10 and 28 and podman 4.3 say it."""
    assert images.missing(said) is lasting
