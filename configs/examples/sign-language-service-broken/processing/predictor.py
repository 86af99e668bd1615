# SPDX-License-Identifier: Apache-2.0
import torch


class Predictor:
    def __init__(self, checkpoint):
        self.state = checkpoint["model_state_dict"]
        self.labels = checkpoint["label_encoder"].classes_

    def predict(self, frames):
        raise NotImplementedError


def get_predictor():
    return Predictor(torch.load("models/sign.pth", weights_only=False))
