"""What the page carries inside itself: small pictures and data URIs, texts for its scripts."""

import base64
import io
import json
from typing import Any

import numpy.typing as npt
from markupsafe import Markup
from PIL import Image

# The page has to stay light enough to be mailed (12 methods: about 0.4 MB a pair).
LONG_SIDE, QUALITY = 512, 85


def small(picture: npt.NDArray[Any]) -> str:
    """A JPEG of at most LONG_SIDE pixels, as data URI. picture: uint8 [H,W] or [H,W,3]."""
    image = Image.fromarray(picture)
    image.thumbnail((LONG_SIDE, LONG_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=QUALITY)
    return uri(buffer.getvalue(), "jpeg")


def uri(content: bytes, kind: str) -> str:
    """A picture's bytes as data URI. kind: "png", "jpeg"."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def script_json(content: Any) -> Markup:
    """JSON that cannot end its <script> element, whatever the ids hold."""
    text = json.dumps(content).replace("<", "\\u003c").replace("\u2028", "\\u2028")
    return Markup(text)
