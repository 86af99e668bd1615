#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where neither namespaces nor mounts can be had, as in most containers, services are judged the same.

    bare_test.py RUNUP
"""

import subprocess
import sys
from pathlib import Path

# of services.py: without a port or a path that is the host's own
NAMES = ["plain-wsgi", "fastapi-lazy", "health-is-constant", "catches-missing-file-alone", "default-label-instead",
         "ends-silently"]
# A namespace in which no other can be made, and no right to mount.
BARE = ("echo 0 > /proc/sys/user/max_user_namespaces && "
        "exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin \"$@\"")
SKIPPED = 77


def bare(*words):
    return ["unshare", "--user", "--map-root-user", "sh", "-c", BARE, "sh", *words]


def main():
    runup, judged = Path(sys.argv[1]).resolve(), Path(__file__).with_name("judged_test.py")
    if subprocess.run(bare("true"), capture_output=True).returncode != 0:
        print("skipped: no user namespace can be had to begin with")
        return SKIPPED
    assert subprocess.run(bare("unshare", "--user", "true"), capture_output=True).returncode != 0
    assert subprocess.run(bare("unshare", "--net", "true"), capture_output=True).returncode != 0
    return subprocess.run(bare(sys.executable, "-B", str(judged), str(runup), *NAMES)).returncode


if __name__ == "__main__":
    sys.exit(main())
