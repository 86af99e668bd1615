# SPDX-License-Identifier: Apache-2.0
"""Synthetic sign gestures: seeded, so every run sees the same ones.

A sign is a resting pose of 147 coordinates and three slow waves through them;
a clip of it varies in speed, strength, start and noise, as people do.
"""

import numpy

FEATURES = 147

LABELS = [
    "안녕하세요",
    "감사합니다",
    "죄송합니다",
    "반갑습니다",
    "사랑합니다",
    "도와주세요",
    "괜찮습니다",
    "좋아요",
    "싫어요",
    "네",
    "아니요",
    "물",
]


class Gestures:
    def __init__(self, seed: int = 20240607):
        rng = numpy.random.default_rng(seed)
        count = len(LABELS)
        self._pose = rng.normal(0.0, 0.35, (count, FEATURES))
        self._waves = rng.normal(0.0, 0.35, (count, 3, FEATURES))
        self._phase = rng.uniform(0.0, 2 * numpy.pi, (count, 3, FEATURES))
        self._rate = rng.uniform(0.4, 1.6, (count, 3))

    def clip(self, label: str, frames: int, rng: numpy.random.Generator) -> numpy.ndarray:
        """float32 [frames, 147], rounded to 4 decimals so that JSON holds it exactly."""
        sign = LABELS.index(label)
        speed = rng.uniform(0.8, 1.25)
        strength = rng.uniform(0.8, 1.2)
        seconds = numpy.arange(frames) / 30.0 * speed + rng.uniform(0.0, 2.0)
        angle = 2 * numpy.pi * self._rate[sign][:, None] * seconds[None, :]
        moved = numpy.sin(angle[:, :, None] + self._phase[sign][:, None, :])
        motion = (moved * self._waves[sign][:, None, :]).sum(axis=0)
        noise = rng.normal(0.0, 0.15, (frames, FEATURES))
        return numpy.round(self._pose[sign] + strength * motion + noise, 4).astype(numpy.float32)
