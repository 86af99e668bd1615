# SPDX-License-Identifier: Apache-2.0
"""Starting a process is most of what a cold start costs, so what is loaded is held to what is needed."""

import re
import subprocess
import unittest

from support import PROGRAM


class Libraries(unittest.TestCase):
    def test_no_library_of_mpi_is_loaded(self):
        listed = subprocess.run(["ldd", PROGRAM], check=True, capture_output=True, text=True).stdout
        libraries = re.findall(r"^\s*(\S+)", listed, re.MULTILINE)
        self.assertTrue(any(name.startswith("libtorch_cpu") for name in libraries))
        # Their constructors take 150 ms; see src/probes/torch/WithoutMpi.cmake.
        for unwanted in ("libmpi", "libpsm2", "libucs", "libtorch_python"):
            self.assertFalse([name for name in libraries if name.startswith(unwanted)], listed)


if __name__ == "__main__":
    unittest.main()
