# SPDX-License-Identifier: Apache-2.0
"""Modules of many kinds, each with an input of a batch of 3 rows.

`MODULES` has rows (name, make, input, ways): `ways` are "script", "trace" or both.
"""

import torch
import torch.nn.functional as F
from torch import nn

torch.library.define("runup_test_ops::scale", "(Tensor x, float by) -> Tensor")
torch.library.impl("runup_test_ops::scale", "default", lambda x, by: x * by)


class Mlp(nn.Module):
    def __init__(self, p=0.5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(p), nn.Linear(16, 4))

    def forward(self, x):
        return self.body(x)


class Wrapped(nn.Module):
    """A layer under a name, so that its path is not empty."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout2d(0.3)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.drop(self.norm(self.conv(x))).mean(dim=(2, 3)))


class FunctionalDropout(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 32)

    def forward(self, x):
        return F.dropout(self.first(x), 0.4, self.training)


class AlwaysDropout(nn.Module):
    """The mistake that eval() does not mend."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(4, 32)

    def forward(self, x):
        return F.dropout(self.first(x), 0.4)


class NoDropout(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.0, True)


class AttentionDropout(nn.Module):
    def forward(self, x):
        return F.scaled_dot_product_attention(x, x, x, dropout_p=0.2)


class TrainingAttention(nn.Module):
    def forward(self, x):
        return F.scaled_dot_product_attention(x, x, x, dropout_p=0.2 if self.training else 0.0)


def halve(x, rate: float, active: bool = True):
    return F.dropout(x, rate, active)


class ThroughHelper(nn.Module):
    def __init__(self):
        super().__init__()
        self.rate = 0.5
        self.line = nn.Linear(4, 32)

    def forward(self, x):
        return halve(self.line(x), self.rate, self.training)


class Lstm(nn.Module):
    def __init__(self, layers, dropout, cell=nn.LSTM):
        super().__init__()
        self.rnn = cell(4, 8, layers, dropout=dropout, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        output, _ = self.rnn(x)
        return self.head(output[:, -1])


class Attention(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, dropout=dropout, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x)[0]


class Repeated(nn.Module):
    """One module at two places."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])

    def forward(self, x):
        for layer in self.layers:
            x = self.drop(layer(x))
        return x


class Optional(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.5)

    def forward(self, x, mask: torch.Tensor | None = None, noisy: bool = False):
        if mask is not None:
            x = x * mask
        if noisy:
            x = x + torch.randn_like(x)
        return self.norm(x)


class Loops(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(4, 4)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        step = 0
        while step < 3:
            x = self.line(x)
            if x.sum() > 100.0:
                x = x / 2
            step += 1
        for _ in range(x.size(0)):
            x = self.drop(x)
        return x


class Noise(nn.Module):
    def forward(self, x):
        return x + torch.randn_like(x)


class Foreign(nn.Module):
    def forward(self, x):
        return torch.ops.runup_test_ops.scale(x, 2.0)


class Baked(nn.Module):
    """`len` is a number to a trace."""

    def forward(self, x):
        state = torch.zeros(len(x), 8)
        return torch.cat([x.reshape(len(x), -1), state], 1)


class Frozen(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = Mlp()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x):
        return self.norm(self.body(x))


class Unused(nn.Module):
    """Its dropout is never called."""

    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.line = nn.Linear(4, 4)

    def forward(self, x):
        return self.line(x)

    @torch.jit.export
    def noisy(self, x):
        return self.drop(x)


def _tensor(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


def quantised():
    layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 4))
    return Wrapped(torch.ao.quantization.quantize_dynamic(layers, {nn.Linear}))


ROWS = (3, 4)
IMAGE = (3, 3, 8, 8)
STEPS = (3, 5, 4)
TOKENS = (3, 5, 8)
BOTH = ("script", "trace")

MODULES = [
    ("mlp", Mlp, ROWS, BOTH),
    ("mlp_p0", lambda: Mlp(0.0), ROWS, BOTH),
    ("linear", lambda: nn.Linear(4, 4), ROWS, BOTH),
    ("conv", Conv, IMAGE, BOTH),
    ("batch_norm", lambda: Wrapped(nn.BatchNorm1d(4)), ROWS, BOTH),
    ("batch_norm_root", lambda: nn.BatchNorm1d(4), ROWS, BOTH),
    ("batch_norm_untracked", lambda: Wrapped(nn.BatchNorm1d(4, track_running_stats=False)), ROWS, BOTH),
    ("instance_norm", lambda: Wrapped(nn.InstanceNorm1d(5)), STEPS, BOTH),
    ("instance_norm_tracked", lambda: Wrapped(nn.InstanceNorm1d(5, track_running_stats=True)), STEPS, BOTH),
    ("layer_norm", lambda: Wrapped(nn.LayerNorm(4)), ROWS, BOTH),
    ("group_norm", lambda: Wrapped(nn.GroupNorm(2, 4)), ROWS, BOTH),
    ("dropout1d", lambda: Wrapped(nn.Dropout1d(0.5)), STEPS, BOTH),
    ("dropout3d", lambda: Wrapped(nn.Dropout3d(0.5)), (3, 6, 2, 2, 2), BOTH),
    ("alpha_dropout", lambda: Wrapped(nn.AlphaDropout(0.5)), ROWS, BOTH),
    ("feature_alpha", lambda: Wrapped(nn.FeatureAlphaDropout(0.5)), STEPS, BOTH),
    ("dropout_inplace", lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5, inplace=True)), ROWS, BOTH),
    ("rrelu", lambda: Wrapped(nn.RReLU()), ROWS, BOTH),
    ("functional", FunctionalDropout, ROWS, BOTH),
    ("always", AlwaysDropout, ROWS, BOTH),
    ("never", NoDropout, ROWS, BOTH),
    ("attention_always", AttentionDropout, TOKENS, BOTH),
    ("attention_training", TrainingAttention, TOKENS, BOTH),
    ("helper", ThroughHelper, ROWS, BOTH),
    ("lstm", lambda: Lstm(2, 0.5), STEPS, BOTH),
    ("lstm_one_layer", lambda: Lstm(1, 0.0), STEPS, BOTH),
    ("gru", lambda: Lstm(2, 0.5, nn.GRU), STEPS, BOTH),
    ("rnn", lambda: Lstm(2, 0.5, nn.RNN), STEPS, BOTH),
    ("attention", lambda: Attention(0.5), TOKENS, BOTH),
    ("attention_p0", lambda: Attention(0.0), TOKENS, BOTH),
    ("encoder", lambda: Wrapped(nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, 0.3, batch_first=True), 2)), TOKENS, BOTH),
    ("repeated", Repeated, ROWS, BOTH),
    ("optional", Optional, ROWS, BOTH),
    ("loops", Loops, ROWS, ("script",)),
    ("noise", Noise, ROWS, BOTH),
    ("foreign", Foreign, ROWS, BOTH),
    ("baked", Baked, STEPS, BOTH),
    ("nested", Frozen, ROWS, BOTH),
    ("unused", Unused, ROWS, BOTH),
    ("quantised", quantised, ROWS, BOTH),
]
