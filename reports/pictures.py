"""Pictures of a run as the figures read them. (Fusion's reader is another room's; these files passed it when made.)"""

from pathlib import Path

import numpy as np
from PIL import Image

from core.files import check_file
from reports.errors import ReportError

_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")


def read(path: Path) -> np.ndarray:
    """uint8 [H,W] (grey, class ids), [H,W,3] RGB or [H,W,4]. Raises ReportError for a missing or damaged file."""
    try:
        check_file(path, ReportError)
        with Image.open(path, formats=_FORMATS) as image:
            return np.array(image)
    except ReportError:
        raise
    # ImportError: once ultralytics is imported, Pillow's open looks for a HEIF plugin on unknown files
    except (OSError, ValueError, SyntaxError, ImportError, Image.DecompressionBombError) as error:
        raise ReportError(f"{path}: cannot be decoded ({error}); make a picture of the run anew with the run's command "
                          "and --force, copy one of the data again from its source") from error


def read_rgb(path: Path) -> np.ndarray:
    """uint8 [H,W,3]; grey is repeated."""
    picture = read(path)
    return np.repeat(picture[..., None], 3, axis=2) if picture.ndim == 2 else picture[..., :3]
