"""Semantic segmentation on fused pictures: labels and splits, DeepLabv3+, IoU of the nine MFNet classes (Table III).

Importing this package loads no torch; `downstream.segmentation.run` does.
"""

from downstream.segmentation.dataset import SegmentationSet, Split, open_segmentation
from downstream.segmentation.labels import CLASSES, SegmentationError, read_label
from downstream.segmentation.settings import SegmentationSettings

__all__ = ["CLASSES", "SegmentationError", "SegmentationSet", "SegmentationSettings", "Split", "open_segmentation",
           "read_label"]
