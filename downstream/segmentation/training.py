"""The training loop and the prediction of a split.

A loop of our own around mmsegmentation's train_step instead of mmengine's Runner: the Runner keeps loggers, scopes and
message hubs per process, forces the multiprocessing start method and saves checkpoints that are neither atomic nor
independent of the random streams' state; here an epoch depends on the state before it and (seed, epoch) alone.
"""

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from downstream._training import Progress, TrainingError, estimate_cost, load_state, save_state, seed_epoch
from downstream.segmentation._mmlab import OptimWrapper
from downstream.segmentation.batches import Item, Scenes, training_loader
from downstream.segmentation.labels import read_label
from downstream.segmentation.network import build_network
from downstream.segmentation.precision import optim_wrapper
from downstream.segmentation.settings import SegmentationSettings

STATE = "state.pth"


def learning_rate(settings: SegmentationSettings, iteration: int, iterations: int) -> float:
    """The rate of one iteration (0-based): constant, or poly from lr to min_lr at the last one (mmengine's PolyLR)."""
    if settings.schedule == "constant" or iterations == 1:
        return settings.lr
    left = 1 - iteration / (iterations - 1)
    return settings.min_lr + (settings.lr - settings.min_lr) * left ** settings.power


def class_weights(items: Sequence[Item], classes: int, balance: float) -> list[float]:
    """Weight of each class in the loss: (its share of the labels' pixels) ** -balance; 1 for one that never occurs."""
    pixels = np.zeros(classes, dtype=np.int64)
    for item in items:
        pixels += np.bincount(read_label(item.label, item.legend).ravel(), minlength=classes)[:classes]
    share = pixels / pixels.sum()
    return [float(s ** -balance) if s else 1.0 for s in share]


def _optimizer(network: torch.nn.Module, settings: SegmentationSettings) -> torch.optim.Optimizer:
    if settings.optimizer == "AdamW":
        return torch.optim.AdamW(network.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
    return torch.optim.SGD(network.parameters(), lr=settings.lr, momentum=settings.momentum,
                           weight_decay=settings.weight_decay)


def train(items: Sequence[Item], classes: int, settings: SegmentationSettings, *, seed: int, device: str, out: Path,
          identity: str, progress: Progress | None = None) -> tuple[torch.nn.Module, dict]:
    """Train, or go on from the state in `out`. Returns the network and {"losses", "seconds", "cost"}.

    The state is written after every epoch. After the last one the optimizer's part is dropped: what stays in `out` is
    the trained network. Raises TrainingError when the loss is not finite or the state belongs to another training.
    """
    seed_epoch(seed, -1)
    weights = class_weights(items, classes, settings.class_balance) if settings.class_balance else None
    network = build_network(settings, classes, weights).to(device)
    if settings.amp:
        # what bfloat16 convolutions are fast in; torch declares no such overload
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = _optimizer(network, settings)
    wrapper = optim_wrapper(optimizer, device, amp=settings.amp)
    loader, order = training_loader(items, settings, seed)
    steps, losses, seconds = len(loader), [], 0.0
    state = load_state(out / STATE, identity, map_location=device)
    if state:
        network.load_state_dict(state["network"])
        losses, seconds = list(state["losses"]), state["seconds"]
        if len(losses) < settings.epochs:
            optimizer.load_state_dict(state["optimizer"])
    for epoch in range(len(losses), settings.epochs):
        begun = time.perf_counter()
        seed_epoch(seed, epoch)
        order.epoch = epoch
        rates = (learning_rate(settings, epoch * steps + i, settings.epochs * steps) for i in range(steps))
        losses.append(_run_epoch(network, wrapper, loader, rates))
        if not math.isfinite(losses[-1]):
            raise TrainingError(f"{out}: the loss is {losses[-1]} in epoch {epoch + 1}; lower lr (now {settings.lr})")
        seconds += time.perf_counter() - begun
        if epoch == 0:
            estimate_cost(out, seconds=seconds, epochs=settings.epochs, device=device)
        done = len(losses) == settings.epochs
        state = {"network": network.state_dict(), "losses": losses, "seconds": seconds}
        save_state(out / STATE, state if done else {**state, "optimizer": optimizer.state_dict()}, identity)
        if progress:
            progress(epoch + 1, settings.epochs, losses[-1])
    cost = estimate_cost(out, seconds=seconds, first=len(losses), epochs=settings.epochs, device=device)
    return network, {"losses": losses, "seconds": seconds, "cost": cost}


def _run_epoch(network: Any, wrapper: OptimWrapper, loader, rates) -> float:
    """One pass over the loader; the mean of the batches' total losses."""
    network.train()
    total = []
    for batch, rate in zip(loader, rates):
        for group in wrapper.param_groups:
            group["lr"] = rate
        total.append(network.train_step(batch, optim_wrapper=wrapper)["loss"].item())
    return float(np.mean(total))


def predict(network: Any, items: Sequence[Item], settings: SegmentationSettings,
            use: Callable[[Item, np.ndarray, np.ndarray], None]) -> None:
    """Call use(item, truth, predicted) for every item, one by one; both are uint8 ids [H,W]."""
    scenes = Scenes(items, settings, seed=0)
    network.eval()
    for index, item in enumerate(items):
        one = scenes[index]
        truth = one["data_samples"].gt_sem_seg.data[0].numpy().astype(np.uint8)
        with torch.inference_mode():
            result = network.test_step({"inputs": [one["inputs"]], "data_samples": [one["data_samples"]]})[0]
        use(item, truth, result.pred_sem_seg.data[0].cpu().numpy().astype(np.uint8))
