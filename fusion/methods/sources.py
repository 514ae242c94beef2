"""The two source rows: each picture as it is, scored and trained on like a fused one."""

import numpy as np

from fusion.method import Card, Method, register


@register
class Visible(Method):
    """The visible picture, colour kept."""

    card = Card(name="visible", title="Visible", kind="source", task=("ivf", "mif"), paper="-",
                recipe={"released": "the visible picture as it is"}, parity="identity")

    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        return vi.astype(np.float32, copy=True)


@register
class Infrared(Method):
    """The infrared picture as grey [H,W]."""

    card = Card(name="infrared", title="Infrared", kind="source", task=("ivf", "mif"), paper="-",
                recipe={"released": "the infrared picture as it is, grey"}, parity="identity")

    def fuse(self, ir: np.ndarray, vi: np.ndarray) -> np.ndarray:
        return ir.astype(np.float32, copy=True)
