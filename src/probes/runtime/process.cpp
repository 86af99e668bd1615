// SPDX-License-Identifier: Apache-2.0
#include "probes/runtime/process.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <string_view>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace runup {

double cached_share(Bytes mapped) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::array<unsigned char, 4096> present{};
  std::size_t seen = 0;
  std::size_t total = 0;
  for (std::size_t offset = 0; offset < mapped.size(); offset += present.size() * page) {
    const std::size_t length = std::min(present.size() * page, mapped.size() - offset);
    const std::size_t pages = (length + page - 1) / page;
    total += pages;
    if (::mincore(const_cast<std::byte*>(mapped.data() + offset), length, present.data()) == 0) {
      // Only the lowest bit has a meaning.
      seen += static_cast<std::size_t>(std::count_if(present.begin(),
                                                     present.begin() + static_cast<std::ptrdiff_t>(pages),
                                                     [](unsigned char state) { return (state & 1) != 0; }));
    }
  }
  return total == 0 ? 0 : static_cast<double>(seen) / static_cast<double>(total);
}

std::uint64_t peak_resident_bytes() { return peak_resident_bytes_of(::getpid()); }

std::uint64_t peak_resident_bytes_of(pid_t process) {
  const std::string path = std::format("/proc/{}/status", process);
  const FileDescriptor status(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> buffer{};
  const ssize_t length = status ? ::read(status.get(), buffer.data(), buffer.size()) : -1;
  if (length <= 0) {
    return 0;
  }
  std::string_view text(buffer.data(), static_cast<std::size_t>(length));
  constexpr std::string_view kName = "VmHWM:";
  const std::size_t at = text.find(kName);
  if (at == std::string_view::npos) {
    return 0;
  }
  text.remove_prefix(at + kName.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t kibibytes = 0;
  std::from_chars(text.data(), text.data() + text.size(), kibibytes);
  return kibibytes * 1024;
}

}  // namespace runup
