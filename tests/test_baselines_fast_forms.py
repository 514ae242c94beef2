"""The faster forms of methods' blocks give their modules' numbers."""

import copy
import weakref

import pytest
import torch
from kernel_scenes import by_threads, needs_kernels
from torch import nn

from baselines._windows import Layout
from baselines.auif import AUIFNetwork, OneFilter
from baselines.cddfuse import BaseFeature, CDDFuseNetwork, DetailFeature, DetailNode, RestormerBlock
from baselines.datfuse import DATFuseNetwork
from baselines.defusion import Bottleneck, DeFusionNetwork, FastBottleneck, Layer
from baselines.gesenet import FastMaskedBody, GeSeNetNetwork, RegionMask
from baselines.gifnet import GIFNetNetwork
from baselines.itfuse import CoordinateAttention, Interaction, ITFuseNetwork, Joining
from baselines.lrrnet import LRRNetNetwork
from baselines.matr import MATRNetwork
from baselines.pfcfuse import PFCFuseNetwork, PoolBlock
from baselines.ship import Coupling, DenseBlock, EdgeBlock, SHIPNetwork
from baselines.swinfusion import (
    WIDTH,
    ChunkedCrossBlock,
    ChunkedSelfBlock,
    CompiledCrossBlock,
    CompiledSelfBlock,
    CrossBlock,
    SelfBlock,
    SwinFusionNetwork,
)
from baselines.tardal import ByPicture, TarDALNetwork, use_batch_statistics
from baselines.ydtr import DynamicFilter, YDTRNetwork
from fusion.fast import Form, accelerate, extension
from fusion.fast.forms import form_of
from fusion.smfnet.network.blocks import ChannelNorm

BLOCKS = {"restormer": lambda: RestormerBlock(16, 4), "base": lambda: BaseFeature(16, 4),
          "detail": lambda: DetailNode(16), "pool": lambda: PoolBlock(16)}



def drawn(block: nn.Module) -> nn.Module:
    """Weights that hide nothing: no ones, zeros or 1e-5."""
    generator = torch.Generator().manual_seed(4)
    for name, tensor in block.named_parameters():
        if tensor.ndim < 2 or name.endswith(("temperature", "scale")):
            tensor.data = 0.5 + torch.rand(tensor.shape, generator=generator)
    return block.eval().requires_grad_(False)


def maps(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("last", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(2, 3), (9, 31), (37, 41), (70, 700)])
@pytest.mark.parametrize("kind", BLOCKS)
def test_a_form_is_its_module(kind, size, last):
    block = drawn(BLOCKS[kind]())
    fast, x = form_of(block), maps(2, 16, *size).contiguous(memory_format=last)
    before = x.clone()
    done = fast(x)
    assert isinstance(fast, Form) and done.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(done, block(x), rtol=0, atol=2e-5)
    assert torch.equal(x, before)


@pytest.mark.parametrize("kind", BLOCKS)
def test_threads_change_nothing(kind):
    fast, x = form_of(drawn(BLOCKS[kind]())), maps(1, 16, 70, 301)
    alone, together = by_threads(lambda: fast(x), 1, 2)
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)


@pytest.mark.skipif(extension.switched_off(), reason="networks stay as they are")
@pytest.mark.parametrize("network", [CDDFuseNetwork, PFCFuseNetwork])
def test_every_block_of_a_network_has_its_form(network):
    fast = accelerate(network().eval().requires_grad_(False))
    assert not [m for m in fast.modules() if isinstance(m, RestormerBlock | BaseFeature | DetailNode | PoolBlock)]
    assert len([m for m in fast.modules() if isinstance(m, Form)]) == 14


def test_forms_one_behind_another():
    chain = drawn(DetailFeature(16, 3))
    x = maps(1, 16, 45, 23)
    torch.testing.assert_close(accelerate(chain)(x), chain(x), rtol=0, atol=2e-5)


@pytest.mark.skipif(extension.switched_off(), reason="networks stay as they are")
@pytest.mark.parametrize("network", [SwinFusionNetwork, GIFNetNetwork, LRRNetNetwork, MATRNetwork, DATFuseNetwork,
                                     YDTRNetwork, ITFuseNetwork])
def test_pictures_of_several_chunks(network):
    """Sizes beyond one chunk of windows, tokens or rows, with rows that are left over; as exact as the network is."""
    torch.manual_seed(6)
    plain = drawn(network())
    fast = accelerate(plain)
    assert any(isinstance(module, Form) for module in fast.modules())
    side = 72 if network is MATRNetwork else 99
    pictures = [torch.rand(1, 1, 72, side, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    noise, ours = errors(plain, fast, *pictures)
    assert ours < 4 * noise + 1e-6


def errors(plain, fast, *inputs):
    """Largest differences of both from the plain network in float64."""
    exact = copy.deepcopy(plain).double()(*(x.double() for x in inputs))
    return (float((path(*inputs) - exact).abs().max()) for path in (plain, fast))


@pytest.mark.parametrize("shifted", [False, True])
@pytest.mark.parametrize("size", [(8, 8), (8, 24), (40, 56), (72, 136)])
@pytest.mark.parametrize(("kind", "forms", "inputs"), [(SelfBlock, (ChunkedSelfBlock, CompiledSelfBlock), 1),
                                                       (CrossBlock, (ChunkedCrossBlock, CompiledCrossBlock), 2)])
@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=needs_kernels)])
def test_swinfusions_blocks(kind, forms, inputs, size, shifted, compiled):
    """One window and several chunks, two pictures whose rows do not lie together in memory."""
    torch.manual_seed(7)
    plain, layout = drawn(kind(shifted)), Layout(*size, torch.device("cpu"))
    for name, tensor in plain.named_parameters():
        if name.endswith("bias_table"):
            tensor.data = torch.randn(tensor.shape)
    fast = forms[compiled](plain)
    given = [maps(2, WIDTH, *size).roll(i, 1).permute(0, 2, 3, 1) for i in range(inputs)]
    before = [x.clone() for x in given]
    exact = stacked(copy.deepcopy(plain).double()(*(x.double() for x in given), layout))
    noise, ours = (float((stacked(block(*given, layout)) - exact).abs().max()) for block in (plain, fast))
    assert ours < 4 * noise + 1e-6
    assert all(map(torch.equal, given, before))


def stacked(pictures: torch.Tensor | tuple[torch.Tensor, ...]) -> torch.Tensor:
    return pictures if isinstance(pictures, torch.Tensor) else torch.stack(pictures)


@needs_kernels
def test_swinfusions_blocks_are_compiled():
    fast = accelerate(SwinFusionNetwork().eval().requires_grad_(False))
    kinds = [type(module) for module in fast.modules() if isinstance(module, Form)]
    assert (kinds.count(CompiledSelfBlock), kinds.count(CompiledCrossBlock)) == (20, 4)


@pytest.mark.parametrize("size", [(2, 3), (9, 31), (70, 66)])
@pytest.mark.parametrize(("kind", "arguments"), [(EdgeBlock, (16,)), (DenseBlock, (16, 24)), (Coupling, (32,)),
                                                 (ChannelNorm, (16,))])
def test_blocks_that_are_written_anew(kind, arguments, size):
    torch.manual_seed(7)
    plain, x = drawn(kind(*arguments)), maps(2, arguments[0], *size)
    before = x.clone()
    noise, ours = errors(plain, accelerate(plain), x)
    assert ours < 8 * noise + 1e-6
    assert torch.equal(x, before)


@pytest.mark.parametrize("size", [(2, 3), (9, 31), (70, 66)])
@pytest.mark.parametrize(("kind", "width", "inputs"), [
    (CoordinateAttention, 16, 1), (Interaction, 16, 3), (Joining, 16, 3), (DynamicFilter, 64, 1)])
@pytest.mark.parametrize("last", [torch.contiguous_format, torch.channels_last])
def test_weights_of_pixels_rows_and_columns(kind, width, inputs, size, last):
    plain = with_statistics(drawn(kind()))
    given = [(maps(2, width, *size) * (i + 1)).cos().contiguous(memory_format=last) for i in range(inputs)]
    before = [x.clone() for x in given]
    noise, ours = errors(plain, accelerate(plain), *given)
    assert ours < 8 * noise + 1e-6
    assert all(map(torch.equal, given, before))


def with_statistics(network: nn.Module) -> nn.Module:
    """Batch norms that have seen pictures."""
    generator = torch.Generator().manual_seed(8)
    for norm in (module for module in network.modules() if isinstance(module, nn.BatchNorm2d)):
        norm.running_mean = torch.randn(norm.num_features, generator=generator) / 4
        norm.running_var = 0.5 + torch.rand(norm.num_features, generator=generator)
    return network


@pytest.mark.skipif(extension.switched_off(), reason="networks stay as they are")
@pytest.mark.parametrize("size", [(10, 10), (11, 37)])
def test_auifs_two_convolutions_are_one_away_from_the_border(size):
    torch.manual_seed(7)
    plain, pictures = drawn(AUIFNetwork()), [maps(2, 1, *size).abs(), maps(2, 1, *size).sin()]
    fast = accelerate(plain)
    assert len([m for m in fast.modules() if isinstance(m, OneFilter)]) == 20
    noise, ours = errors(plain, fast, *pictures)
    assert ours < 4 * noise + 1e-6


@needs_kernels
def test_parts_of_forms_within_traced_modules_are_replaced():
    fast = accelerate(SHIPNetwork().eval().requires_grad_(False))
    assert [m for m in fast.modules() if isinstance(m, Form)]
    assert not [m for m in fast.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]


@needs_kernels
@pytest.mark.parametrize("size", [(1, 1), (7, 9), (41, 66)])
def test_tardals_batches_picture_by_picture(size):
    batch = [torch.rand(3, 1, *size, generator=torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    network = drawn(TarDALNetwork())
    assert form_of(network) is None  # its stored statistics, as the files for other tasks are run, are folded
    fast = accelerate(use_batch_statistics(network))
    assert isinstance(fast, ByPicture)
    torch.testing.assert_close(fast(*batch), network(*batch), rtol=0, atol=2e-5)


@needs_kernels
def test_tardal_lets_a_pictures_features_go(monkeypatch):
    """By weak references: resident memory scatters."""
    fast = accelerate(use_batch_statistics(drawn(TarDALNetwork())))
    features, made, alive = fast.features, [], []

    def followed(sources):
        maps = features(sources)
        made.extend(map(weakref.ref, maps))
        return maps

    monkeypatch.setattr(fast, "features", followed)
    fast.widest.register_forward_pre_hook(lambda *_: alive.append(sum(ref() is not None for ref in made)))
    with torch.inference_mode():
        fast(*torch.rand(2, 4, 1, 8, 9))
    assert alive == [4, 3, 2, 1] and not any(ref() is not None for ref in made)


@needs_kernels
@pytest.mark.parametrize("size", [(2, 3), (9, 31), (42, 66)])
@pytest.mark.parametrize(("channels", "width", "options"), [
    (16, 4, {}), (12, 8, {"pool": True}), (128, 32, {}), (24, 32, {"stride": 2}), (40, 64, {"pooled_shortcut": False})])
def test_defusions_bottlenecks(channels, width, options, size):
    torch.manual_seed(7)
    plain, x = drawn(Layer(channels, width, 2, **options)), maps(2, channels, *size)
    before, fast = x.clone(), accelerate(plain)
    assert not [m for m in fast.modules() if isinstance(m, Bottleneck)]
    noise, ours = errors(plain, fast, x)
    assert ours < 8 * noise + 1e-6
    assert torch.equal(x, before)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(fast(x).float(), plain(x).float(), rtol=0, atol=0.05 * float(plain(x).abs().max()))


@needs_kernels
@pytest.mark.parametrize("size", [(32, 48), (33, 51)])
def test_defusions_halves_of_odd_sizes(size):
    torch.manual_seed(7)
    plain = drawn(DeFusionNetwork())
    fast = accelerate(plain)
    assert len({m for m in fast.modules() if isinstance(m, FastBottleneck)}) == 52
    noise, ours = errors(plain, fast, *(maps(1, 1, *size).abs() for _ in range(2)))
    assert ours < 4 * noise + 1e-6


@needs_kernels
@pytest.mark.parametrize("size", [(2, 4), (10, 30), (38, 66)])
@pytest.mark.parametrize("kinds", ["both", "everywhere", "inside", "in turns"])
def test_gesenets_kinds_of_channels(kinds, size):
    """Some channels are of neither kind."""
    torch.manual_seed(7)
    plain, x = drawn(RegionMask()), maps(2, 32, *size)
    mask = maps(1, 32, 4, 2)
    mask[0, :3] = 0
    if kinds != "both":
        kind = {"everywhere": 0, "inside": 1, "in turns": torch.arange(4) % 2}[kinds]
        mask[0, 3:] = nn.functional.one_hot(torch.as_tensor(kind).expand(4), 2).float()
    plain.body.ch_mask.data = mask
    before, fast = x.clone(), accelerate(plain)
    assert any(isinstance(module, FastMaskedBody) for module in fast.modules())
    noise, ours = errors(plain, fast, x)
    assert ours < 8 * noise + 1e-6
    assert torch.equal(x, before)
    plain.body.ch_mask.data[:, :, 2] = 0  # a layer without any channel
    assert form_of(plain.body) is None


@needs_kernels
def test_gesenet_is_its_network():
    torch.manual_seed(7)
    plain = drawn(GeSeNetNetwork())
    for side in (plain.vis_rmm, plain.inf_rmm):
        side.body.ch_mask.data = maps(*side.body.ch_mask.shape)
    noise, ours = errors(plain, accelerate(plain), *(maps(1, 1, 34, 50).abs() for _ in range(2)))
    assert ours < 8 * noise + 1e-6
