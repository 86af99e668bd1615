// SPDX-License-Identifier: Apache-2.0
#include "probes/host/system_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include "base/bytes.h"
#include "base/text.h"

namespace runup {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} * 1024 * 1024;
constexpr std::size_t kMaxNames = 10'000;

}  // namespace

std::string read_system_file(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  std::string content;
  std::array<char, 16 * 1024> part{};
  while (file && content.size() < kMaxBytes) {
    const ssize_t count = ::read(file.get(), part.data(), part.size());
    if (count <= 0) {
      break;
    }
    content.append(part.data(), static_cast<std::size_t>(count));
  }
  return content;
}

std::string value_of(std::string_view text, std::string_view key, char separator) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    const std::size_t split_at = line.find(separator);
    if (split_at != std::string_view::npos && trim(line.substr(0, split_at)) == key) {
      return std::string(trim(line.substr(split_at + 1)));
    }
  }
  return {};
}

std::optional<std::uint64_t> leading_number(std::string_view text) {
  text = trim(text);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = end == text.data() + text.size() || *end == ' ';
  return error == std::errc{} && whole ? std::optional(number) : std::nullopt;
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
    if (names.size() >= kMaxNames) {
      break;
    }
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace runup
