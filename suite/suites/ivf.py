"""Suites ivf and mif's settings and plan: fuse every pair, score what comes out (Tables I and IV)."""

from dataclasses import dataclass

from suite.planning import Planning, choose_metrics
from suite.suites import Suite, register_suite


@dataclass(frozen=True)
class FusionSettings:
    """datasets: which. metrics: names, None for the default of the variant. variant: whose definitions."""

    datasets: tuple[str, ...] = ()
    metrics: tuple[str, ...] | None = None
    variant: str = "smfnet"


def plan_fusion(planning: Planning, settings: FusionSettings, suite: str, task: str) -> None:
    """Fuse and score every method of the task on every data set."""
    chosen = choose_metrics(settings.metrics, settings.variant)
    for dataset in settings.datasets:
        pairs = planning.open(dataset)
        for info in planning.taking_part(task):
            planning.score(planning.fuse(info, pairs, suite), pairs, suite, chosen)


def plan(planning: Planning, settings: FusionSettings) -> None:
    plan_fusion(planning, settings, "ivf", "ivf")


register_suite(Suite("ivf", "Infrared-visible image fusion", "pictures", FusionSettings, plan))
