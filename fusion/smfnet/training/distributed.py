"""Where a training process stands among its fellows (torchrun), and what differs for it."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn


@dataclass(frozen=True)
class World:
    """rank 0 of 1 without torchrun."""

    rank: int
    size: int
    device: torch.device

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        if self.size == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        # stage I leaves the fusion layers without gradient, and some released tensors are in no forward pass
        return nn.parallel.DistributedDataParallel(module, device_ids=ids, find_unused_parameters=True)

    def no_sync(self, module: nn.Module, skip: bool) -> AbstractContextManager[None]:
        """With `skip`, gradients inside are not exchanged. `module`: what `wrap` gave."""
        if skip and isinstance(module, nn.parallel.DistributedDataParallel):
            return module.no_sync()
        return nullcontext()

    def barrier(self) -> None:
        if self.size > 1:
            torch.distributed.barrier()

    def close(self) -> None:
        if self.size > 1:
            torch.distributed.destroy_process_group()


def join(device: str) -> World:
    """Read torchrun's environment and join its process group (nccl on CUDA, gloo on CPU)."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    chosen = torch.device(device)
    if size == 1:
        return World(0, 1, chosen)
    if chosen.type == "cuda":
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo")
    return World(torch.distributed.get_rank(), size, chosen)
