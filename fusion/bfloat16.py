"""Networks whose products are taken in bfloat16 (`--precision bf16`), with float32 sums where the device does so."""

import torch
from torch import Tensor, nn

from fusion.fast.extension import PARTS
from fusion.method import FLOAT32


class Bfloat16(nn.Module):
    """A network under autocast: dense convolutions and matrix products in bfloat16, on a CPU as on a GPU.

    What of it runs on a CPU's tiles leaves float32, all other products bfloat16; what autocast deems unsafe in bfloat16
    stays float32.
    Call: the network's float32 tensors -> its one output, as float32. No gradients.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *inputs: Tensor) -> Tensor:
        with torch.autocast(inputs[0].device.type, torch.bfloat16):
            fused: Tensor = self.network(*inputs)
        return fused.float()


def parts_of(precision: str) -> int:
    """Parts of a convolution's values on a CPU's tiles (fusion.fast.convolution): 1 is bfloat16."""
    return PARTS if precision == FLOAT32 else 1


def told(device: str) -> str:
    """What the path of a network in `Bfloat16` says, for the record: two paths round differently."""
    return f"products in bfloat16 by autocast on {torch.device(device).type}"
