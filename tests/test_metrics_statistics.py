import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from metrics import MetricError, statistics

RNG = np.random.default_rng(7)


def frame(values, metric="EN", dataset="TNO", variant="smfnet"):
    return pd.DataFrame([(dataset, metric, variant, method, item, value) for method, series in values.items()
                         for item, value in series.items()],
                        columns=["dataset", "metric", "variant", "method", "item", "value"])


def series(values):
    return pd.Series(values, index=[f"{number:02}" for number in range(len(values))])


def test_the_interval_is_the_normal_one_for_a_large_normal_sample_and_repeats():
    values = RNG.normal(5, 2, (3, 400))
    low, high = statistics.bootstrap_interval(values)
    half = 1.96 * values.std(axis=1, ddof=1) / 20
    assert low == pytest.approx(values.mean(axis=1) - half, abs=0.1 * half.max())
    assert high == pytest.approx(values.mean(axis=1) + half, abs=0.1 * half.max())
    assert np.array_equal(statistics.bootstrap_interval(values), (low, high))
    assert not np.array_equal(statistics.bootstrap_interval(values, seed=1), (low, high))
    assert np.isnan(statistics.bootstrap_interval(values[:, :1])).all()


def test_holm_by_hand():
    # sorted .005, .01, .03, .04 times 4, 3, 2, 1 = .02, .03, .06, .04 -> running maximum .02, .03, .06, .06
    assert statistics.holm([0.04, 0.01, np.nan, 0.03, 0.005]) == pytest.approx([0.06, 0.03, np.nan, 0.06, 0.02],
                                                                               nan_ok=True)
    assert statistics.holm([0.7, 0.6]) == pytest.approx([1, 1])


def test_wilcoxon_counts_signs_exactly_on_few_images():
    # all six differences have one sign: 2 of the 2^6 sign patterns are as extreme
    assert statistics.wilcoxon(np.arange(6.0) ** 2 + 1, -np.arange(6.0)) == pytest.approx(2 / 64)
    assert statistics.wilcoxon(np.ones(5), np.ones(5)) == 1


def test_average_rank_follows_the_direction_and_shares_ties():
    values = np.array([[3.0, 1.0], [2.0, 1.0], [1.0, 5.0]])
    assert statistics.average_rank(values, higher_is_better=True).tolist() == [1.75, 2.25, 2.0]
    assert statistics.average_rank(values, higher_is_better=False).tolist() == [2.25, 1.75, 2.0]


def test_summarise_compares_with_the_best_in_the_metrics_direction():
    good, bad = RNG.normal(3, 1, 25), RNG.normal(0, 1, 25)
    rows = pd.concat([frame({"good": series(good), "bad": series(bad), "twin": series(good)}, metric=metric)
                      for metric in ("EN", "MSE")])
    table = statistics.summarise(rows).set_index(["metric", "method"])
    assert table["best"].to_dict() == {("EN", "good"): True, ("EN", "bad"): False, ("EN", "twin"): False,
                                       ("MSE", "good"): False, ("MSE", "bad"): True, ("MSE", "twin"): False}
    p = stats.wilcoxon(bad, good).pvalue
    assert table.loc[("EN", "bad"), "p"] == p and table.loc[("EN", "bad"), "p_holm"] == pytest.approx(2 * p)
    assert table.loc[("EN", "twin"), "p"] == 1 and np.isnan(table.loc[("EN", "good"), "p"])
    assert table.loc[("MSE", "good"), "p_holm"] == pytest.approx(2 * p)
    assert table.loc[("EN", "good"), "mean"] == pytest.approx(good.mean())
    assert (table["low"] < table["mean"]).all() and (table["mean"] < table["high"]).all()
    assert list(statistics.summarise(rows).columns) == statistics.COLUMNS
    ranks = statistics.overall_rank(statistics.summarise(rows)).set_index("method")
    assert ranks.loc["bad", "metrics"] == 2 and ranks["rank"].sum() == pytest.approx(6)


def test_images_without_a_value_for_every_method_are_left_out_and_counted():
    values = {"a": series([1.0, np.nan, 3.0, 4.0, 9.0]), "b": series([2.0, 2.0, np.inf, 5.0])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = statistics.summarise(frame(values)).set_index("method")
        nothing = statistics.summarise(frame({"a": series([np.nan]), "b": series([1.0])}))
        single = statistics.summarise(frame({"a": series([2.0]), "b": series([1.0])}))
        alone = statistics.summarise(frame({"a": series([2.0, 3.0])}))
        empty = statistics.summarise(frame({}))
    assert table["images"].tolist() == [2, 2] and table["left_out"].tolist() == [3, 3]
    assert table["mean"].to_dict() == {"a": 2.5, "b": 3.5}
    assert nothing["images"].tolist() == [0, 0] and nothing["mean"].isna().all() and not nothing["best"].any()
    assert single["low"].isna().all() and single["rank"].tolist() == [1, 2]
    assert alone["best"].tolist() == [True] and alone["p"].isna().all()
    assert empty.empty and list(empty.columns) == statistics.COLUMNS


@pytest.mark.parametrize("rows, error, message", [
    (frame({"a": series([1.0])}).drop(columns="item"), ValueError, "item"),
    (pd.concat([frame({"a": series([1.0])})] * 2), ValueError, "TNO, EN .smfnet.: two values for method a, image 00"),
    (frame({"a": series([1.0])}, metric="mAP"), MetricError, "mAP"),
])
def test_wrong_frames_are_clear_errors(rows, error, message):
    with pytest.raises(error, match=message):
        statistics.summarise(rows)
