"""What the room takes from mmengine and mmsegmentation, imported once and in the right order."""

import warnings

from downstream.guard import torchvision_guard

torchvision_guard()
with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="Fail to import")  # deformable attention: compiled mmcv only, unused here
    import mmseg.models  # registers the networks' parts
    from mmengine.config import ConfigDict
    from mmengine.dataset import pseudo_collate
    from mmengine.logging import MMLogger
    from mmengine.optim import OptimWrapper
    from mmengine.registry import DefaultScope
    from mmengine.structures import PixelData
    from mmseg.registry import MODELS
    from mmseg.structures import SegDataSample

# mmengine's default logger prints every tensor it initialises; it writes no file
MMLogger.get_instance("mmengine", log_level="WARNING")

__all__ = ["MODELS", "ConfigDict", "DefaultScope", "OptimWrapper", "PixelData", "SegDataSample", "mmseg",
           "pseudo_collate"]
