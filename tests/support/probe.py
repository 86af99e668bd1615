# SPDX-License-Identifier: Apache-2.0
"""Speaks the probe protocol with a runtime probe: frames of JSON on descriptor 3, the artifact on 4."""

import json
import os
import socket
import struct
import subprocess
import tempfile
import time


class Answer:
    """What one process of the probe said, and how it ended."""

    def __init__(self, messages, status, stderr):
        self.messages = messages
        self.status = status
        self.stderr = stderr

    def all(self, kind):
        return [message["facts"] for message in self.messages if message["type"] == kind]

    def one(self, kind):
        found = self.all(kind)
        assert len(found) == 1, f"{len(found)} messages `{kind}`: {self.messages} {self.stderr}"
        return found[0]

    @property
    def last(self):
        return self.messages[-1]["type"] if self.messages else None


def number(value):
    """A number as facts encode it."""
    return float(value.replace("Infinity", "inf")) if isinstance(value, str) else value


def read_exactly(channel, length):
    data = b""
    while len(data) < length:
        try:
            part = channel.recv(min(length - len(data), 1 << 20))
        except ConnectionResetError:
            # It closed without reading all that we sent.
            part = b""
        if not part:
            return None
        data += part
    return data


def read_frames(channel):
    messages = []
    while (header := read_exactly(channel, 4)) is not None:
        body = read_exactly(channel, struct.unpack("<I", header)[0])
        if body is None:
            raise AssertionError("a frame is cut off")
        messages.append(json.loads(body))
    return messages


def run_raw(program, artifact, payload, environment=None, store=None):
    """Sends `payload` as it is and collects everything until the probe closes the channel.

    `store` is the descriptor that becomes the output store.
    """
    ours, theirs = socket.socketpair()
    fd = os.open(artifact, os.O_RDONLY)

    def place_descriptors():
        # Two steps, because either may already be 3 or 4.
        channel, file = os.dup2(theirs.fileno(), 100), os.dup2(fd, 101)
        outputs = None if store is None else os.dup2(store, 102)
        os.dup2(channel, 3)
        os.dup2(file, 4)
        if outputs is not None:
            os.dup2(outputs, 5)

    # A file, because a pipe that nobody reads would stop a probe that says much.
    with tempfile.TemporaryFile() as words, subprocess.Popen(
        [program],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=words,
        close_fds=False,
        preexec_fn=place_descriptors,
        env=environment,
    ) as child:
        theirs.close()
        os.close(fd)
        ours.settimeout(120)
        try:
            ours.sendall(payload)
            ours.shutdown(socket.SHUT_WR)
        except BrokenPipeError:
            pass
        try:
            messages = read_frames(ours)
        except TimeoutError:
            child.kill()
            raise
        ours.close()
        child.wait(30)
        words.seek(0)
        stderr = words.read().decode(errors="replace")
    return Answer(messages, child.returncode, stderr)


def frame(value):
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return struct.pack("<I", len(body)) + body


def request(model, experiments, mode="experiments", **more):
    return {
        "protocol": 1,
        "mode": mode,
        "model": model,
        "experiments": experiments,
        "spawned_at": time.monotonic(),
        **more,
    }


def run(program, artifact, model, experiments=(), mode="experiments", environment=None, store=None, **more):
    model = {"path": str(artifact), **model}
    asked = frame(request(model, list(experiments), mode, **more))
    return run_raw(program, artifact, asked, environment, store)
