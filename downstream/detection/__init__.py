"""Object detection on fused pictures: boxes and splits, YOLOv5, average precision (Table II).

Importing this package loads neither torch nor ultralytics; a training does.
"""

from downstream.detection.data.policy import Box, LabelError, LabelPolicy, summary
from downstream.detection.dataset import DetectionSet, open_detection
from downstream.detection.settings import DetectionError, DetectionSettings
from downstream.splits import Split

__all__ = ["Box", "DetectionError", "DetectionSet", "DetectionSettings", "LabelError", "LabelPolicy", "Split",
           "open_detection", "summary"]
