"""Errors that end in one line and exit code 2."""

from downstream.detection.policy import LabelError
from downstream.detection.settings import DetectionError
from downstream.segmentation.labels import SegmentationError
from fusion.images import ImageError
from fusion.method import MethodError
from fusion.pairs import PairsError
from metrics.registry import MetricError
from reports.data import ReportError


class UserError(ValueError):
    """Something the user can mend: the message names the file, the value and the remedy."""


class Stopped(Exception):
    """The user asked to stop; the unit keeps what is finished."""


USER_ERRORS = (UserError, DetectionError, ImageError, LabelError, MethodError, MetricError, PairsError,
               ReportError, SegmentationError)
