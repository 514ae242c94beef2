"""The toolboxes whose definitions are kept apart: where they were read, and in which order they list their metrics."""

# repository@commit that was read
SMFNET = "Abraham-Einstein/SMFNet@5097711"
CDDFUSE = "Zhaozixiang1228/MMIF-CDDFuse@fd8da1f"
VIFB = "xingchenzhang/VIFB@22b2ea9"
MEFB = "xingchenzhang/MEFB@9e185bf"
LIU = "zhengliu6699/imageFusionMetrics@d6f7f1a"
TANG = "Linfeng-Tang/Evaluation-for-Image-Fusion@0e87153"
HUILI = "thfylsty/Objective-evaluation-for-image-fusion@6f55732"
ZOO = "RollingPlain/IVIF_ZOO@61b0a44"

_SMFNET_ORDER = ("EN", "SD", "SF", "MI", "VIF", "Qabf", "AG", "SSIM", "SCD", "MSE", "CC", "PSNR", "Nabf")
# variant -> its metrics in the toolbox's own order; a metric that is not named comes after these
ORDER: dict[str, tuple[str, ...]] = {
    "smfnet": _SMFNET_ORDER,
    "smfnet-ablation": _SMFNET_ORDER,
    "cddfuse": _SMFNET_ORDER,
    "tang": _SMFNET_ORDER,
    "vifb": _SMFNET_ORDER,
}
