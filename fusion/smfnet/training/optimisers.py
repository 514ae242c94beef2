"""One Adam and one learning-rate schedule per part of the network, as the released training has them."""

from collections.abc import Iterable

import torch
from torch import nn

from fusion.smfnet.network.smfnet import SMFNet, parts
from fusion.smfnet.training.recipe import TrainingSettings
from fusion.smfnet.training.staged import STAGE_PARTS


class Optimisers:
    """Steps, clips and schedules the parts that a stage trains; the state can be saved and restored."""

    def __init__(self, network: SMFNet, settings: TrainingSettings):
        self.settings = settings
        self.modules: dict[str, nn.Module] = parts(network)
        self.adam = {name: torch.optim.Adam(module.parameters(), lr=settings.learning_rate)
                     for name, module in self.modules.items()}
        self.epochs = dict.fromkeys(self.modules, 0)  # epochs that a part has been scheduled for

    def _active(self, stage: int) -> Iterable[str]:
        return (name for name in STAGE_PARTS[stage] if name in self.modules)

    def zero(self) -> None:
        for adam in self.adam.values():
            adam.zero_grad(set_to_none=True)

    def step(self, stage: int) -> None:
        """Clip every active part's gradient norm, then update it."""
        for name in self._active(stage):
            nn.utils.clip_grad_norm_(self.modules[name].parameters(), self.settings.clip)
            self.adam[name].step()

    def end_epoch(self, stage: int) -> None:
        """StepLR with a floor; parts that the stage does not train keep their rate."""
        s = self.settings
        for name in self._active(stage):
            self.epochs[name] += 1
            rate = max(s.floor, s.learning_rate * s.gamma ** (self.epochs[name] // s.step_epochs))
            for group in self.adam[name].param_groups:
                group["lr"] = rate

    @property
    def learning_rate(self) -> float:
        """The encoder's, for the log."""
        return self.adam["DIDF_Encoder"].param_groups[0]["lr"]

    def state_dict(self) -> dict:
        return {"adam": {name: adam.state_dict() for name, adam in self.adam.items()}, "epochs": dict(self.epochs)}

    def load_state_dict(self, state: dict) -> None:
        for name, adam in self.adam.items():
            adam.load_state_dict(state["adam"][name])
        self.epochs = dict(state["epochs"])
