"""The mean of both pictures: the floor that every method should beat."""

import numpy as np

from fusion.method import Card, LumaMethod, register


@register
class Average(LumaMethod):
    """F = (I + Y) / 2."""

    card = Card(name="average", title="Average", kind="classic", task=("ivf", "mif"), paper="textbook",
                recipe={"released": "mean of infrared and visible luma in float; chroma of the visible picture"},
                parity="checked against its formula")

    def fuse_luma(self, ir: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (np.float32(0.5) * (ir + y)).astype(np.float32)
