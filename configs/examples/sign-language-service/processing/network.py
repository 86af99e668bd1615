# SPDX-License-Identifier: Apache-2.0
"""The network behind `models/cnn_bilstm_attention_model.pth`.

Input: float32 [batch, time, 147], one row a video frame: 21 landmarks of each
hand and 7 of the upper body, x, y and z each. Output: logits [batch, classes].
"""

import torch
from torch import nn

FEATURES = 147
MAX_TIME = 500


class PositionalEncoding(nn.Module):
    """Adds a sine/cosine code of the frame number; knows `max_time` frames."""

    def __init__(self, width: int, max_time: int = MAX_TIME):
        super().__init__()
        position = torch.arange(max_time, dtype=torch.float32).unsqueeze(1)
        rate = 10000.0 ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
        pe = torch.zeros(1, max_time, width)
        pe[0, :, 0::2] = torch.sin(position * rate)
        pe[0, :, 1::2] = torch.cos(position * rate)
        self.register_buffer("pe", pe)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        # Longer clips must fail here rather than be cut in silence: the sum
        # does not broadcast beyond the rows of `pe`.
        return x + self.pe[:, : x.size(1)]


class CnnBilstmAttention(nn.Module):
    def __init__(
        self,
        classes: int,
        channels: tuple[int, int, int] = (56, 56, 64),
        hidden: int = 48,
        heads: int = 8,
        features: int = FEATURES,
        dropout: float = 0.2,
    ):
        super().__init__()
        first, second, third = channels
        width = 2 * hidden
        self.conv1 = nn.Conv1d(features, first, kernel_size=3, padding=1)
        self.bn1 = nn.BatchNorm1d(first)
        self.conv2 = nn.Conv1d(first, second, kernel_size=3, padding=1)
        self.bn2 = nn.BatchNorm1d(second)
        self.conv3 = nn.Conv1d(second, third, kernel_size=3, padding=1)
        self.bn3 = nn.BatchNorm1d(third)
        self.dropout = nn.Dropout(dropout)
        self.lstm = nn.LSTM(
            third, hidden, num_layers=2, batch_first=True, bidirectional=True, dropout=dropout
        )
        self.positional_encoding = PositionalEncoding(width)
        self.attention = nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Sequential(
            nn.Linear(width, 64), nn.ReLU(), nn.Dropout(dropout), nn.Linear(64, classes)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.transpose(1, 2)
        x = self.dropout(torch.relu(self.bn1(self.conv1(x))))
        x = self.dropout(torch.relu(self.bn2(self.conv2(x))))
        x = self.dropout(torch.relu(self.bn3(self.conv3(x))))
        x, _ = self.lstm(x.transpose(1, 2))
        x = self.positional_encoding(x)
        attended, _ = self.attention(x, x, x, need_weights=False)
        x = self.norm(x + attended)
        return self.classifier(x.mean(dim=1))

    @classmethod
    def from_state_dict(cls, state: dict[str, torch.Tensor]) -> "CnnBilstmAttention":
        """Builds the network with the sizes that the weights have, ready for inference."""
        channels = tuple(state[f"conv{i}.weight"].shape[0] for i in (1, 2, 3))
        model = cls(
            classes=state["classifier.3.bias"].shape[0],
            channels=channels,
            hidden=state["lstm.weight_hh_l0"].shape[1],
            features=state["conv1.weight"].shape[1],
        )
        model.load_state_dict(state)
        return model.eval()
