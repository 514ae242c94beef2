"""SwinFusion (Ma et al., JAS 2022): windowed self- and cross-attention.

Facts of the network and recipe: `network_swinfusion1.py` and `test_swinfusion.py` in Linfeng-Tang/SwinFusion@ceeec3fe.
The script's `depths` has no effect: the net has 4 blocks per extractor, 2 + 2 for fusion and 4 for reconstruction.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines._checkpoint import load_state, restore
from baselines._windows import CHUNK, WINDOW, FeedForward, Layout, WindowAttention, needed
from baselines.network import LumaNetwork
from fusion.fast import Form, faster, in_chunks, why_no_kernels
from fusion.fast.attention import Masks, attention
from fusion.fast.linear import Linear
from fusion.fast.pointwise import gelu_, normed
from fusion.method import Card, WeightFile, register

WIDTH, HEADS, MLP_RATIO = 60, 6, 2
REPOSITORY, COMMIT = "Linfeng-Tang/SwinFusion", "ceeec3fe935630b4d1f2f545984a7a6cb5133f62"
FOLDER = "Model/Infrared_Visible_Fusion/Infrared_Visible_Fusion/models"


class SelfBlock(nn.Module):
    """Swin block on one modality. [N,H,W,C] -> [N,H,W,C]."""

    def __init__(self, shifted: bool):
        super().__init__()
        self.shifted = shifted
        self.norm1, self.attn = nn.LayerNorm(WIDTH), WindowAttention(False, WIDTH, HEADS)
        self.norm2, self.mlp = nn.LayerNorm(WIDTH), FeedForward(WIDTH, MLP_RATIO)

    def within(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The block on windows, [windows,64,C]; mask [windows,1,64,64]."""
        seen = self.norm1(x)
        x = x + self.attn(seen, seen, mask)
        return x + self.mlp(self.norm2(x))

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        return layout.picture(self.within(*layout.windows(self.shifted, x)), self.shifted)


class ChunkedSelfBlock(Form):
    """A few windows go through the whole block before the next."""

    def __init__(self, block: SelfBlock):
        super().__init__()
        self.block, self.shifted = block, block.shifted

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        return layout.picture(in_chunks(self._within, CHUNK, *layout.windows(self.shifted, x)), self.shifted)

    def _within(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.block.within(x, needed(mask))


class CompiledSteps(nn.Module):
    """One modality's way through a block in compiled code, in the place of its windows [windows,64,C]."""

    def __init__(self, norm1: nn.LayerNorm, gives: nn.Linear, attn: WindowAttention, norm2: nn.LayerNorm,
                 mlp: FeedForward):
        """gives: what the modality's pixels give to attentions, 3 * C values, as queries, keys and values."""
        super().__init__()
        self.norm1, self.norm2, self.bias = norm1, norm2, attn.bias_of_keys()
        self.gives, self.proj, self.fc1, self.fc2 = (Linear(layer.weight, layer.bias)
                                                     for layer in (gives, attn.proj, mlp.fc1, mlp.fc2))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Windows -> queries, keys and values, columns of one product."""
        q, k, v = self.gives(normed(self.norm1, x)).chunk(3, -1)
        return q, k, v

    def finish(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor, masks: Masks | None) -> Tensor:
        """All behind the projection, in x's place."""
        self.proj(attention(q, k, v, self.bias, masks), added=x, out=x)
        return self.fc2(gelu_(self.fc1(normed(self.norm2, x))), added=x, out=x)


class CompiledSelfBlock(Form):
    """A few windows go from the picture through the whole block and back before the next."""

    def __init__(self, block: SelfBlock):
        super().__init__()
        self.shifted = block.shifted
        self.steps = CompiledSteps(block.norm1, block.attn.qkv, block.attn, block.norm2, block.mlp)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        windows, masks = layout.going_round(self.shifted, len(x))
        x = x.float().contiguous()
        out = torch.empty_like(x)
        for begin, end in windows.chunks(CHUNK):
            taken = windows.take(x, begin, end)
            done = self.steps.finish(taken, *self.steps.project(taken), masks and masks.of(begin, end))
            windows.put(done, out, begin)
        return out


@faster(SelfBlock)
def _fast_self_block(block: SelfBlock) -> Form:
    return ChunkedSelfBlock(block) if why_no_kernels() else CompiledSelfBlock(block)


class CrossBlock(nn.Module):
    """Swin block in which each modality asks the other. Two [N,H,W,C] -> two [N,H,W,C]."""

    norm1_A: nn.LayerNorm
    norm1_B: nn.LayerNorm
    attn_A: WindowAttention
    attn_B: WindowAttention
    norm2_A: nn.LayerNorm
    norm2_B: nn.LayerNorm
    mlp_A: FeedForward
    mlp_B: FeedForward

    def __init__(self, shifted: bool):
        super().__init__()
        self.shifted = shifted
        for side in "AB":
            self.add_module(f"norm1_{side}", nn.LayerNorm(WIDTH))
            self.add_module(f"attn_{side}", WindowAttention(True, WIDTH, HEADS))
            self.add_module(f"norm2_{side}", nn.LayerNorm(WIDTH))
            self.add_module(f"mlp_{side}", FeedForward(WIDTH, MLP_RATIO))

    def within(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """The block on windows, [windows,64,C] each; mask [windows,1,64,64]."""
        seen_x, seen_y = self.norm1_A(x), self.norm1_B(y)
        x, y = x + self.attn_A(seen_x, seen_y, mask), y + self.attn_B(seen_y, seen_x, mask)
        return x + self.mlp_A(self.norm2_A(x)), y + self.mlp_B(self.norm2_B(y))

    def forward(self, x: Tensor, y: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        x, y = self.within(*layout.windows(self.shifted, x, y))
        return layout.picture(x, self.shifted), layout.picture(y, self.shifted)


class ChunkedCrossBlock(Form):
    """A few windows of both modalities go through the whole block before the next."""

    def __init__(self, block: CrossBlock):
        super().__init__()
        self.block, self.shifted = block, block.shifted

    def forward(self, x: Tensor, y: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        both = in_chunks(self._within, CHUNK, *layout.windows(self.shifted, x, y))
        x, y = layout.picture(both, self.shifted).chunk(2, -1)
        return x, y

    def _within(self, x: Tensor, y: Tensor, mask: Tensor | None = None) -> Tensor:
        return torch.cat(self.block.within(x, y, needed(mask)), -1)


class CompiledCrossBlock(Form):
    """A few windows of both modalities go from the pictures through the whole block and back before the next.

    What either modality gives, its own queries and the other's keys and values, is one product.
    """

    def __init__(self, block: CrossBlock):
        super().__init__()
        self.shifted = block.shifted
        a, b = block.attn_A, block.attn_B
        self.steps_A = CompiledSteps(block.norm1_A, side_by_side(a.q, b.kv), a, block.norm2_A, block.mlp_A)
        self.steps_B = CompiledSteps(block.norm1_B, side_by_side(b.q, a.kv), b, block.norm2_B, block.mlp_B)

    def forward(self, x: Tensor, y: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        windows, masks = layout.going_round(self.shifted, len(x))
        x, y = x.float().contiguous(), y.float().contiguous()
        out_x, out_y = torch.empty_like(x), torch.empty_like(y)
        for begin, end in windows.chunks(CHUNK):
            taken_x, taken_y = windows.take(x, begin, end), windows.take(y, begin, end)
            (q_x, k_x, v_x), (q_y, k_y, v_y) = self.steps_A.project(taken_x), self.steps_B.project(taken_y)
            some = masks and masks.of(begin, end)
            windows.put(self.steps_A.finish(taken_x, q_x, k_y, v_y, some), out_x, begin)
            windows.put(self.steps_B.finish(taken_y, q_y, k_x, v_x, some), out_y, begin)
        return out_x, out_y


@faster(CrossBlock)
def _fast_cross_block(block: CrossBlock) -> Form:
    return ChunkedCrossBlock(block) if why_no_kernels() else CompiledCrossBlock(block)


def side_by_side(*layers: nn.Linear) -> nn.Linear:
    """One layer whose outputs are those of all; weights are copied."""
    joined = nn.Linear(layers[0].in_features, sum(layer.out_features for layer in layers))
    joined.weight = nn.Parameter(torch.cat([layer.weight for layer in layers]), False)
    joined.bias = nn.Parameter(torch.cat([layer.bias for layer in layers]), False)
    return joined


class Blocks(nn.Module):
    """`depth` blocks, every second one with shifted windows."""

    def __init__(self, block: type[nn.Module], depth: int):
        super().__init__()
        self.blocks = nn.ModuleList(block(shifted=i % 2 == 1) for i in range(depth))


class SelfLayer(nn.Module):
    def __init__(self, depth: int):
        super().__init__()
        self.residual_group = Blocks(SelfBlock, depth)

    def forward(self, x: Tensor, layout: Layout) -> Tensor:
        for block in self.residual_group.blocks:
            x = block(x, layout)
        return x


class FusionLayer(nn.Module):
    """Blocks on each modality alone, then cross blocks."""

    def __init__(self, depth: int):
        super().__init__()
        self.residual_group = Blocks(CrossBlock, depth)
        self.residual_group_A, self.residual_group_B = Blocks(SelfBlock, depth), Blocks(SelfBlock, depth)

    def forward(self, x: Tensor, y: Tensor, layout: Layout) -> tuple[Tensor, Tensor]:
        for block in self.residual_group_A.blocks:
            x = block(x, layout)
        for block in self.residual_group_B.blocks:
            y = block(y, layout)
        for block in self.residual_group.blocks:
            x, y = block(x, y, layout)
        return x, y


class SwinFusionNetwork(nn.Module):
    """Infrared and visible luma, [N,1,H,W] in 0..1 -> fused [N,1,H,W], not clamped; pads by reflection to 8."""

    def __init__(self):
        super().__init__()
        half, quarter = WIDTH // 2, WIDTH // 4
        self.conv_first1_A, self.conv_first2_A = _conv(1, half), _conv(half, WIDTH)
        # stored in the released file and used nowhere
        self.conv_first1_B, self.conv_first2_B = _conv(1, half), _conv(half, half)
        self.patch_embed = nn.Module()
        self.patch_embed.norm = nn.LayerNorm(WIDTH)
        self.layers_Ex_A, self.norm_Ex_A = nn.ModuleList([SelfLayer(4)]), nn.LayerNorm(WIDTH)
        self.layers_Ex_B, self.norm_Ex_B = nn.ModuleList([SelfLayer(4)]), nn.LayerNorm(WIDTH)
        self.layers_Fusion = nn.ModuleList([FusionLayer(2), FusionLayer(2)])
        self.norm_Fusion_A, self.norm_Fusion_B = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.layers_Re, self.norm_Re = nn.ModuleList([SelfLayer(4)]), nn.LayerNorm(WIDTH)
        self.conv_after_body_Fusion = _conv(2 * WIDTH, WIDTH)
        self.conv_last1, self.conv_last2, self.conv_last3 = _conv(WIDTH, half), _conv(half, quarter), _conv(quarter, 1)

    def extract(self, image: Tensor, layers: nn.ModuleList, norm: nn.LayerNorm, layout: Layout) -> Tensor:
        """One modality [N,1,H,W] -> features [N,60,H,W]; the first convolutions serve both modalities."""
        x = _leaky(self.conv_first2_A(_leaky(self.conv_first1_A(image))))
        return self.attend(x, layers, norm, layout)

    def attend(self, x: Tensor, layers: nn.ModuleList, norm: nn.LayerNorm, layout: Layout) -> Tensor:
        x = self.embed(x)
        for layer in layers:
            x = layer(x, layout)
        return norm(x).permute(0, 3, 1, 2)

    def embed(self, x: Tensor) -> Tensor:
        """[N,C,H,W] -> [N,H,W,C], normalised; one norm serves every stage."""
        return self.patch_embed.norm(x.permute(0, 2, 3, 1))

    def fuse(self, x: Tensor, y: Tensor, layout: Layout) -> Tensor:
        x, y = self.embed(x), self.embed(y)
        for layer in self.layers_Fusion:
            x, y = layer(x, y, layout)
        both = torch.cat([self.norm_Fusion_A(x), self.norm_Fusion_B(y)], dim=-1).permute(0, 3, 1, 2)
        return _leaky(self.conv_after_body_Fusion(both))

    def forward(self, ir: Tensor, vi: Tensor) -> Tensor:
        height, width = ir.shape[-2:]
        pad = (0, -width % WINDOW, 0, -height % WINDOW)
        ir, vi = F.pad(ir, pad, "reflect"), F.pad(vi, pad, "reflect")
        layout = Layout(ir.shape[-2], ir.shape[-1], ir.device)
        x = self.extract(ir, self.layers_Ex_A, self.norm_Ex_A, layout)
        y = self.extract(vi, self.layers_Ex_B, self.norm_Ex_B, layout)
        x = self.attend(self.fuse(x, y, layout), self.layers_Re, self.norm_Re, layout)
        x = self.conv_last3(_leaky(self.conv_last2(_leaky(self.conv_last1(x)))))
        return x[..., :height, :width]


def _conv(channels_in: int, channels_out: int) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels_out, 3, padding=1)


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2)


def mirror(image: Tensor) -> Tensor:
    """Add 1..8 mirrored rows and columns, as the script does even where the size is a multiple of 8."""
    height, width = ((length // WINDOW + 1) * WINDOW for length in image.shape[-2:])
    image = torch.cat([image, image.flip(-2)], dim=-2)[..., :height, :]
    return torch.cat([image, image.flip(-1)], dim=-1)[..., :width]


@register
class SwinFusion(LumaNetwork):
    card = Card(
        name="swinfusion", title="SwinFusion", kind="baseline", task=("ivf",),
        paper="Ma et al., SwinFusion: Cross-domain Long-range Learning for General Image Fusion via Swin Transformer, "
              "IEEE/CAA Journal of Automatica Sinica 2022",
        venue="IEEE/CAA Journal of Automatica Sinica", year=2022, trained_on="MSRS",
        repository=f"{REPOSITORY}@{COMMIT[:8]}", licence="none stated",
        weights=(WeightFile("10000_E.pth", "", REPOSITORY, COMMIT, f"{FOLDER}/10000_E.pth"),),
        recipe={"released": "float luma, 1 to 8 mirrored rows and columns added and cropped, clamped to 0..1, chroma "
                            "of the visible back",
                "official": "rounded grey, 1 to 8 mirrored rows and columns added and cropped, clamped, grey output"},
        parity="network and padding within float32 noise of the authors' code under filled weights; the released file "
               "is in the repository but could not be had here, so neither its hash nor Table I's rows are checked",
    )
    architecture = SwinFusionNetwork
    several = True
    table5_thop = True

    def build(self, files):
        network = self.architecture()
        for path in files:
            state = load_state(path, optional="params")
            # masks of shifted windows at 128x128; here they are computed for the picture at hand
            restore(network, {name: value for name, value in state.items() if not name.endswith(".attn_mask")}, path)
        return network

    def run(self, ir: Tensor, y: Tensor) -> Tensor:
        height, width = ir.shape[-2:]
        return self.network(mirror(ir), mirror(y))[..., :height, :width].clamp(0, 1)
