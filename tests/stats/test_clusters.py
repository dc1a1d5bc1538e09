import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st

from evalharness.stats.clusters import cluster_mean

VALUES = [1.0, 1, 1, 0, 0, 0, 1, 0, 1, 1]
LABELS = [0, 0, 1, 1, 2, 2, 3, 3, 3, 4]


def test_cr1_agrees_with_statsmodels():
    fit = sm.OLS(VALUES, np.ones(10)).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(LABELS), "use_correction": False}
    )
    assert cluster_mean(VALUES, LABELS, method="CR0").error == pytest.approx(fit.bse[0], abs=1e-12)
    assert cluster_mean(VALUES, LABELS, method="CR1").error == pytest.approx(fit.bse[0] * np.sqrt(5 / 4), abs=1e-12)


def test_cr2_and_its_degrees_of_freedom_follow_the_definition():
    values, labels = np.array(VALUES), np.array(LABELS)
    n = values.size
    centred = np.eye(n) - 1 / n
    variance, columns = 0.0, []
    for g in np.unique(labels):
        inside = labels == g
        eigenvalues, vectors = np.linalg.eigh(centred[np.ix_(inside, inside)])
        adjusted = vectors @ np.diag(eigenvalues**-0.5) @ vectors.T @ np.ones(inside.sum()) / n
        variance += float(adjusted @ (values - values.mean())[inside]) ** 2
        columns.append(centred[:, inside] @ adjusted)
    spectrum = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    found = cluster_mean(values, labels)
    assert found.error == pytest.approx(np.sqrt(variance), abs=1e-12)
    assert found.df == pytest.approx(spectrum.sum() ** 2 / (spectrum**2).sum(), abs=1e-9)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_clusters_of_one_give_the_ordinary_standard_error(values):
    expected = np.std(values, ddof=1) / np.sqrt(len(values))
    for method in ("CR1", "CR2", "miller"):
        found = cluster_mean(values, range(len(values)), method=method)
        assert found.error == pytest.approx(expected, abs=1e-9)
        assert found.df == pytest.approx(len(values) - 1)


def test_one_cluster_has_no_error_and_no_degrees_of_freedom():
    found = cluster_mean([0.1, 0.9], ["a", "a"])
    assert (found.error, found.df, found.clusters) == (0, 0, 1)


@pytest.mark.parametrize(
    ("values", "labels", "message"),
    [
        ([1.0], ["a", "b"], r"clusters must hold one label per value \(1\)"),
        ([np.nan], ["a"], "values must be finite, but got nan"),
        ([], [], "values must not be empty"),
    ],
)
def test_bad_values_are_named(values, labels, message):
    with pytest.raises(ValueError, match=message):
        cluster_mean(values, labels)
