# SPDX-License-Identifier: Apache-2.0
"""One plain start of the example service by hand: uvicorn until /health is 200, one prediction, SIGTERM."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

package = Path(sys.argv[1]).resolve()
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
url = f"http://127.0.0.1:{port}"
server = subprocess.Popen([sys.executable, "-B", "-m", "uvicorn", "main:app", "--host", "127.0.0.1", "--port", str(port)],
                          cwd=package, env={**os.environ, "OMP_NUM_THREADS": "1"}, stderr=subprocess.DEVNULL)
for _ in range(1000):
    try:
        with urllib.request.urlopen(f"{url}/health") as answer:
            assert answer.status == 200
            break
    except (urllib.error.URLError, ConnectionError):
        assert server.poll() is None
        time.sleep(0.05)
body = (package / "samples/predict.json").read_bytes()
request = urllib.request.Request(f"{url}/predict", data=body, headers={"Content-Type": "application/json"})
with urllib.request.urlopen(request) as answer:
    assert "안녕하세요" in answer.read().decode()
server.terminate()
server.wait(20)
