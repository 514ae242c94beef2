"""One method in three forms that share their weights: the authors' network, ours as they wrote it, ours as it runs.

* `authors`: their own modules (`benchmarks.authors`), eager, under no_grad.
* `plain`: our network, eager, contiguous memory, nothing folded or fused, under no_grad. SMFNet: its reference path.
* `ours`: the method as `load_method` builds it and the suite calls it, with whatever it does to be fast.

All three run the method's own `run` around the network, so that their pictures can be compared. Weights are drawn at
random per tensor name (tests/filled_weights.py): no file is needed, and activations keep their size.
"""

import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

import baselines.network
from baselines.auif import AUIFNetwork
from baselines.network import LumaNetwork
from baselines.tardal import use_batch_statistics
from fusion.device import to_device, to_host
from fusion.method import LumaMethod, find, methods
from fusion.methods.smfnet import SMFNetMethod
from fusion.smfnet import weights
from fusion.smfnet.network.smfnet import SMFNet

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
from filled_weights import KEPT, value  # type: ignore[import-not-found]  # noqa: E402 - found by the line above

Network = TypeVar("Network", bound=nn.Module)
FORMS = ("authors", "plain", "ours")
# what a network's tensor names begin with here: another draw, where the usual one leaves nothing above the last ReLU
DRAWS = {"DenseFuseTorch": "3."}


@dataclass(frozen=True)
class Form:
    """A method ready to fuse.

    fuse: float32 [H,W] infrared and luma in 0..1 -> fused [H,W]. network: the module that `fuse` calls, if it is one.
    """

    fuse: Callable[[np.ndarray, np.ndarray], np.ndarray]
    network: object

    def first(self, ir: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, Tensor | None]:
        """(picture, what the network itself gave, before clamping and stretching; None where it was not called)."""
        if not isinstance(self.network, nn.Module):
            return self.fuse(ir, y), None
        seen: list[Tensor] = []
        handle = self.network.register_forward_hook(lambda _, __, output: seen.append(output))
        try:
            picture = self.fuse(ir, y)
        finally:
            handle.remove()
        return picture, seen[0].clone() if len(seen) == 1 else None


def networks() -> list[str]:
    """The registered methods that are networks."""
    return [name for name in methods() if issubclass(find(name), LumaNetwork | SMFNetMethod)]


def form(name: str, which: str, authors: Path | None = None) -> Form:
    """A method in one of its forms, on the CPU. `authors`: where their checkouts lie."""
    method = constructed(name)
    if which == "ours":
        method.use_fast_path()
        return Form(method.fuse_luma, method.network)
    network = plain(method)
    if which == "authors":
        from benchmarks.authors import authors_network

        if authors is None:
            raise ValueError("the form `authors` needs their folder")
        network = authors_network(authors, name, network.state_dict())
        if method.batch_size > 1:
            use_batch_statistics(network)
    return Form(eager(method, network), network)


def filled(network: Network) -> Network:
    """The network with its random weights, in eval mode."""
    draw, twice = DRAWS.get(type(network).__name__, ""), isinstance(network, AUIFNetwork)
    state = {}
    for name, tensor in network.state_dict().items():
        # filled_weights takes every `kernel` for one of AUIF's, which are applied twice, and makes it smaller
        named = draw + (name if twice else name.replace("kernel", "weight"))
        state[name] = tensor if name.endswith(KEPT) else torch.from_numpy(value(named, tensor.shape))
    network.load_state_dict(state)
    return network.eval()


def constructed(name: str, device: str = "cpu") -> LumaMethod:
    """The method as its constructor leaves it, but for where its weights come from."""
    cls = find(name)
    if issubclass(cls, SMFNetMethod):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "weights.safetensors"
            weights.save(path, filled(SMFNet()))
            return cls(weights=path, device=device)
    assert issubclass(cls, LumaNetwork)
    build = cls.build
    with patch.object(baselines.network, "require_weights", lambda *_: []), \
            patch.object(cls, "build", lambda self, files: filled(build(self, files))):
        return cls(weights=None, device=device)


def plain(method: LumaMethod) -> nn.Module:
    """The method's network once more, untouched: what `build` returns, contiguous, in the mode that it runs in."""
    if isinstance(method, SMFNetMethod):
        return method.network
    assert isinstance(method, LumaNetwork)
    with torch.random.fork_rng(devices=[]):
        network = filled(method.build(()))
    return use_batch_statistics(network) if method.batch_size > 1 else network


def eager(method: LumaMethod, network: nn.Module,
          device: str = "cpu") -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """`network` in the method's place, called as the authors' scripts call theirs."""
    if isinstance(method, SMFNetMethod):
        method.run = torch.no_grad()(network)
        return method.fuse_luma
    assert isinstance(method, LumaNetwork)
    method.network = network

    @torch.no_grad()
    def fuse(ir: np.ndarray, y: np.ndarray) -> np.ndarray:
        return to_host(method.run(to_device([ir], device), to_device([y], device)))[0, 0]

    return fuse


def pair(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Two pictures of noise, float32 [H,W] in 0..1, always the same for a size."""
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.rand(height, width, generator=generator).numpy() for _ in range(2))
    return first, second
