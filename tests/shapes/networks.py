# SPDX-License-Identifier: Apache-2.0
"""Small networks that take some sizes and refuse others, as real ones do."""

from typing import Tuple

import torch
from torch import Tensor, nn


class Pooled(nn.Module):
    """Any batch, any time."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(8, 6)
        self.second = nn.Linear(6, 3)

    def forward(self, x):
        return self.second(torch.relu(self.first(x)).mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(8, 5, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0][:, -1]


class BakedState(nn.Module):
    """Its initial state is a buffer for a batch of one."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(8, 5, batch_first=True)
        self.register_buffer("start", torch.zeros(1, 1, 5))

    def forward(self, x):
        return self.gru(x, self.start)[0][:, -1]


class BakedBatch(nn.Module):
    """A trace keeps int(...) as a constant."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(x.reshape(int(x.shape[0]), 16))


class Positional(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.first = nn.Linear(8, 8)
        self.register_buffer("pe", torch.randn(1, steps, 8))
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(self.first(x) + self.pe[:, : x.size(1)]).mean(1)


class Tokens(nn.Module):
    """Two inputs that share an axis, and a position embedding."""

    def __init__(self, positions):
        super().__init__()
        self.word = nn.Embedding(50, 8)
        self.position = nn.Embedding(positions, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, ids, mask):
        x = self.word(ids) + self.position(torch.arange(ids.size(1), device=ids.device))
        weights = mask.to(x.dtype).unsqueeze(-1)
        return self.out((x * weights).sum(1) / weights.sum(1).clamp(min=1.0))


class Unet(nn.Module):
    """Halves five times, doubles five times, and joins: multiples of 32."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3, padding=1)
        self.out = nn.Conv2d(3, 1, 1)

    def forward(self, x):
        y = self.conv(x)
        for _ in range(5):
            y = torch.max_pool2d(y, 2)
        for _ in range(5):
            y = nn.functional.interpolate(y, scale_factor=2.0)
        return self.out(torch.cat([x, y], 1))


class Images(nn.Module):
    """Global pooling: images of any size."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(torch.relu(self.conv(x)).mean((2, 3)))


class AnyFeatures(nn.Module):
    """Takes whatever it is given."""

    def __init__(self):
        super().__init__()
        self.pool = nn.AdaptiveAvgPool1d(4)
        self.out = nn.Linear(4, 2)

    def forward(self, x):
        return self.out(self.pool(x.unsqueeze(1)).squeeze(1))


class Standardised(nn.Module):
    """One feature is broadcast to all of them before anything looks."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.randn(16))
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(x - self.mean)


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(16, 2)

    def forward(self, x):
        return self.out(x)


class Squeezed(nn.Module):
    """squeeze() without a dimension loses more than one axis."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(x).squeeze().mean(-2)


class Unlucky(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.size = size
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        if x.size(1) == self.size:
            raise RuntimeError("an unlucky size")
        return self.out(x).mean(1)


class Kernel(nn.Module):
    """Needs at least seven steps."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(8, 3, 7)

    def forward(self, x):
        return self.conv(x.transpose(1, 2)).mean(2)


class Deviation(nn.Module):
    """The deviation of one number is none."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(x.std(1))


class OneRow(nn.Module):
    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        return self.out(x.mean(1)).mean(0, keepdim=True)


class Tail(nn.Module):
    """What is left after the first four steps."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 1)

    def forward(self, x):
        return self.out(x[:, 4:]).squeeze(-1)


class Product(nn.Module):
    """A table for all steps of all inputs together."""

    def __init__(self):
        super().__init__()
        self.register_buffer("table", torch.randn(64))
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        flat = x.mean(2).flatten()
        used = flat + self.table[: flat.size(0)]
        return self.out(x.mean(1)) + used.mean()


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 3, padding=1)

    def forward(self, x):
        return self.conv(x)


class Boxes(nn.Module):
    """As many rows as it sees something in: for noise, none or some."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, x) -> Tuple[Tensor, Tensor]:
        scores = self.conv(x).flatten()
        chosen = torch.nonzero(scores > scores.mean() + 3 * scores.std()).squeeze(1)
        return scores[chosen], chosen


class Doubling(nn.Module):
    """Takes twice as long for each step more."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        y = x.mean(1)
        rounds = 1
        for _ in range(x.size(1)):
            rounds = rounds * 2
        for _ in range(rounds):
            y = torch.tanh(y)
        return self.out(y)


class Hoarder(nn.Module):
    """Keeps all it can get from 40 steps on."""

    def __init__(self):
        super().__init__()
        self.out = nn.Linear(8, 3)

    def forward(self, x):
        kept = [x]
        count = 1
        if x.size(1) >= 40:
            count = 1000000
        for _ in range(count):
            kept.append(torch.ones([1 << 20]) + x.mean())
        return self.out(x.mean(1)) + kept[-1].mean()
