"""The pictures of README and documents: there, small, asking no other host for anything."""

import re

import pytest
from suite_scenes import ROOT

GALLERY = ROOT / "docs" / "gallery"


@pytest.mark.parametrize(("document", "folder"), [("README.md", "docs/gallery/"), ("docs/index.md", "gallery/")])
def test_every_picture_of_the_gallery_is_shown(document, folder):
    text = (ROOT / document).read_text(encoding="utf-8")
    shown = set(re.findall(rf"!\[[^\]]+\]\({folder}([\w.]+)\)", text))
    assert shown == {path.name for path in GALLERY.iterdir()}


def test_pictures_of_the_gallery_are_small():
    assert all(path.stat().st_size <= 150_000 for path in GALLERY.iterdir())


def test_the_terminals_picture_loads_nothing_and_names_no_place():
    text = (GALLERY / "terminal.svg").read_text(encoding="utf-8")
    assert "@font-face" not in text and not re.search(r"(href|src)=|url\((?!#)", text)
    assert "open&#160;out/report.html" in text
