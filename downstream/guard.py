"""What must happen before ultralytics, mmengine or matplotlib is imported, in every entry point and every worker."""

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

_declared: list[Any] = []  # the operators of torchvision_guard live as long as these objects


def prepare(config_dir: Path) -> None:
    """Keep ultralytics offline and inside `config_dir`, and matplotlib in a folder of ours.

    Environment variables that the user has set stay as they are. Call it before the first import of ultralytics or
    matplotlib; calling it again does nothing new. Before ultralytics torchvision_guard is called too, which takes
    seconds that a worker without a training is spared.
    """
    config_dir = Path(config_dir).resolve()
    os.environ.setdefault("YOLO_OFFLINE", "1")
    os.environ.setdefault("YOLO_AUTOINSTALL", "0")
    os.environ.setdefault("YOLO_VERBOSE", "false")
    os.environ.setdefault("YOLO_CONFIG_DIR", str(config_dir))
    own_matplotlib()
    ultralytics_folder().mkdir(parents=True, exist_ok=True)


def fonts() -> None:
    """Put the fonts where ultralytics looks for them, which would download them; call it after `prepare`.

    Only a detector's training asks for them.
    """
    import matplotlib

    for name in ("Arial.ttf", "Arial.Unicode.ttf"):  # the latter for class names beyond ASCII
        font = ultralytics_folder() / name
        if not font.exists():
            shutil.copy(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", font)


def ultralytics_folder() -> Path:
    """Where ultralytics keeps settings and fonts; after `prepare`."""
    return Path(os.environ["YOLO_CONFIG_DIR"]) / "Ultralytics"


def own_matplotlib() -> None:
    """Keep matplotlib's cache and settings in a folder of this user's own; call it before matplotlib is imported.

    Not in OUT: a `matplotlibrc` there, which somebody else may have written, can name programs to start.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    if "MPLCONFIGDIR" in os.environ:
        return
    import platformdirs

    folder = platformdirs.user_cache_path("ivfbench") / "matplotlib"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return  # matplotlib makes a temporary one
    os.environ["MPLCONFIGDIR"] = str(folder)


def torchvision_guard() -> None:
    """Make `import torchvision` work with a CPU torch; a no-op wherever it loads.

    torchvision's only wheel is a CUDA build whose library cannot load beside a CPU torch; the import then ends in
    "operator torchvision::nms does not exist". On exactly that error the two operators are declared, nms with a
    CPU kernel, and the import is tried again.
    """
    try:
        importlib.import_module("torchvision")
        return
    except RuntimeError as error:
        if "torchvision::nms" not in str(error):
            raise
    for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.impl("nms", _nms, "CPU")
    _declared.append(library)
    importlib.import_module("torchvision")
    # boxes.nms asks for the compiled library before it looks for the operator, which is there now
    boxes: Any = importlib.import_module("torchvision.ops.boxes")
    boxes._assert_has_ops = lambda: None


def _nms(boxes, scores, iou_threshold: float):
    """Greedy non-maximum suppression. boxes [N,4] xyxy, scores [N] -> int64 indices kept, by falling score."""
    import torch

    x1, y1, x2, y2 = boxes.unbind(1)
    area = (x2 - x1) * (y2 - y1)
    order = scores.argsort(descending=True, stable=True)
    keep = []
    while order.numel():
        best, rest = order[0], order[1:]
        keep.append(best)
        width = (torch.minimum(x2[best], x2[rest]) - torch.maximum(x1[best], x1[rest])).clamp(min=0)
        height = (torch.minimum(y2[best], y2[rest]) - torch.maximum(y1[best], y1[rest])).clamp(min=0)
        overlap = width * height
        order = rest[overlap / (area[best] + area[rest] - overlap) <= iou_threshold]
    return torch.stack(keep) if keep else torch.empty(0, dtype=torch.int64)
