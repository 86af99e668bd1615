# SPDX-License-Identifier: Apache-2.0
#
# TorchScript source: 3 x (Conv1d + BatchNorm1d + ReLU), a two-layer
# bidirectional LSTM, positional encoding, 8-head self-attention with a residual
# and LayerNorm, mean over time, and a two-layer classifier; all in eval mode.
#
# x is float32 [batch, time, features]; the answer is logits [batch, classes].
# Widths come from the tensors themselves, so any size of this network fits.
# Only the number of heads is not to be seen in a state_dict: it is 8.


def conv_block(x: Tensor, weight: Tensor, bias: Tensor, scale: Tensor, shift: Tensor,
               mean: Tensor, var: Tensor) -> Tensor:
    x = torch.conv1d(x, weight, bias, [1], [weight.size(2) // 2])
    return torch.relu(torch.batch_norm(x, scale, shift, mean, var, False, 0.0, 1e-5, False))


def self_attention(x: Tensor, in_weight: Tensor, in_bias: Tensor, out_weight: Tensor,
                   out_bias: Tensor, heads: int) -> Tensor:
    batch, time, width = x.size(0), x.size(1), x.size(2)
    depth = width // heads
    qkv = torch.matmul(x, in_weight.t()) + in_bias
    qkv = qkv.view(batch, time, 3, heads, depth).permute(2, 0, 3, 1, 4)
    scores = torch.matmul(qkv[0] * depth ** -0.5, qkv[1].transpose(2, 3))
    mixed = torch.matmul(torch.softmax(scores, -1), qkv[2])
    mixed = mixed.transpose(1, 2).reshape(batch, time, width)
    return torch.matmul(mixed, out_weight.t()) + out_bias


def forward(state_dict: Dict[str, Tensor], x: Tensor) -> Tensor:
    x = x.transpose(1, 2)
    x = conv_block(x, state_dict["conv1.weight"], state_dict["conv1.bias"],
                   state_dict["bn1.weight"], state_dict["bn1.bias"],
                   state_dict["bn1.running_mean"], state_dict["bn1.running_var"])
    x = conv_block(x, state_dict["conv2.weight"], state_dict["conv2.bias"],
                   state_dict["bn2.weight"], state_dict["bn2.bias"],
                   state_dict["bn2.running_mean"], state_dict["bn2.running_var"])
    x = conv_block(x, state_dict["conv3.weight"], state_dict["conv3.bias"],
                   state_dict["bn3.weight"], state_dict["bn3.bias"],
                   state_dict["bn3.running_mean"], state_dict["bn3.running_var"])
    x = x.transpose(1, 2)

    weights = [
        state_dict["lstm.weight_ih_l0"], state_dict["lstm.weight_hh_l0"],
        state_dict["lstm.bias_ih_l0"], state_dict["lstm.bias_hh_l0"],
        state_dict["lstm.weight_ih_l0_reverse"], state_dict["lstm.weight_hh_l0_reverse"],
        state_dict["lstm.bias_ih_l0_reverse"], state_dict["lstm.bias_hh_l0_reverse"],
        state_dict["lstm.weight_ih_l1"], state_dict["lstm.weight_hh_l1"],
        state_dict["lstm.bias_ih_l1"], state_dict["lstm.bias_hh_l1"],
        state_dict["lstm.weight_ih_l1_reverse"], state_dict["lstm.weight_hh_l1_reverse"],
        state_dict["lstm.bias_ih_l1_reverse"], state_dict["lstm.bias_hh_l1_reverse"],
    ]
    start = torch.zeros([4, x.size(0), weights[1].size(1)], dtype=x.dtype, device=x.device)
    x, h, c = torch.lstm(x, [start, start], weights, True, 2, 0.0, False, True, True)

    # A clip longer than `pe` must fail, as it does in the module.
    x = x + state_dict["positional_encoding.pe"][:, :x.size(1)]

    attended = self_attention(x, state_dict["attention.in_proj_weight"],
                              state_dict["attention.in_proj_bias"],
                              state_dict["attention.out_proj.weight"],
                              state_dict["attention.out_proj.bias"], 8)
    x = torch.layer_norm(x + attended, [x.size(2)], state_dict["norm.weight"],
                         state_dict["norm.bias"], 1e-5)

    x = torch.mean(x, 1)
    x = torch.relu(torch.matmul(x, state_dict["classifier.0.weight"].t())
                   + state_dict["classifier.0.bias"])
    return (torch.matmul(x, state_dict["classifier.3.weight"].t())
            + state_dict["classifier.3.bias"])
