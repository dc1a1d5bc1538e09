"""A cluster for the tests of executors that have one."""

import gc
import warnings

import pytest

from tests.running import ROOT


@pytest.fixture(scope="module")
def cluster():
    """Two nodes on this machine; a node that does not answer is dead after a second or two."""
    ray = pytest.importorskip("ray", reason="ray is not installed (pip install 'evalharness[ray]')")
    from ray.cluster_utils import Cluster  # noqa: PLC0415 - only where ray is

    from tests.executors.ray_jobs import SMALL  # noqa: PLC0415

    settings = {"health_check_period_ms": 500, "health_check_timeout_ms": 1000, "health_check_failure_threshold": 2}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("PYTHONPATH", str(ROOT))
        head = {**SMALL, "_system_config": settings, "include_dashboard": False}
        found = Cluster(initialize_head=True, head_node_args=head)
        found.add_node(**SMALL)
        found.wait_for_nodes()
        yield found
        ray.shutdown()
        found.shutdown()
    with warnings.catch_warnings():  # it leaves files open
        warnings.simplefilter("ignore")
        del found
        gc.collect()
