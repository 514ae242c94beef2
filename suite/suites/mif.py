"""Suite mif: medical image fusion (Table IV)."""

from suite.planning import Planning
from suite.suites import Suite, register_suite
from suite.suites.ivf import FusionSettings, plan_fusion


def plan(planning: Planning, settings: FusionSettings) -> None:
    plan_fusion(planning, settings, "mif", "mif")


register_suite(Suite("mif", "Medical image fusion", "pictures", FusionSettings, plan, task="mif"))
