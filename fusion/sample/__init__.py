"""The embedded sample: rendered multispectral scenes with boxes and masks, rendered medical phantoms."""

from fusion.sample.phantom import render_phantom
from fusion.sample.scene import M3FD_CLASSES, MFNET_CLASSES, Scene, render_scene
from fusion.sample.writing import write_sample

__all__ = ["M3FD_CLASSES", "MFNET_CLASSES", "Scene", "render_phantom", "render_scene", "write_sample"]
