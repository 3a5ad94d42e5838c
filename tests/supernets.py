"""Random supernets with once-for-all's parameter names, and its forward pass in plain torch.

The forward pass works on the raw names and full-width tensors, as once-for-all's dynamic
layers do; it shares no code with ``help_core.supernet``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

STRIDES, SWISH = (2, 2, 2, 1, 2), (False, False, True, True, True)
SQUEEZE = (False, True, False, True, True)
BASE = (16, 16, 24, 40, 80, 112, 160, 960, 1280)

State = dict[str, Tensor]


def eights(value: float) -> int:
    """Rounded to a multiple of 8, at most 10 % down."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * value else rounded


class _Maker:
    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.state: State = {}

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self.generator)

    def weight(self, name: str, *shape: int) -> None:
        fan = shape[1] * (shape[2] * shape[3] if len(shape) == 4 else 1)
        self.state[name] = (self.uniform(*shape) - 0.5) * (12 / fan) ** 0.5

    def norm(self, name: str, channels: int) -> None:
        self.state[f"{name}.weight"] = 0.5 + self.uniform(channels)
        self.state[f"{name}.bias"] = self.uniform(channels) - 0.5
        self.state[f"{name}.running_mean"] = 0.2 * self.uniform(channels)
        self.state[f"{name}.running_var"] = 0.5 + self.uniform(channels)
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(7)


def make_supernet(width: float, classes: int, seed: int = 0) -> State:
    """The released supernet's parameters by name, ``d234_e346_k357``, of any width."""
    make = _Maker(seed)
    stem, first, *stages, header, mix = (eights(channels * width) for channels in BASE)
    make.weight("first_conv.conv.weight", stem, 3, 3, 3)
    make.norm("first_conv.bn", stem)
    inner = "blocks.0.mobile_inverted_conv"
    make.weight(f"{inner}.depth_conv.conv.weight", stem, 1, 3, 3)
    make.norm(f"{inner}.depth_conv.bn", stem)
    make.weight(f"{inner}.point_linear.conv.weight", first, stem, 1, 1)
    make.norm(f"{inner}.point_linear.bn", first)
    inside, index = first, 1
    for stage, outside in enumerate(stages):
        for _ in range(4):
            _make_block(make, f"blocks.{index}.mobile_inverted_conv", inside, outside, stage)
            inside, index = outside, index + 1
    make.weight("final_expand_layer.conv.weight", header, inside, 1, 1)
    make.norm("final_expand_layer.bn", header)
    make.weight("feature_mix_layer.conv.weight", mix, header, 1, 1)
    make.weight("classifier.linear.weight", classes, mix)
    make.state["classifier.linear.bias"] = make.uniform(classes) - 0.5
    return make.state


def _make_block(make: _Maker, name: str, inside: int, outside: int, stage: int) -> None:
    middle = eights(6 * inside)
    make.weight(f"{name}.inverted_bottleneck.conv.conv.weight", middle, inside, 1, 1)
    make.norm(f"{name}.inverted_bottleneck.bn.bn", middle)
    make.weight(f"{name}.depth_conv.conv.conv.weight", middle, 1, 7, 7)
    for wide, narrow in ((7, 5), (5, 3)):
        size = narrow**2
        noise = 0.1 * (make.uniform(size, size) - 0.5)
        make.state[f"{name}.depth_conv.conv.{wide}to{narrow}_matrix"] = torch.eye(size) + noise
    make.norm(f"{name}.depth_conv.bn.bn", middle)
    if SQUEEZE[stage]:
        hidden = eights(middle // 4)
        for part, one, other in (("reduce", hidden, middle), ("expand", middle, hidden)):
            make.weight(f"{name}.depth_conv.se.fc.{part}.weight", one, other, 1, 1)
            make.state[f"{name}.depth_conv.se.fc.{part}.bias"] = make.uniform(one) - 0.5
    make.weight(f"{name}.point_linear.conv.conv.weight", outside, middle, 1, 1)
    make.norm(f"{name}.point_linear.bn.bn", outside)


class Reference:
    """once-for-all's forward pass of one configuration on a supernet's raw parameters."""

    def __init__(self, state: State, config: dict[str, Any]) -> None:
        self.state, self.config = state, config
        self.own_statistics = False
        """Whether batch norms use and record the statistics of the batch."""
        self.recorded: list[tuple[Tensor, Tensor]] = []

    def __call__(self, x: Tensor) -> Tensor:
        x = _swish(self._norm(self._conv(x, "first_conv.conv.weight", 2), "first_conv.bn"))
        inner, first = "blocks.0.mobile_inverted_conv", x
        x = self._conv(x, f"{inner}.depth_conv.conv.weight", groups=x.shape[1])
        x = torch.relu(self._norm(x, f"{inner}.depth_conv.bn"))
        x = self._norm(
            self._conv(x, f"{inner}.point_linear.conv.weight"), f"{inner}.point_linear.bn"
        )
        x = x + first if x.shape == first.shape else x
        for stage, depth in enumerate(self.config["d"]):
            for position in range(depth):
                x = self._block(x, 4 * stage + position, stage, position)
        x = self._norm(self._conv(x, "final_expand_layer.conv.weight"), "final_expand_layer.bn")
        x = _swish(x).mean((2, 3), keepdim=True)
        x = _swish(self._conv(x, "feature_mix_layer.conv.weight")).flatten(1)
        return F.linear(
            x, self.state["classifier.linear.weight"], self.state["classifier.linear.bias"]
        )

    def _block(self, x: Tensor, layer: int, stage: int, position: int) -> Tensor:
        name = f"blocks.{layer + 1}.mobile_inverted_conv"
        act = _swish if SWISH[stage] else torch.relu
        middle = eights(x.shape[1] * self.config["e"][layer])
        before = x
        weight = self.state[f"{name}.inverted_bottleneck.conv.conv.weight"][:middle, : x.shape[1]]
        x = act(self._norm(F.conv2d(x, weight), f"{name}.inverted_bottleneck.bn.bn"))
        kernel = self.config["ks"][layer]
        weight = self._kernel(f"{name}.depth_conv.conv", kernel)[:middle]
        stride = 1 if position else STRIDES[stage]
        x = F.conv2d(x, weight, None, stride, kernel // 2, groups=middle)
        x = act(self._norm(x, f"{name}.depth_conv.bn.bn"))
        if SQUEEZE[stage]:
            x = x * self._gate(x, f"{name}.depth_conv.se.fc")
        weight = self.state[f"{name}.point_linear.conv.conv.weight"][:, :middle]
        x = self._norm(F.conv2d(x, weight), f"{name}.point_linear.bn.bn")
        return x + before if x.shape == before.shape else x

    def _kernel(self, name: str, kernel: int) -> Tensor:
        weight = self.state[f"{name}.conv.weight"]
        for wide, narrow in ((7, 5), (5, 3)):
            if kernel <= narrow:
                centre = weight[:, :, 1 : 1 + narrow, 1 : 1 + narrow]
                rows = F.linear(centre.flatten(2), self.state[f"{name}.{wide}to{narrow}_matrix"])
                weight = rows.view_as(centre)
        return weight

    def _gate(self, x: Tensor, name: str) -> Tensor:
        channels, hidden = x.shape[1], eights(x.shape[1] // 4)
        reduce, expand = self.state[f"{name}.reduce.weight"], self.state[f"{name}.expand.weight"]
        y = x.mean((2, 3), keepdim=True)
        y = F.conv2d(y, reduce[:hidden, :channels], self.state[f"{name}.reduce.bias"][:hidden])
        y = F.conv2d(
            torch.relu(y), expand[:channels, :hidden], self.state[f"{name}.expand.bias"][:channels]
        )
        return F.relu6(y + 3) / 6

    def _conv(self, x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self.state[name]
        return F.conv2d(x, weight, None, stride, weight.shape[-1] // 2, groups=groups)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        parts = ("running_mean", "running_var", "weight", "bias")
        mean, variance, scale, shift = (
            self.state[f"{name}.{part}"][: x.shape[1]] for part in parts
        )
        if self.own_statistics:
            mean, variance = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
            self.recorded.append((mean, variance))
        return F.batch_norm(x, mean, variance, scale, shift, False, 0.0, 1e-5)


def _swish(x: Tensor) -> Tensor:
    return x * F.relu6(x + 3) / 6


def save_supernet(path: Path, state: State) -> None:
    """As once-for-all publishes it: under ``state_dict``."""
    torch.save({"epoch": 1, "state_dict": state}, path)
