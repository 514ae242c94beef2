"""Fusion metrics: arrays in, numbers out. A metric is (name, variant); see `metrics.registry`."""

from metrics.registry import OPTIONAL, TABLE_METRICS, TEXT_METRICS, Metric, MetricError, get, names, undefined, variants
from metrics.scorer import Scorer, evaluate, evaluate_pair, evaluate_plainly

__all__ = ["OPTIONAL", "TABLE_METRICS", "TEXT_METRICS", "Metric", "MetricError", "Scorer", "evaluate", "evaluate_pair",
           "evaluate_plainly", "get", "names", "undefined", "variants"]
