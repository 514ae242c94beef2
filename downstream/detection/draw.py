"""Predicted boxes drawn on a fused picture, with a magnified area (the paper's Fig. 8)."""

from collections.abc import Sequence

import numpy as np

from downstream.detection.settings import DetectionError

# RGB, told apart with colour-blind eyes (Okabe and Ito)
COLOURS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167), (213, 94, 0), (0, 114, 178))


def draw(image: np.ndarray, boxes: Sequence[Sequence[float]], classes: Sequence[str], *, score: float = 0.25,
         magnify: tuple[int, int, int, int] | None = None, zoom: float = 0.45) -> np.ndarray:
    """Draw detections.

    Args:
        image: uint8 [H,W] or [H,W,3] RGB.
        boxes: [x0, y0, x1, y1, score, class index] in pixels, as in predictions.json.
        classes: names by index.
        score: detections below are left out.
        magnify: (x0, y0, x1, y1) in pixels; framed, and shown magnified in the corner farthest from it.
        zoom: share of the picture's width and height that the magnified area may take.
    Returns: uint8 [H,W,3] RGB; `image` stays as it is.
    Raises DetectionError for an area outside the picture.
    """
    import cv2

    canvas = np.ascontiguousarray(np.repeat(image[..., None], 3, 2) if image.ndim == 2 else image).copy()
    height, width = canvas.shape[:2]
    line = max(1, round(min(height, width) / 300))
    for x0, y0, x1, y1, value, label in sorted(boxes, key=lambda box: box[4]):
        if value < score:
            continue
        colour = COLOURS[int(label) % len(COLOURS)]
        cv2.rectangle(canvas, (round(x0), round(y0)), (round(x1), round(y1)), colour, line)
        _caption(canvas, f"{classes[int(label)]} {value:.2f}", round(x0), round(y0), colour, line)
    return canvas if magnify is None else _magnified(canvas, magnify, zoom, line)


def _caption(canvas: np.ndarray, text: str, x: int, y: int, colour, line: int) -> None:
    import cv2

    size = max(0.3, line * 0.35)
    (w, h), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, size, line)
    x = int(np.clip(x, 0, max(0, canvas.shape[1] - w)))
    y = max(y, h + below)  # inside the picture also for a box at its top
    cv2.rectangle(canvas, (x, y - h - below), (x + w, y), colour, -1)
    cv2.putText(canvas, text, (x, y - below // 2), cv2.FONT_HERSHEY_SIMPLEX, size, (0, 0, 0), line, cv2.LINE_AA)


def _magnified(canvas: np.ndarray, area: tuple[int, int, int, int], zoom: float, line: int) -> np.ndarray:
    import cv2

    height, width = canvas.shape[:2]
    x0, y0, x1, y1 = area
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise DetectionError(f"magnified area {area} does not lie in a picture of {width}x{height}")
    factor = min(zoom * width / (x1 - x0), zoom * height / (y1 - y0))
    size = max(1, round((x1 - x0) * factor)), max(1, round((y1 - y0) * factor))
    inset = cv2.resize(canvas[y0:y1, x0:x1], size, interpolation=cv2.INTER_CUBIC)
    frame = (255, 0, 0)
    cv2.rectangle(canvas, (x0, y0), (x1 - 1, y1 - 1), frame, line)
    left = 0 if (x0 + x1) / 2 > width / 2 else width - size[0]
    top = 0 if (y0 + y1) / 2 > height / 2 else height - size[1]
    canvas[top:top + size[1], left:left + size[0]] = inset
    cv2.rectangle(canvas, (left, top), (left + size[0] - 1, top + size[1] - 1), frame, line)
    return canvas
