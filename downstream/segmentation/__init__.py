"""Semantic segmentation on fused pictures: labels and splits, DeepLabv3+, IoU per class (Table III).

Importing this package loads no torch; `downstream.segmentation.run` does.
"""

from downstream.segmentation.dataset import SegmentationSet, open_segmentation
from downstream.segmentation.labels import Legend, SegmentationError, read_label
from downstream.segmentation.settings import SegmentationSettings
from downstream.splits import Split

__all__ = ["Legend", "SegmentationError", "SegmentationSet", "SegmentationSettings", "Split", "open_segmentation",
           "read_label"]
