"""The toolboxes whose definitions are kept apart: where they were read, their order, what they do with colour.

One place for what a whole toolbox has in common; the formulas stand in `metrics/definitions/`.
"""

from dataclasses import dataclass
from typing import Literal

# repository@commit that was read
SMFNET = "Abraham-Einstein/SMFNet@5097711"
CDDFUSE = "Zhaozixiang1228/MMIF-CDDFuse@fd8da1f"
VIFB = "xingchenzhang/VIFB@22b2ea9"
MEFB = "xingchenzhang/MEFB@9e185bf"
LIU = "zhengliu6699/imageFusionMetrics@d6f7f1a"
TANG = "Linfeng-Tang/Evaluation-for-Image-Fusion@0e87153"
HUILI = "thfylsty/Objective-evaluation-for-image-fusion@6f55732"
ZOO = "RollingPlain/IVIF_ZOO@61b0a44"

# How a picture [H,W,3] becomes one that a metric takes:
#   luma      OpenCV's BT.601 luma, rounded
#   matlab    MATLAB's rgb2gray: BT.601 with unrounded factors, rounded
#   pillow    Pillow's convert("L"): BT.601 in 16-bit fixed point
#   channels  no grey: the metric of each channel, averaged
Grey = Literal["luma", "matlab", "pillow"]
Colour = Literal["luma", "matlab", "pillow", "channels"]


@dataclass(frozen=True)
class Toolbox:
    """What the metrics of one variant have in common.

    Attributes:
        order: its metrics in its own order; any other metric of the variant comes after these, by name.
        colour: what it does with colour pictures. Under "channels" a one-channel source stands for each of its
            channels, and with a one-channel fused picture everything is made grey ("matlab").
        side_by_side: metrics that see the channels as one picture, beside one another, with a seam between them.
        in_grey: metrics that are computed in grey ("matlab") though the others go by channel.
        one_channel_of_grey: whether a colour picture fused from two one-channel sources counts as its first channel.
    """

    order: tuple[str, ...]
    colour: Colour = "luma"
    side_by_side: frozenset[str] = frozenset()
    in_grey: frozenset[str] = frozenset()
    one_channel_of_grey: bool = False


PAPER = ("EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM", "SCD", "MSE", "CC", "PSNR", "Nabf")
TOOLBOXES = {
    "smfnet": Toolbox(PAPER),
    "smfnet-ablation": Toolbox(PAPER),
    # the authors' evaluator holds one more metric, which neither its script nor the paper prints
    "smfnet-unused": Toolbox(("MS_SSIM",)),
    "cddfuse": Toolbox(("EN", "SD", "SF", "MI", "SCD", "VIF", "Qabf", "SSIM", "AG", "MSE", "CC", "PSNR")),
    "vifb": Toolbox(("CE", "EN", "MI", "PSNR", "AG", "EI", "Qabf", "SD", "SF", "RMSE", "SSIM", "Qcb", "Qcv"),
                    colour="channels", side_by_side=frozenset({"SF"})),
    "mefb": Toolbox(("CE", "EN", "FMI", "NMI", "PSNR", "Qncie", "TE", "AG", "EI", "Qabf", "Qp", "SD", "SF", "Qc", "Qw",
                     "Qy", "MEF_SSIM", "Qcb", "Qcv", "VIF"),
                    colour="channels", in_grey=frozenset({"MEF_SSIM"}), one_channel_of_grey=True),
    "liu": Toolbox(("Q_MI", "Q_TE_cvejic", "Q_TE_nava", "Q_NCIE", "Q_G", "Q_M", "Q_SF", "Q_P", "Q_S", "Q_W", "Q_E",
                    "Q_C", "Q_Y", "Q_CV", "Q_CB"), colour="matlab"),
    "tang": Toolbox(("EN", "SF", "SD", "PSNR", "MSE", "MI", "VIF", "AG", "CC", "SCD", "Qabf", "Nabf", "SSIM", "MS_SSIM",
                     "FMI_pixel", "FMI_dct", "FMI_w"), colour="matlab"),
    "tang-defined": Toolbox(("Nabf",), colour="matlab"),
    # the author's own FMI has five features, of which the toolboxes print up to three
    "haghighat": Toolbox(("FMI_none", "FMI_gradient", "FMI_edge", "FMI_dct", "FMI_wavelet"), colour="matlab"),
    "huili": Toolbox(("EN", "Qabf", "SCD", "FMI_w", "FMI_dct", "SSIM", "MS_SSIM", "FMI_pixel", "Nabf", "MI"),
                     colour="matlab"),
    "zoo": Toolbox(("CE", "NMI", "QNCIE", "TE", "EI", "Qy", "Qcb", "EN", "MI", "SF", "AG", "SD", "CC", "SCD", "VIF",
                    "MSE", "PSNR", "Qabf", "Nabf", "SSIM", "MS_SSIM"), colour="pillow"),
}
UNKNOWN = Toolbox(())


def toolbox(variant: str) -> Toolbox:
    """What is declared of a variant; one that is registered from elsewhere has no order and rounds luma."""
    return TOOLBOXES.get(variant, UNKNOWN)
