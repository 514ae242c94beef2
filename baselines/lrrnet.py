"""LRRNet (Li et al., IEEE TPAMI 2023): sparse and low-rank features by unrolled shrinkage steps, and a plain decoder.

Facts of the network and recipe: hli1221/imagefusion-LRRNet@e489fc32, `net_lista.py`, `testing_fusion_lrr.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import ReflectConv
from baselines.network import LumaNetwork, extremes, min_max, truncated
from fusion.fast import Form, faster, unpadded
from fusion.method import Card, WeightFile, register

WIDTH, STEPS = 128, 4  # filters of each part; shrinkage steps
CHUNK = 1024  # pixels a thread at a time on the fast path: their code takes 1 MB
REPOSITORY, COMMIT = "hli1221/imagefusion-LRRNet", "e489fc325ea6acb9b7327b1de2c0cc4a09172ba4"
FILE = "final_lrr_net_lam2_1.5_wir_3.0_lam3_gram_2000_epoch_4_block_4.model"
EPSILON = 1e-5  # the script's, added to every range that it divides by (8-bit levels at the input, 0..1 at the output)


class _Step(nn.Module):
    """One update of the code by what it does not yet explain of the picture."""

    def __init__(self):
        super().__init__()
        self.conv_Wdz, self.conv_Wdtz = ReflectConv(2 * WIDTH, 1), ReflectConv(1, 2 * WIDTH)

    def forward(self, picture: Tensor, code: Tensor, momentum: Tensor) -> Tensor:
        return momentum * code + self.conv_Wdtz(picture - self.conv_Wdz(code))


def shrunk(code: Tensor, thresholds: Tensor) -> Tensor:
    """Soft threshold; a trained threshold below 0 lets values grow, as in the authors' code."""
    return code.abs().sub_(thresholds[..., None, None]).relu_().mul_(code.sign())  # in place: a code is 300 MB


class Decomposition(nn.Module):
    """One modality [N,1,H,W] -> low-rank and sparse part, each [N,128,H,W]."""

    def __init__(self):
        super().__init__()
        self.lamj = nn.Parameter(torch.full((1, 2 * WIDTH), 0.5))  # threshold of each channel
        self.lamz = nn.Parameter(torch.full((1, 1), 0.5))
        self.conv_W00 = ReflectConv(1, 2 * WIDTH)
        for step in range(STEPS):
            self.add_module(f"lrrblock{step}", _Step())

    def step(self, number: int) -> _Step:
        step = self.get_submodule(f"lrrblock{number}")
        assert isinstance(step, _Step)
        return step

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = shrunk(self.conv_W00(x), self.lamj)
        for step in range(STEPS):
            code = shrunk(self.step(step)(x, code, self.lamz), self.lamj)
        return code[:, :WIDTH], code[:, WIDTH:]


@faster(Decomposition)
class FastDecomposition(Form):
    """A few rows of the code go through all of a step before the next: the whole code has 256 channels."""

    def __init__(self, whole: Decomposition):
        super().__init__()
        steps = [whole.step(i) for i in range(STEPS)]
        self.explain = nn.ModuleList([step.conv_Wdz for step in steps])
        self.update = nn.ModuleList([unpadded(part.conv2d) for part in (whole.conv_W00, *(s.conv_Wdtz for s in steps))])
        self.momentum, self.thresholds = whole.lamz, whole.lamj

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, *updates = self.update
        code = torch.empty((len(x), 2 * WIDTH, *x.shape[2:])).to(memory_format=torch.channels_last)
        self._step(code, x, first, None)
        for explain, update in zip(self.explain, updates):
            self._step(code, x - explain(code), update, self.momentum)
        return code[:, :WIDTH], code[:, WIDTH:]

    def _step(self, code: Tensor, rest: Tensor, update: nn.Module, momentum: Tensor | None) -> None:
        """Overwrite the code by what comes of it and of the rest, which it does not explain."""
        rest = F.pad(rest, (1, 1, 1, 1), "reflect")
        rows = max(1, CHUNK * torch.get_num_threads() // code.shape[3])
        for begin in range(0, code.shape[2], rows):
            part = code[:, :, begin:begin + rows]
            new = update(rest[:, :, begin:begin + rows + 2])
            part.copy_(shrunk(new if momentum is None else new.add_(part * momentum), self.thresholds))


class Decoder(nn.Module):
    """Parts of both modalities, each [N,128,H,W] -> fused [N,1,H,W], linear."""

    def __init__(self):
        super().__init__()
        self.conv_ReZx, self.conv_ReUx, self.conv_ReZy, self.conv_ReUy = (ReflectConv(WIDTH, 1) for _ in range(4))
        self.conv_ReL, self.conv_ReH = ReflectConv(2, 1), ReflectConv(2, 1)

    def forward(self, low_ir: Tensor, sparse_ir: Tensor, low_vi: Tensor, sparse_vi: Tensor) -> Tensor:
        low = self.conv_ReL(torch.cat([self.conv_ReZx(low_ir), self.conv_ReZy(low_vi)], 1))
        sparse = self.conv_ReH(torch.cat([self.conv_ReUx(sparse_ir), self.conv_ReUy(sparse_vi)], 1))
        return low + sparse


class LRRNetNetwork(nn.Module):
    """Infrared and luma, [N,1,H,W], each stretched to 0..1 -> fused [N,1,H,W], about 0..1, linear."""

    def __init__(self):
        super().__init__()
        self.get_ls1, self.get_ls2, self.decoder = Decomposition(), Decomposition(), Decoder()

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        return self.decoder(*self.get_ls1(ir), *self.get_ls2(vi))


def _stretch(image: Tensor, epsilon: float) -> Tensor:
    """Min-max as the script does it: just below 1 at most; a flat picture becomes 0."""
    low, high = extremes(image)
    return (image - low) / (high - low + epsilon)


@register
class LRRNet(LumaNetwork):
    card = Card(
        name="lrrnet", title="LRRNet", kind="baseline", task=("ivf",),
        paper="Li et al., LRRNet: A Novel Representation Learning Guided Fusion Framework for Infrared and Visible "
              "Images, IEEE TPAMI 2023",
        venue="IEEE TPAMI", year=2023, trained_on="KAIST",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile(FILE, "1de9dd8dee9b650ce69c74ea53e3b9a6b749222f1059a689aabf28f68ee63e29",
                            REPOSITORY, COMMIT, f"model/{FILE}"),),
        recipe={"released": "float luma, both inputs and the output stretched by min-max per picture, chroma of the "
                            "visible back",
                "official": "rounded grey, both inputs and the output stretched by min-max per picture, x255 "
                            "truncated, grey output"},
        parity="within 3.3e-7 of the authors' network (its float32 noise 1.2e-7). With `official` the 14 of the 21 TNO "
               "pictures in the repository whose sources are at hand come out within one level, 99.993 % of the pixels "
               "equal; 10 of them are in the TNO test set",
    )
    architecture = LRRNetNetwork
    several = True
    memory_format = torch.channels_last

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        out = self.network(_stretch(ir, EPSILON / 255), _stretch(y, EPSILON / 255))
        return truncated(_stretch(out, EPSILON)) if self.protocol == "official" else min_max(out)
