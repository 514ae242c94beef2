"""The precision of a training's forward pass: float32, or bfloat16 where autocast thinks it safe."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from downstream.segmentation._mmlab import OptimWrapper


class Bfloat16OptimWrapper(OptimWrapper):
    """Forward pass and loss under bfloat16 autocast; gradients, weights and their update in float32.

    Not mmengine's AmpOptimWrapper: that one scales the loss for float16, by a factor that a resumed run would have to
    restore, and needs a GPU. bfloat16 has float32's range and needs no scaling.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, device: str):
        super().__init__(optimizer)
        self.device = torch.device(device).type

    @contextmanager
    def optim_context(self, model: torch.nn.Module) -> Iterator[None]:
        with super().optim_context(model), torch.autocast(self.device, torch.bfloat16):
            yield


def optim_wrapper(optimizer: torch.optim.Optimizer, device: str, *, amp: bool) -> OptimWrapper:
    """What mmsegmentation's train_step takes; amp: see SegmentationSettings."""
    return Bfloat16OptimWrapper(optimizer, device) if amp else OptimWrapper(optimizer)
