"""fusion.fast: compiled convolutions against float64, what accelerate reads out of networks, machines without."""

import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fusion.bfloat16 import Bfloat16
from fusion.fast import accelerate, extension
from fusion.fast.convolution import Convolution
from fusion.fast.norm import PictureNorm

needs_kernels = pytest.mark.skipif(bool(extension.why_not()), reason=extension.why_not())
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "replicate"}


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def kinds(network: nn.Module) -> dict[type, int]:
    found = [type(module) for module in network.modules()]
    return {kind: found.count(kind) for kind in (Convolution, PictureNorm, nn.Conv2d)}


def same(network: nn.Module, *inputs: torch.Tensor) -> nn.Module:
    """The accelerated network, whose outputs equal the network's on these inputs."""
    network = network.requires_grad_(False)
    fast = accelerate(network)
    torch.testing.assert_close(fast(*inputs), network(*inputs), rtol=0, atol=1e-5)
    return fast


@needs_kernels
@pytest.mark.parametrize("borders", MODES)
@pytest.mark.parametrize(("channels", "outputs", "size", "dilation"), [
    ((64,), 64, 3, 1), ((3, 30), 17, 3, 1), ((16, 16, 1), 5, 5, 1), ((1,), 33, 3, 1), ((8,), 1, 3, 2),
    ((6,), 16, 1, 1)])
def test_a_convolution_is_as_exact_as_float32(channels, outputs, size, dilation, borders):
    height, width = 13, 21
    sources = [pictures(2, count, height, width, seed=count) for count in channels]
    weight, bias = pictures(outputs, sum(channels), size, size, seed=1), pictures(outputs, seed=2)
    slope, margin = pictures(outputs, seed=3), size // 2 * dilation
    padded = F.pad(torch.cat(sources, 1).double(), (margin,) * 4, mode=MODES[borders])
    exact = F.prelu(F.conv2d(padded, weight.double(), bias.double(), dilation=dilation), slope.double())
    scale = exact.abs().max().item()
    for parts, error in ((3, 3e-6), (2, 2e-5), (1, 2e-2)):
        ours = Convolution(weight, bias, padding=(margin, margin), dilation=dilation, borders=borders, slope=slope,
                           parts=parts)(*sources)
        assert ours.is_contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=error * scale)


@needs_kernels
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1), (2, 0)])
def test_padding_on_either_side(padding):
    x, weight = pictures(1, 4, 9, 8), pictures(3, 4, 3, 3, seed=1)
    torch.testing.assert_close(Convolution(weight, padding=padding)(x), F.conv2d(x, weight, padding=padding),
                               rtol=0, atol=1e-5)


@needs_kernels
def test_slices_of_a_larger_picture():
    x, weight = pictures(1, 12, 10, 11).contiguous(memory_format=torch.channels_last), pictures(4, 5, 3, 3, seed=1)
    part = x[:, 3:8, 2:9]
    torch.testing.assert_close(Convolution(weight)(part), F.conv2d(part, weight), rtol=0, atol=1e-5)


@needs_kernels
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_stays_so(value):
    x = torch.zeros(1, 2, 6, 6)
    x[0, 0, 3, 3] = value
    assert not Convolution(torch.ones(1, 2, 3, 3), padding=(1, 1))(x)[0, 0, 3, 3].isfinite()


@needs_kernels
def test_threads_do_not_change_a_bit():
    convolution, norm = Convolution(pictures(20, 7, 3, 3)), PictureNorm(pictures(7), pictures(7, seed=1), 1e-5)
    x, before = pictures(2, 7, 70, 66, seed=2), torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = convolution(x), norm(x)
        torch.set_num_threads(3)
        together = convolution(x), norm(x)
    finally:
        torch.set_num_threads(before)
    assert torch.equal(alone[0], together[0])
    torch.testing.assert_close(alone[1], together[1], rtol=0, atol=1e-6)  # sums of other pieces, in float64


@needs_kernels
def test_inputs_that_a_convolution_cannot_take():
    convolution = Convolution(torch.ones(1, 2, 3, 3), padding=(1, 1), borders="reflect")
    with pytest.raises(TypeError, match="2 float32 channels"):
        convolution(torch.zeros(1, 3, 8, 8))
    with pytest.raises(TypeError, match="float64"):
        convolution(torch.zeros(1, 2, 8, 8, dtype=torch.float64))
    with pytest.raises(ValueError, match="too small"):
        convolution(torch.zeros(1, 2, 1, 8))


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
        self.first = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(2, 6, 3), nn.BatchNorm2d(6), nn.PReLU())
        self.second, self.last = nn.Conv2d(6, 4, 3, padding=1), nn.Conv2d(10, 3, 1)
        self.kernel = nn.Parameter(pictures(3, 3, 3, 3) / 5)
        self.first[2].running_mean, self.first[2].running_var = pictures(6), pictures(6, seed=1).abs() + 0.5

    def forward(self, ir, vi):
        x = self.first(torch.cat([ir, vi], dim=1))
        x = torch.cat([F.leaky_relu(self.second(x), 0.2), x], 1)
        y = self.last(x)
        return torch.tanh(F.conv2d(F.pad(y, (1, 1, 1, 1), mode="replicate"), self.kernel)) + y


@needs_kernels
def test_padding_norms_activations_and_concatenations_become_one_step():
    fast = same(Dense().eval(), pictures(1, 1, 17, 19), pictures(1, 1, 17, 19, seed=1))
    assert kinds(fast) == {Convolution: 4, PictureNorm: 0, nn.Conv2d: 0}
    assert isinstance(fast, torch.fx.GraphModule) and not [n for n in fast.graph.nodes if n.target is torch.cat]


@needs_kernels
def test_norms_of_the_picture_itself_are_not_folded():
    norm = nn.BatchNorm2d(4, track_running_stats=False)
    network = nn.Sequential(nn.Conv2d(1, 4, 3), norm, nn.ReLU(), nn.Conv2d(4, 1, 3))
    assert kinds(same(network.eval(), pictures(2, 1, 12, 13))) == {Convolution: 2, PictureNorm: 1, nn.Conv2d: 0}
    moving = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 1, 3))  # in training mode
    assert kinds(accelerate(moving.requires_grad_(False)))[PictureNorm] == 1


@needs_kernels
@pytest.mark.parametrize("options", [{"stride": 2}, {"groups": 4}, {"padding": "same"}, {"dilation": (1, 2)},
                                     {"padding": 1, "padding_mode": "circular"}, {"kernel_size": 1}], ids=str)
def test_other_convolutions_stay(options):
    network = nn.Sequential(nn.Conv2d(4, 4, **{"kernel_size": 3, **options}))
    assert accelerate(network) is network


@needs_kernels
def test_parts_of_a_network_that_cannot_be_traced():
    class Choice(nn.Module):
        def __init__(self):
            super().__init__()
            self.part, self.rest = nn.Sequential(nn.Conv2d(1, 3, 3)), nn.Linear(2, 2)

        def forward(self, x):
            return self.part(x) if x.mean() > 0 else x

    network = Choice()
    fast = same(network, pictures(1, 1, 8, 8).abs())
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
network = torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3))
print(accelerate(network) is network, extension.why_not())
"""


def test_it_can_be_switched_off(tmp_path):
    assert probe(CODE, IVFBENCH_KERNELS="off", HOME=str(tmp_path)) == "True IVFBENCH_KERNELS=off"
    assert not list(tmp_path.iterdir())


@needs_kernels
@pytest.mark.parametrize(("environment", "reason"), [
    ({"PATH": ""}, extension.NO_COMPILER), ({"CXX": "/none/c++"}, extension.NO_COMPILER),
    ({"CXX": "/bin/false"}, "false cannot compile kernels.cpp"),
    ({"IVFBENCH_KERNELS": "/dev/null/none"}, "kernels.cpp could not be compiled or loaded (Not a directory)")])
def test_networks_stay_as_they_are_where_nothing_can_be_compiled(tmp_path, environment, reason):
    assert probe(CODE, **{"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", **environment}) == f"True {reason}"


@needs_kernels
def test_compiled_once(tmp_path):
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "IVFBENCH_KERNELS": str(tmp_path / "kernels")}
    assert probe(CODE, **home) == "False"
    (made,) = (tmp_path / "kernels").iterdir()
    before = made.stat().st_mtime_ns
    assert probe(CODE, **home) == "False" and made.stat().st_mtime_ns == before

