// SPDX-License-Identifier: Apache-2.0
#pragma once

// Who descends from whom, read from /proc.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace runup {

// Direct children of `parent`, zombies included. Complete when `parent` is the calling process and no
// other thread reaps children meanwhile: the kernel only drops an entry when it is reaped.
std::vector<pid_t> children_of(pid_t parent);

// Nothing when there is no such process.
std::optional<pid_t> parent_of(pid_t process);

// SIGKILL for `root` and everything below it, parents first: a process that has been sent the signal
// reaps no child any more, so a number that was read cannot become another process's. What slips
// through by forking meanwhile is reparented to the subreaper, whose next sweep finds it.
void kill_tree(pid_t root);

// Anonymous and shared memory of `root` and everything below it, in bytes; all resident memory where
// the kernel does not tell them apart (before 4.5). 0 when the process is gone.
//
// What processes share counts for each of them: a fork, or a second process in the same memory (vfork, a leak
// sanitiser's). shared_tree_memory() counts it once, as far as the kernel tells; it takes as long as walking all pages.
std::uint64_t tree_memory(pid_t root);
std::uint64_t shared_tree_memory(pid_t root);

}  // namespace runup
