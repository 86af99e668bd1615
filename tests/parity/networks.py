# SPDX-License-Identifier: Apache-2.0
"""Small networks of many kinds, with numbers as after training: no two tensors alike, statistics that are
not those of a fresh batch norm."""

import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn.utils import parametrizations, weight_norm

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "configs/examples/sign-language-service"
sys.path.insert(0, str(EXAMPLE / "processing"))
from network import CnnBilstmAttention  # noqa: E402


class Last(nn.Module):
    """The last answer of a recurrent layer, through a Linear."""

    def __init__(self, layer, width, classes=5):
        super().__init__()
        self.rnn = layer
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        y, _ = self.rnn(x)
        return self.head(y[:, -1])


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.a = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16))
        self.b = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16))
        self.head = nn.Linear(16, 7)

    def forward(self, x):
        x = self.stem(x)
        x = torch.relu(x + self.a(x))
        x = torch.relu(x + self.b(x))
        return self.head(x.mean((2, 3)))


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(24, 24)
        self.key = nn.Linear(24, 24)
        self.value = nn.Linear(24, 24)
        self.out = nn.Linear(24, 6)

    def forward(self, x):
        scores = self.query(x) @ self.key(x).transpose(1, 2) / 24**0.5
        return self.out(torch.softmax(scores, -1) @ self.value(x)).mean(1)


class Cross(nn.Module):
    def __init__(self):
        super().__init__()
        self.memory = nn.Parameter(torch.zeros(1, 5, 16))
        self.attention = nn.MultiheadAttention(16, 2, batch_first=True)
        self.mix = nn.Parameter(torch.zeros(16, 16))

    def forward(self, x):
        y, _ = self.attention(x, self.memory, self.memory, need_weights=False)
        return (y @ self.mix).mean(1)


class Text(nn.Module):
    """Embedding and output share one matrix."""

    def __init__(self, tied):
        super().__init__()
        self.embedding = nn.Embedding(40, 16)
        self.position = nn.Parameter(torch.zeros(1, 12, 16))
        self.norm = nn.LayerNorm(16)
        self.middle = nn.Linear(16, 16)
        self.head = nn.Linear(16, 40)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, tokens):
        x = self.embedding(tokens) + self.position
        return self.head(torch.relu(self.middle(self.norm(x))))


class Upsample(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(4, 8, 3, stride=2, groups=2)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm = nn.BatchNorm2d(8)
        self.group = nn.GroupNorm(2, 8)
        self.act = nn.PReLU(8)
        self.up = nn.ConvTranspose2d(8, 6, 2, stride=2)
        self.out = nn.BatchNorm2d(6)

    def forward(self, x):
        x = self.act(self.group(self.norm(self.depthwise(self.down(x)))))
        return self.out(self.up(x))


class Normed(nn.Module):
    def __init__(self):
        super().__init__()
        self.old = weight_norm(nn.Conv1d(6, 8, 3))
        self.new = parametrizations.weight_norm(nn.Linear(8, 9))

    def forward(self, x):
        return self.new(self.old(x).mean(2))


def mlp():
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.Tanh(),
                         nn.Linear(32, 4))


def spectral():
    return nn.Sequential(nn.Linear(9, 9), nn.ReLU(), parametrizations.spectral_norm(nn.Linear(9, 9)))


def linear_norm():
    return nn.Sequential(nn.Linear(12, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 24), nn.BatchNorm1d(24),
                         nn.ReLU(), nn.Linear(24, 3))


def stacked_convolutions():
    layers = []
    width = 3
    for channels in (12, 12, 12):
        layers += [nn.Conv2d(width, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU()]
        width = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 5))


def transformer():
    layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True, dropout=0.0)
    return nn.Sequential(nn.Linear(8, 16), nn.TransformerEncoder(layer, 2, enable_nested_tensor=False),
                         nn.Linear(16, 5))


def settle(model, seed):
    """Numbers that no two tensors share."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not tensor.dtype.is_floating_point:
                continue
            if name.endswith("running_var"):
                tensor.copy_(torch.rand_like(tensor) * 2 + 0.2)
            elif tensor.dim() < 2:
                tensor.copy_(torch.randn_like(tensor) * 0.3 + (1.0 if name.endswith("weight") else 0.0))
            else:
                tensor.copy_(torch.randn_like(tensor) * 0.2)
    return model.eval()


def rnn(kind, **more):
    return lambda: Last(kind(10, 12, batch_first=True, **more), 24 if more.get("bidirectional") else 12)


# name: how to make it, an input
NETWORKS = {
    "mlp": (mlp, lambda: torch.randn(2, 20)),
    "linear+bn": (linear_norm, lambda: torch.randn(2, 12)),
    "cnn+bn": (stacked_convolutions, lambda: torch.randn(1, 3, 12, 12)),
    "residual": (Residual, lambda: torch.randn(1, 3, 10, 10)),
    "bilstm": (rnn(nn.LSTM, num_layers=2, bidirectional=True), lambda: torch.randn(1, 6, 10)),
    "lstm": (rnn(nn.LSTM), lambda: torch.randn(1, 6, 10)),
    "gru": (rnn(nn.GRU, num_layers=2, bidirectional=True), lambda: torch.randn(1, 6, 10)),
    "rnn": (rnn(nn.RNN), lambda: torch.randn(1, 6, 10)),
    "attention": (SelfAttention, lambda: torch.randn(1, 7, 24)),
    "cross": (Cross, lambda: torch.randn(1, 7, 16)),
    "transformer": (transformer, lambda: torch.randn(1, 7, 8)),
    "embedding": (lambda: Text(False), lambda: torch.randint(0, 40, (1, 12))),
    "tied": (lambda: Text(True), lambda: torch.randint(0, 40, (1, 12))),
    "upsample": (Upsample, lambda: torch.randn(1, 4, 13, 13)),
    "normed": (Normed, lambda: torch.randn(2, 6, 9)),
    "spectral": (spectral, lambda: torch.randn(2, 9)),
}


def make(name):
    if name == "example":
        file = EXAMPLE / "models/cnn_bilstm_attention_model.pth"
        state = torch.load(file, map_location="cpu", weights_only=False)["model_state_dict"]
        return CnnBilstmAttention.from_state_dict(state), torch.randn(1, 300, 147)
    # Neither trained nor settled: many tensors are all 0 or all 1, and layers are copies of each other.
    if name.startswith("fresh "):
        build, example = NETWORKS[name.removeprefix("fresh ")]
        torch.manual_seed(7)
        return build().eval(), example()
    build, example = NETWORKS[name]
    return settle(build(), 1 + sorted(NETWORKS).index(name)), example()


NAMES = [*NETWORKS, "example", "fresh cnn+bn", "fresh transformer", "fresh residual", "fresh bilstm"]
