// SPDX-License-Identifier: Apache-2.0
#pragma once

// What a process that runs somebody else's code is kept from: writing outside its scratch folder, the network,
// signals to processes that are not its own, and what only administrators do. By Landlock and seccomp, which need no
// privilege; where the kernel or a container refuses one of them, the others hold and the answer says what is off.

#include <string>
#include <vector>

namespace runup {

struct SandboxRules {
  // absolute folders below which everything may be written; those that do not exist are left out. Device nodes
  // and shared memory are open to all
  std::vector<std::string> writable;
  // Internet sockets can be made
  bool network = false;
  // It may use a GPU. CUDA names its threads in /proc and gives up where it cannot (cuInit 304, seen with driver 580);
  // all of /proc but the kernel's settings is then open
  bool gpu = false;
};

// Binds this process and all its future children, for good. `no_new_privs` must be set. Returns the protections
// that are off, as clauses: "it can write everywhere (the kernel has no Landlock)"; empty when all hold.
std::vector<std::string> enter_sandbox(const SandboxRules& rules);

}  // namespace runup
