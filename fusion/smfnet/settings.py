"""Settings of the network: width, the points where the paper's equations and the released code differ, ablations."""

import dataclasses
from dataclasses import dataclass


@dataclass(frozen=True)
class NetworkSettings:
    """What SMFNet is built from. The defaults are the released network (Abraham-Einstein/SMFNet@5097711).

    Attributes:
        width: channels C of every feature map; 64 in the paper. Even, and half of it divisible by `heads`.
        heads: attention heads (8 in the paper).
        leff_residual: the LeFF adds its own input (released) or not (paper, Fig. 2d).
        detail_sum: Eq. 3 as "inside" PConv(Dense + PConv(Sobel)) (paper) or "outside", a sum of two PConv followed by
            a leaky ReLU (released).
        trainable_sobel: the Sobel kernels of Eq. 3 are parameters (released) or fixed (paper).
        shared_cross_attention: Eq. 4 and 5 by one module (released) or two (paper).
        coupling: Eq. 6-7 and 19-20 "sequential", each half sees the other's new value after a 1x1 mix (released), or
            "parallel", both see the old values (paper).
        aggregate: the decoder's input is the "sum" (released) or the "concat" (paper) of the three branches.
        detail: "cai", or "inn": a plain invertible network in its place (AE1).
        base_residual: stage residuals and bottleneck convolutions of Eq. 10-11; without them AE2.
        graph: the GR branch; without it AE3.
        exchange_fusion: base features through the detail layer and the reverse (AE4).
    """

    width: int = 64
    heads: int = 8
    leff_residual: bool = True
    detail_sum: str = "outside"
    trainable_sobel: bool = True
    shared_cross_attention: bool = True
    coupling: str = "sequential"
    aggregate: str = "sum"
    detail: str = "cai"
    base_residual: bool = True
    graph: bool = True
    exchange_fusion: bool = False

    def __post_init__(self):
        if not (8 <= self.width <= 1024) or self.heads < 1 or self.width % (2 * self.heads) or self.width % 4:
            raise ValueError(f"width {self.width} with {self.heads} heads: width must be a multiple of 4 and of twice "
                             "the heads, 8 to 1024")
        choices = {"detail_sum": ("outside", "inside"), "coupling": ("sequential", "parallel"),
                   "aggregate": ("sum", "concat"), "detail": ("cai", "inn")}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} = {getattr(self, name)!r}; expected {' or '.join(allowed)}")


RELEASED = NetworkSettings()
PAPER = dataclasses.replace(RELEASED, leff_residual=False, detail_sum="inside", trainable_sobel=False,
                            shared_cross_attention=False, coupling="parallel", aggregate="concat")
PROTOCOL_SETTINGS = {"released": RELEASED, "paper": PAPER}
