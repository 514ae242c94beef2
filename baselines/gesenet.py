"""GeSeNet (Li et al., IEEE TNNLS 2023): edge enhancement, learned region and channel masks, and a global refinement.

Facts of the network and recipe: lok-18/GeSeNet@89f7fe97, `model.py`, `RMM.py`, `test.py`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._blocks import GradientResidualDense, LeakyConv, same_conv
from baselines.network import LumaNetwork, min_max, truncated
from fusion.fast import Form, faster, why_no_kernels
from fusion.fast.products import ProductConvolution
from fusion.fast.winograd import WinogradConvolution
from fusion.method import Card, WeightFile, register

NARROW, WIDTH, LAYERS = 16, 32, 4
REPOSITORY, COMMIT = "lok-18/GeSeNet", "89f7fe97480ab9a115e8f7853e50853a6d4089db"


class _MaskedBody(nn.Module):
    """Four 3x3 layers; a channel is either computed everywhere or, and then also used, only inside the region mask."""

    def __init__(self):
        super().__init__()
        self.ch_mask = nn.Parameter(torch.zeros(1, WIDTH, LAYERS, 2))
        self.body = nn.Sequential(*(same_conv(WIDTH, WIDTH, bias=False) for _ in range(LAYERS)))
        self.collect = nn.Conv2d(WIDTH * LAYERS, WIDTH, 1)

    def forward(self, x: Tensor, region: Tensor) -> Tensor:
        choice = self.ch_mask.softmax(3).round()
        everywhere, inside = choice[..., :1], choice[..., 1:]  # each [1,32,LAYERS,1]
        outputs = []
        for at, layer in enumerate(self.body):
            now_all, now_in = everywhere[:, :, at:at + 1], inside[:, :, at:at + 1]
            if at == 0:
                x = layer(x) * (now_all + now_in * region)
            else:
                from_all, from_in = layer(x * everywhere[:, :, at - 1:at]), layer(x * inside[:, :, at - 1:at])
                x = from_all * (now_all + now_in * region) + from_in * (now_all + now_in) * region
            x = F.relu(x)
            outputs.append(x)
        return self.collect(torch.cat(outputs, 1))


class _Kinds(nn.Module):
    """A layer that takes the channels computed everywhere and those inside the region apart, and makes them likewise.

    before, now: numbers of either kind's channels, (everywhere, inside), of the layer before and of this one.
    """

    def __init__(self, layer: nn.Module, before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]):
        super().__init__()
        assert isinstance(layer, nn.Conv2d)
        self.split_before, self.split = len(before[0]), len(now[0])
        weight = layer.weight[torch.cat(now)]
        self.everywhere, self.inside = (WinogradConvolution(weight[:, channels], padding=(1, 1)) if len(channels)
                                        else None for channels in before)

    def forward(self, x: Tensor, region: Tensor) -> Tensor:
        """Channels [N,C,H,W], those of inside behind the others, and region [N,1,H,W] -> the same of this layer."""
        parts = []
        if self.everywhere is not None:
            parts.append(self.everywhere(x[:, :self.split_before]))
        if self.inside is not None:
            parts.append(self.inside(x[:, self.split_before:]).mul_(region))
        y = parts[0] if len(parts) == 1 else parts[0].add_(parts[1])
        y[:, self.split:].mul_(region)
        return y.relu_()


class FastMaskedBody(Form):
    """_MaskedBody without the channels that its masks make zero, those of one kind side by side.

    It stays float32, also where convolutions are bfloat16.
    """

    def __init__(self, body: _MaskedBody):
        super().__init__()
        kinds = _kinds(body)
        first = (torch.arange(WIDTH), torch.arange(0))
        self.layers = nn.ModuleList(map(_Kinds, body.body, (first, *kinds[:-1]), kinds))
        used = torch.cat([WIDTH * at + channels for at, kind in enumerate(kinds) for channels in kind])
        self.collect = ProductConvolution(body.collect.weight[:, used], body.collect.bias)

    @torch.autocast("cpu", enabled=False)
    def forward(self, x: Tensor, region: Tensor) -> Tensor:
        x, region, outputs = x.float(), region.float(), []
        for layer in self.layers:
            x = layer(x, region)
            outputs.append(x)
        return self.collect(*outputs)


def _kinds(body: _MaskedBody) -> list[tuple[Tensor, Tensor]]:
    """The numbers of every layer's channels that are computed everywhere, and of those inside the region."""
    choice = body.ch_mask.softmax(3).round()[0].transpose(0, 1)  # [LAYERS,32,2]
    return [(layer[:, 0].nonzero()[:, 0], layer[:, 1].nonzero()[:, 0]) for layer in choice]


@faster(_MaskedBody)
def fast_masked_body(body: _MaskedBody) -> FastMaskedBody | None:
    """The body for inference where compiled code runs and every layer has channels."""
    alive = all(map(len, map(torch.cat, _kinds(body))))
    return FastMaskedBody(body) if alive and not why_no_kernels() else None


class RegionMask(nn.Module):
    """[1,32,H,W], H and W even -> the same shape."""

    def __init__(self):
        super().__init__()
        few = WIDTH // 4
        self.spa_mask = nn.Sequential(same_conv(WIDTH, few), nn.ReLU(), nn.AvgPool2d(2), same_conv(few, few), nn.ReLU(),
                                      nn.ConvTranspose2d(few, 2, 3, 2, 1, output_padding=1))
        self.body = _MaskedBody()
        self.ca = nn.ModuleDict({"conv_du": nn.Sequential(nn.Conv2d(WIDTH, WIDTH // 16, 1), nn.ReLU(),
                                                          nn.Conv2d(WIDTH // 16, WIDTH, 1), nn.Sigmoid())})

    def forward(self, x: Tensor) -> Tensor:
        scores = self.spa_mask(x)
        region = (scores[:, 1:] > scores[:, :1]).to(x.dtype)
        out = self.body(x, region)
        return out * self.ca["conv_du"](out.mean((2, 3), keepdim=True)) + x


class Refinement(nn.Module):
    """[1,64,H,W] modulated by the structural picture's features [1,32,H,W]."""

    def __init__(self):
        super().__init__()
        self.SFT_scale_conv0, self.SFT_scale_conv1 = same_conv(WIDTH, WIDTH), same_conv(WIDTH, 2 * WIDTH)
        self.SFT_shift_conv0, self.SFT_shift_conv1 = same_conv(WIDTH, WIDTH, 1), same_conv(WIDTH, 2 * WIDTH, 1)
        self.SFT2 = same_conv(4 * WIDTH, 2 * WIDTH)

    def forward(self, x: Tensor, structure: Tensor) -> Tensor:
        scale = self.SFT_scale_conv1(F.leaky_relu(self.SFT_scale_conv0(structure), 0.1))
        shift = self.SFT_shift_conv1(F.leaky_relu(self.SFT_shift_conv0(structure), 0.1))
        return F.leaky_relu(self.SFT2(torch.cat([x, scale], 1))) + shift


class GeSeNetNetwork(nn.Module):
    """Luma of the functional picture and MRI, [1,1,H,W] in 0..1, H and W even -> fused [1,1,H,W] in 0..1."""

    vis_conv: LeakyConv
    inf_conv: LeakyConv
    vis_eem: GradientResidualDense
    inf_eem: GradientResidualDense
    vis_rmm: RegionMask
    inf_rmm: RegionMask

    def __init__(self):
        super().__init__()
        for side in ("vis", "inf"):
            self.add_module(f"{side}_conv", LeakyConv(1, NARROW))
            self.add_module(f"{side}_eem", GradientResidualDense(NARROW, WIDTH))
            self.add_module(f"{side}_rmm", RegionMask())
        self.sft = Refinement()
        self.decoder2 = LeakyConv(3 * WIDTH, WIDTH)
        # the batch norm of the released file is never called
        self.decoder1 = nn.ModuleDict({"conv": same_conv(WIDTH, 1), "bn": nn.BatchNorm2d(1)})

    def forward(self, functional: Tensor, mri: Tensor) -> Tensor:
        vis, inf = self.vis_eem(self.vis_conv(functional)), self.inf_eem(self.inf_conv(mri))
        x = self.sft(torch.cat([self.vis_rmm(vis), self.inf_rmm(inf)], 1), inf)
        x = self.decoder2(torch.cat([x, vis], 1))
        return torch.tanh(self.decoder1["conv"](x)) / 2 + 0.5


@register
class GeSeNet(LumaNetwork):
    card = Card(
        name="gesenet", title="GeSeNet", kind="baseline", task=("mif",),
        paper="Li et al., GeSeNet: A General Semantic-Guided Network With Couple Mask Ensemble for Medical Image "
              "Fusion, IEEE TNNLS 2023",
        venue="IEEE TNNLS", year=2023, trained_on="Harvard medical",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="MIT",
        weights=(WeightFile("GeSeNet.pth", "3ecbeb6321d190a088a96adac244fcb384506cbfaf31880f08462d2aba518909",
                            REPOSITORY, COMMIT, "model/GeSeNet.pth"),),
        recipe={"released": "float luma, hard masks (evaluation mode), chroma of the functional picture back",
                "official": "rounded grey, hard masks, min-max per picture, x255 truncated, grey output"},
        parity="network from the authors' source. Their script never leaves training mode, so its masks are drawn at "
               "random and its output changes from run to run; here the masks are the hard ones of evaluation mode. "
               "The medical rows are not reproduced (Table IV's protocol is open)",
        trained_on_medical=True,
    )
    architecture = GeSeNetNetwork
    several = True

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        height, width = y.shape[-2:]  # the mask branch halves and doubles: odd sizes get a copied row or column
        y, ir = (F.pad(x, (0, width % 2, 0, height % 2), mode="replicate") for x in (y, ir))
        out = self.network(y, ir)[..., :height, :width]
        return truncated(min_max(out)) if self.protocol == "official" else out
