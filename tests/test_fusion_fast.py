"""fusion.fast: compiled convolutions against float64, what accelerate reads out of networks, machines without."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from kernel_scenes import by_threads, needs_kernels
from torch import nn

from fusion.bfloat16 import Bfloat16
from fusion.fast import accelerate, extension
from fusion.fast.choice import LEAST, NARROW, convolution_for
from fusion.fast.convolution import Convolution
from fusion.fast.library import LibraryConvolution
from fusion.fast.narrow import NarrowConvolution
from fusion.fast.norm import PictureNorm
from fusion.fast.products import ProductConvolution
from fusion.fast.tiles import TileConvolution
from fusion.fast.winograd import WinogradConvolution

needs_tiles = pytest.mark.skipif(bool(extension.why_no_tiles()), reason=extension.why_no_tiles())
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def kinds(network: nn.Module) -> dict[type, int]:
    kinds = (Convolution, PictureNorm, nn.Conv2d)
    return {kind: sum(isinstance(module, kind) for module in network.modules()) for kind in kinds}


def same(network: nn.Module, *inputs: torch.Tensor) -> nn.Module:
    """The accelerated network, whose outputs equal the network's on these inputs."""
    network = network.requires_grad_(False)
    fast = accelerate(network)
    torch.testing.assert_close(fast(*inputs), network(*inputs), rtol=0, atol=1e-5)
    return fast


def exact_and_ours(make, channels, outputs, size, dilation, borders, **options):
    """(float64's result, that of the Convolution that `make` makes) of made-up pictures."""
    sources = [pictures(2, count, 13, 21, seed=count) for count in channels]
    weight, bias = pictures(outputs, sum(channels), size, size, seed=1), pictures(outputs, seed=2)
    slope, margin = pictures(outputs, seed=3), size // 2 * dilation
    padded = F.pad(torch.cat(sources, 1).double(), (margin,) * 4, mode=MODES[borders])
    exact = F.prelu(F.conv2d(padded, weight.double(), bias.double(), dilation=dilation), slope.double())
    ours = make(weight, bias, padding=(margin, margin), dilation=dilation, borders=borders, slope=slope,
                **options)(*sources)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    return exact, ours.double()


@needs_tiles
@pytest.mark.parametrize("borders", MODES)
@pytest.mark.parametrize(("channels", "outputs", "size", "dilation"), [
    ((64,), 64, 3, 1), ((3, 30), 17, 3, 1), ((16, 16, 1), 5, 5, 1), ((1,), 33, 3, 1), ((8,), 1, 3, 2),
    ((6,), 16, 1, 1)])
def test_a_convolution_on_tiles_is_as_exact_as_float32(channels, outputs, size, dilation, borders):
    for parts, error in ((3, 3e-6), (2, 2e-5), (1, 2e-2)):
        exact, ours = exact_and_ours(TileConvolution, channels, outputs, size, dilation, borders, parts=parts)
        torch.testing.assert_close(ours, exact, rtol=0, atol=error * exact.abs().max().item())


@needs_kernels
@pytest.mark.parametrize("borders", MODES)
@pytest.mark.parametrize(("channels", "outputs", "dilation"), [
    ((64,), 64, 1), ((3, 30), 17, 1), ((16, 16, 1), 5, 1), ((1,), 33, 1), ((8,), 1, 2), ((9,), 18, 4), ((7,), 65, 1)])
def test_winograds_way_is_as_exact_as_float32(channels, outputs, dilation, borders):
    exact, ours = exact_and_ours(WinogradConvolution, channels, outputs, 3, dilation, borders)
    torch.testing.assert_close(ours, exact, rtol=0, atol=3e-6 * exact.abs().max().item())


@needs_kernels
@pytest.mark.parametrize(("channels", "outputs"), [
    ((64,), 64), ((3, 30), 17), ((16, 16, 1), 4), ((1,), 8), ((8,), 1), ((700,), 33)])
def test_a_product_is_as_exact_as_float32(channels, outputs):
    def make(weight, bias, *, slope, **_):
        return ProductConvolution(weight, bias, slope=slope)

    exact, ours = exact_and_ours(make, channels, outputs, 1, 1, "zeros")
    torch.testing.assert_close(ours, exact, rtol=0, atol=3e-6 * exact.abs().max().item())


@needs_kernels
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (13, 21), (40, 50)])
def test_a_product_with_a_map_added_of_pictures_that_lie_anyhow(size):
    """Contiguous, every second column, some channels of a picture in channels_last."""
    height, width = size
    last = pictures(2, 9, *size, seed=1).contiguous(memory_format=torch.channels_last)
    sources = [pictures(2, 5, *size), pictures(2, 5, height, 2 * width, seed=2)[..., ::2], last[:, 2:8],
               last.repeat(1, 1, 2, 1)[:, :, height:]]
    weight, bias, added = pictures(12, 25, 1, 1, seed=3), pictures(12, seed=4), pictures(2, 12, *size, seed=5)
    done = ProductConvolution(weight, bias, slope=0.1)(*sources, added=added)
    exact = F.leaky_relu(F.conv2d(torch.cat(sources, 1).double(), weight.double(), bias.double()) + added, 0.1)
    torch.testing.assert_close(done.double(), exact, rtol=0, atol=1e-5)
    with pytest.raises(TypeError):
        ProductConvolution(weight)(*sources[1:])


@pytest.mark.parametrize("borders", MODES)
@pytest.mark.parametrize(("channels", "outputs", "size", "dilation"), [
    ((3, 30), 17, 3, 2), ((1,), 5, 5, 1), ((6,), 1, 1, 1)])
def test_the_librarys_with_what_belongs_to_it(channels, outputs, size, dilation, borders):
    exact, ours = exact_and_ours(LibraryConvolution, channels, outputs, size, dilation, borders)
    torch.testing.assert_close(ours, exact, rtol=0, atol=3e-6 * exact.abs().max().item())


@pytest.mark.parametrize("slope", [0.0, 1.0, 0.2])
def test_a_slope_for_all(kind, slope):
    x, weight = pictures(1, 4, 9, 8), pictures(3, 4, 3, 3, seed=1)
    expected = F.leaky_relu(F.conv2d(x, weight), slope)
    torch.testing.assert_close(kind(weight, slope=slope)(x), expected, rtol=0, atol=1e-5)


@needs_kernels
@pytest.mark.parametrize(("rectified", "units"), [(True, 0.68), (False, 1.0)])
def test_winograds_error_is_one_rounding_of_all_that_is_summed(rectified, units):
    """Root mean square, in units of float32 of the sum of the products' sizes: .55 and .90 with AVX-512.

    The library's own is no measure: .46 with AVX2, .24 with AVX-512.
    """
    x, weight = pictures(1, 64, 64, 80), pictures(64, 64, 3, 3, seed=1)
    x = x.abs() if rectified else x
    exact, sizes = (F.conv2d(a.double(), b.double(), padding=1) for a, b in ((x, weight), (x.abs(), weight.abs())))
    error = (WinogradConvolution(weight, padding=(1, 1))(x) - exact).square().mean().sqrt()
    assert error < units * 2 ** -24 * sizes.mean()


@pytest.fixture(params=[pytest.param(TileConvolution, marks=needs_tiles),
                        pytest.param(WinogradConvolution, marks=needs_kernels), LibraryConvolution,
                        NarrowConvolution])
def kind(request):
    return request.param


@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1), (2, 0), (3, 5)])
def test_padding_on_either_side(kind, padding):
    x, weight = pictures(1, 4, 9, 8), pictures(3, 4, 3, 3, seed=1)
    torch.testing.assert_close(kind(weight, padding=padding)(x), F.conv2d(x, weight, padding=padding),
                               rtol=0, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(2, 2), (2, 7), (5, 2), (3, 3), (6, 9)])
def test_pictures_smaller_than_what_is_read_at_a_time(kind, height, width):
    x, weight = pictures(1, 4, height, width), pictures(3, 4, 3, 3, seed=1)
    for borders, mode in MODES.items():
        expected = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), weight)
        ours = kind(weight, padding=(1, 1), borders=borders)(x)
        torch.testing.assert_close(ours, expected, rtol=0, atol=3e-6 * expected.abs().max().item())


def test_slices_of_a_larger_picture(kind):
    x, weight = pictures(1, 12, 10, 11).contiguous(memory_format=torch.channels_last), pictures(4, 5, 3, 3, seed=1)
    part = x[:, 3:8, 2:9]
    torch.testing.assert_close(kind(weight)(part), F.conv2d(part, weight), rtol=0, atol=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_so(kind, value):
    x = torch.zeros(1, 2, 6, 6)
    x[0, 0, 3, 3] = value
    assert not kind(torch.ones(1, 2, 3, 3), padding=(1, 1))(x)[0, 0, 3, 3].isfinite()


def test_threads_do_not_change_a_bit(kind):
    convolution, x = kind(pictures(20, 7, 3, 3)), pictures(2, 7, 70, 66, seed=2)
    alone, together = by_threads(lambda: convolution(x), 1, 3)
    assert torch.equal(alone, together)


@needs_kernels
def test_threads_change_a_norm_within_float64():
    norm, x = PictureNorm(pictures(7), pictures(7, seed=1), 1e-5), pictures(2, 7, 70, 66, seed=2)
    alone, together = by_threads(lambda: norm(x), 1, 3)
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-6)


def test_inputs_that_a_convolution_cannot_take(kind):
    convolution = kind(torch.ones(1, 2, 3, 3), padding=(1, 1), borders="reflect")
    with pytest.raises(TypeError, match="2 float32 channels"):
        convolution(torch.zeros(1, 3, 8, 8))
    with pytest.raises(TypeError, match="float64"):
        convolution(torch.zeros(1, 2, 8, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match="too small"):
        convolution(torch.zeros(1, 2, 1, 8))


@needs_kernels
@pytest.mark.parametrize(("outputs", "channels", "size", "parts", "expected"), [
    (2, LEAST, 3, 3, WinogradConvolution), (1, NARROW, 3, 3, NarrowConvolution), (1, NARROW, 5, 3, NarrowConvolution),
    (2, LEAST - 1, 3, 3, None), (1, NARROW - 1, 3, 3, None), (2, NARROW, 5, 3, None), (2, NARROW, 3, 1, None),
    (1, NARROW, 3, 1, None), (2, 1, 1, 3, ProductConvolution), (2, 1, 1, 1, None)])
def test_which_convolution_is_for_which_kernel(outputs, channels, size, parts, expected):
    chosen = convolution_for(torch.ones(outputs, channels, size, size), parts=parts)
    library = LibraryConvolution if parts == extension.PARTS else type(None)
    other = library if extension.why_no_tiles() else TileConvolution
    assert type(chosen) is (expected or other)


@needs_kernels
@pytest.mark.parametrize("slope", [1.0, 0.2])
def test_norm_with_the_pictures_own_statistics(slope):
    x = pictures(3, 5, 20, 30) * 3 + 100
    weight, bias = pictures(5, seed=1), pictures(5, seed=2)
    exact = F.leaky_relu(F.batch_norm(x.double(), None, None, weight.double(), bias.double(), training=True), slope)
    torch.testing.assert_close(PictureNorm(weight, bias, 1e-5, slope)(x).double(), exact, rtol=0, atol=1e-4)


class Dense(nn.Module):
    """What baselines do: concatenations, functions beside modules, a result that is used twice."""

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(16, 24, 3), nn.BatchNorm2d(24), nn.PReLU())
        self.second, self.third = nn.Conv2d(24, 16, 3, padding=1), nn.Conv2d(40, 17, 3, padding=1)
        self.last = nn.Conv2d(17, 1, 1)
        self.kernel = nn.Parameter(pictures(16, 17, 3, 3) / 50)
        self.first[2].running_mean, self.first[2].running_var = pictures(24), pictures(24, seed=1).abs() + 0.5

    def forward(self, ir, vi):
        x = self.first(torch.cat([ir, vi], dim=1))
        x = torch.cat([F.leaky_relu(self.second(x), 0.2), x], 1)
        y = self.third(x)
        return torch.tanh(F.conv2d(F.pad(y, (1, 1, 1, 1), mode="replicate"), self.kernel)) + self.last(y)


@needs_kernels
def test_padding_norms_activations_and_concatenations_become_one_step():
    fast = same(Dense().eval(), pictures(1, 8, 17, 19), pictures(1, 8, 17, 19, seed=1))
    assert kinds(fast) == {Convolution: 5, PictureNorm: 0, nn.Conv2d: 0}
    assert isinstance(fast, torch.fx.GraphModule) and not [n for n in fast.graph.nodes if n.target is torch.cat]


@needs_kernels
def test_norms_of_the_picture_itself_are_not_folded():
    norm = nn.BatchNorm2d(16, track_running_stats=False)
    network = nn.Sequential(nn.Conv2d(16, 16, 3), norm, nn.ReLU(), nn.Conv2d(16, 16, 3))
    assert kinds(same(network.eval(), pictures(2, 16, 12, 13))) == {Convolution: 2, PictureNorm: 1, nn.Conv2d: 0}
    moving = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))  # in training mode
    assert kinds(accelerate(moving.requires_grad_(False)))[PictureNorm] == 1


@needs_kernels
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("options", [{"kernel_size": 1}, {"stride": 2}, {"groups": 4}], ids=str)
def test_norms_behind_convolutions_that_stay_are_folded(options, bias):
    norm = nn.BatchNorm2d(8)
    norm.running_mean, norm.running_var = pictures(8), pictures(8, seed=1).abs() + 0.5
    norm.weight.data, norm.bias.data = pictures(8, seed=2), pictures(8, seed=3)
    conv = nn.Conv2d(16, 8, bias=bias, **{"kernel_size": 3, **options})
    fast = same(nn.Sequential(conv, norm.eval(), nn.ReLU()), pictures(2, 16, 9, 7))
    assert not [module for module in fast.modules() if isinstance(module, nn.BatchNorm2d)]
    assert conv.bias is None or bias


@needs_kernels
@pytest.mark.parametrize("options", [{"stride": 2}, {"groups": 16}, {"padding": "same"}, {"dilation": (1, 2)},
                                     {"padding": 1, "padding_mode": "circular"}], ids=str)
def test_other_convolutions_stay(options):
    network = nn.Sequential(nn.Conv2d(16, 16, **{"kernel_size": 3, **options}))
    assert accelerate(network) is network


@needs_kernels
def test_parts_of_a_network_that_cannot_be_traced():
    class Choice(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.rest = nn.Sequential(nn.Conv2d(16, 16, 3)), nn.Linear(2, 2)

        def forward(self, x):
            return self.part(x) if x.mean() > 0 else x

    network = Choice()
    fast = same(network, pictures(1, 16, 8, 8).abs())
    assert kinds(fast)[Convolution] == 1 and kinds(network)[Convolution] == 0 and fast.rest is network.rest


def test_products_in_bfloat16():
    """On tiles, where there are any, with float32 sums, and by autocast elsewhere; float32 comes out."""
    network = nn.Sequential(nn.Conv2d(2, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.Conv2d(4, 1, 3)).eval()
    network.requires_grad_(False)
    x = pictures(1, 2, 12, 16)
    exact = network(x)
    for rounded in (accelerate(network, parts=1), network):
        out = Bfloat16(rounded)(x)
        assert out.dtype == torch.float32 and not torch.equal(out, exact)
        torch.testing.assert_close(out, exact, rtol=0, atol=0.02)


def probe(code: str, **environment: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True,
                          text=True).stdout.strip()


CODE = """
import torch
from fusion.fast import accelerate, extension
network = torch.nn.Sequential(torch.nn.Conv2d(16, 16, 3))
print(accelerate(network) is network, extension.why_no_kernels())
"""


def test_it_can_be_switched_off(tmp_path):
    assert probe(CODE, IVFBENCH_KERNELS="off", HOME=str(tmp_path)) == "True IVFBENCH_KERNELS=off"
    assert not list(tmp_path.iterdir())


@needs_kernels
@pytest.mark.parametrize(("environment", "reason"), [
    ({"PATH": ""}, extension.NO_COMPILER), ({"CXX": "/none/c++"}, extension.NO_COMPILER),
    ({"CXX": "/bin/false"}, f"false cannot compile {extension.NAMES}"),
    ({"IVFBENCH_KERNELS": "/dev/null/none"}, f"{extension.NAMES} could not be compiled or loaded (Not a directory)")])
def test_networks_stay_as_they_are_where_nothing_can_be_compiled(tmp_path, environment, reason):
    assert probe(CODE, **{"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **environment}) == f"True {reason}"


@needs_kernels
def test_compiled_once(tmp_path):
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "IVFBENCH_KERNELS": str(tmp_path / "kernels")}
    assert probe(CODE, **home) == "False"
    (made,) = (tmp_path / "kernels").iterdir()
    before = made.stat().st_mtime_ns
    assert probe(CODE, **home) == "False" and made.stat().st_mtime_ns == before

