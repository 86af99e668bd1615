# SPDX-License-Identifier: Apache-2.0
"""Small networks, each with the TorchScript source that does the same with their state_dict."""

import torch
from torch import nn


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.second = nn.Linear(8, 3)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


MLP_SOURCE = """
def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:
    x = torch.tanh(torch.matmul(x, state_dict["first.weight"].t()) + state_dict["first.bias"])
    return torch.matmul(x, state_dict["second.weight"].t()) + state_dict["second.bias"]
"""


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        return self.head(torch.relu(self.bn(self.conv(x))).mean((2, 3)))


CONV_SOURCE = """
def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:
    x = torch.conv2d(x, state_dict["conv.weight"], state_dict["conv.bias"], [1, 1], [1, 1])
    x = torch.batch_norm(x, state_dict["bn.weight"], state_dict["bn.bias"], state_dict["bn.running_mean"],
                         state_dict["bn.running_var"], False, 0.0, 1e-5, False)
    x = torch.relu(x).mean([2, 3])
    return torch.matmul(x, state_dict["head.weight"].t()) + state_dict["head.bias"]
"""


class Encoder(nn.Module):
    """Token ids and a mask in, a dict of two outputs out; the embedding is tied to the output layer."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(11, 4)
        self.out = nn.Linear(4, 11, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, ids, mask):
        x = self.embed(ids) * mask.unsqueeze(-1)
        pooled = x.sum(1)
        return {"logits": self.out(pooled), "pooled": pooled}


ENCODER_SOURCE = """
def forward(state_dict: Dict[str, Tensor], ids: Tensor, mask: Tensor) -> Dict[str, Tensor]:
    x = torch.embedding(state_dict["embed.weight"], ids) * mask.unsqueeze(-1)
    pooled = x.sum(1)
    return {"logits": torch.matmul(pooled, state_dict["out.weight"].t()), "pooled": pooled}
"""


class Recurrent(nn.Module):
    """Returns a tuple with a tuple in it; its source hands the weights over as a list."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 4, batch_first=True, bidirectional=True)

    def forward(self, x):
        return self.lstm(x)


RECURRENT_SOURCE = """
def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tuple[Tensor, Tuple[Tensor, Tensor]]:
    weights = [state_dict["lstm.weight_ih_l0"], state_dict["lstm.weight_hh_l0"],
               state_dict["lstm.bias_ih_l0"], state_dict["lstm.bias_hh_l0"],
               state_dict["lstm.weight_ih_l0_reverse"], state_dict["lstm.weight_hh_l0_reverse"],
               state_dict["lstm.bias_ih_l0_reverse"], state_dict["lstm.bias_hh_l0_reverse"]]
    start = torch.zeros([2, x.size(0), 4])
    y, h, c = torch.lstm(x, [start, start], weights, True, 1, 0.0, False, True, True)
    return y, (h, c)
"""


def declaration(name, dtype, shape):
    return {"name": name, "dtype": dtype, "shape": list(shape)}


class Case:
    def __init__(self, name, module, source, inputs, names):
        torch.manual_seed(1)
        self.name = name
        self.module = module().eval()
        if isinstance(self.module, ConvNet):
            # Fresh running statistics would hide whether they are read.
            self.module.bn.running_mean.normal_()
            self.module.bn.running_var.uniform_(0.5, 2)
        torch.manual_seed(2)
        self.other = module().eval()
        self.source = source
        self.inputs = inputs
        self.names = names
        self.traced_strictly = name != "encoder"

    def declarations(self):
        return [
            declaration(name, str(tensor.dtype).removeprefix("torch."), tensor.shape)
            for name, tensor in zip(self.names, self.inputs)
        ]

    def scripted(self, module):
        return torch.jit.script(module)

    def traced(self, module):
        return torch.jit.trace(module, tuple(self.inputs), strict=self.traced_strictly)


def cases():
    torch.manual_seed(3)
    return [
        Case("mlp", Mlp, MLP_SOURCE, [torch.randn(2, 6)], ["x"]),
        Case("conv", ConvNet, CONV_SOURCE, [torch.randn(2, 3, 8, 8)], ["image"]),
        Case(
            "encoder",
            Encoder,
            ENCODER_SOURCE,
            [torch.randint(0, 11, (2, 5)), torch.rand(2, 5)],
            ["ids", "mask"],
        ),
        Case("recurrent", Recurrent, RECURRENT_SOURCE, [torch.randn(2, 7, 3)], ["x"]),
    ]


def flatten(value, name=""):
    """Outputs with the names that the probe gives them."""
    if isinstance(value, torch.Tensor):
        return [(name or "output[0]", value)]
    if isinstance(value, dict):
        return [
            pair for key, item in value.items() for pair in flatten(item, f"{name}.{key}" if name else key)
        ]
    return [
        pair
        for index, item in enumerate(value)
        for pair in flatten(item, f"{name or 'output'}[{index}]")
    ]
