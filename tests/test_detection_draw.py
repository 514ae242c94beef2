"""Predictions are drawn where they are, the magnified area where it hides least."""

import numpy as np
import pytest

from downstream.detection.draw import COLOURS, draw
from downstream.detection.settings import DetectionError

GREY = np.full((120, 160), 90, np.uint8)
BOXES = [[20, 40, 60, 80, 0.9, 0], [100, 50, 140, 100, 0.1, 1]]


def test_boxes_above_the_score_are_drawn():
    before = GREY.copy()
    drawn = draw(GREY, BOXES, ("a", "b"))
    assert drawn.shape == (120, 160, 3) and (before == GREY).all()
    assert (drawn[60, 20] == COLOURS[0]).all() and (drawn[80, 40] == COLOURS[0]).all()
    assert (drawn[55, 40] == 90).all() and (drawn[60, 90:] == 90).all()  # inside a box; the weak one is left out
    assert (draw(GREY, BOXES, ("a", "b"), score=0.05)[75, 140] == COLOURS[1]).all()


def test_a_caption_at_the_border_stays_inside():
    drawn = draw(GREY, [[150, 0, 159, 20, 0.9, 0]], ("a long name",))
    assert (drawn[:6, :150] != 90).any()


def test_the_magnified_area_goes_to_the_far_corner():
    image = GREY.copy()
    image[10:20, 10:20] = 250
    drawn = draw(image, [], (), magnify=(10, 10, 30, 30), zoom=0.5)
    assert (drawn[10, 10:30] == (255, 0, 0)).all()
    # 20 pixels magnified to half of the height: 60 pixels in the lower right corner, the bright quarter at its top left
    assert (drawn[60, 100:160] == (255, 0, 0)).all()
    assert drawn[75, 115].mean() > 240 and drawn[110, 150].mean() < 100


@pytest.mark.parametrize("area", [(0, 0, 0, 10), (150, 0, 170, 10), (-1, 0, 10, 10)])
def test_an_area_outside_is_refused(area):
    with pytest.raises(DetectionError, match="160x120"):
        draw(GREY, [], (), magnify=area)
