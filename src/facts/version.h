// SPDX-License-Identifier: Apache-2.0
#pragma once

// Versions of Python packages and what bounds them, by PEP 440 (packaging.python.org, "Version
// specifiers").

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace runup {

// Longer versions, and numbers of more than 18 digits, are refused.
inline constexpr std::size_t kMaxVersionBytes = 256;

class Version {
 public:
  // Any spelling that PEP 440 allows (`v1.0-alpha.1`); nothing for other text.
  static std::optional<Version> parse(std::string_view text);

  // The normal spelling: `1!2.0rc1.post2.dev3+cu124`.
  std::string text() const;
  // Without the local part.
  Version base() const;
  // `1.0` for `1.0rc1.post2`: epoch and release alone.
  Version release_only() const;

  std::uint64_t epoch() const { return epoch_; }
  // At least one number.
  const std::vector<std::uint64_t>& release() const { return release_; }
  // The i-th number of the release; 0 behind its end.
  std::uint64_t part(std::size_t i) const { return i < release_.size() ? release_[i] : 0; }
  // `cu124`; empty when there is none.
  std::string local() const;
  // An alpha, beta, candidate or development release.
  bool is_prerelease() const { return pre_ || dev_; }
  bool is_post() const { return post_.has_value(); }

  // `1.0` and `1.0.0` are equal.
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == std::strong_ordering::equal; }

 private:
  struct Pre {
    // 0 alpha, 1 beta, 2 candidate
    int phase = 0;
    std::uint64_t number = 0;
    auto operator<=>(const Pre&) const = default;
  };
  // A number, or a word, which is less than any number.
  struct LocalPart {
    bool is_number = false;
    std::uint64_t number = 0;
    std::string word;
    auto operator<=>(const LocalPart&) const = default;
  };
  class Reader;

  std::uint64_t epoch_ = 0;
  std::vector<std::uint64_t> release_;
  std::optional<Pre> pre_;
  std::optional<std::uint64_t> post_;
  std::optional<std::uint64_t> dev_;
  std::vector<LocalPart> local_;
};

// `>=1.2,<2,!=1.5.*`: all must hold.
class Specifiers {
 public:
  // An error for what PEP 440 does not allow. Nothing between the commas is allowed: empty text is no
  // bound at all.
  static Result<Specifiers> parse(std::string_view text);

  // With `prereleases` as pip judges what is installed; without, a pre-release counts only when one of
  // the bounds itself names one, as pip chooses what to install.
  bool hold_for(const Version& version, bool prereleases = true) const;
  // Without blanks, in the order written.
  std::string text() const;
  // The version of `==` (without `.*`) or `===`, when there is just one of them.
  std::string pinned() const;
  bool empty() const { return bounds_.empty(); }

 private:
  enum class Operator { equal, not_equal, compatible, less, less_equal, greater, greater_equal, arbitrary };
  struct Bound {
    Operator kind = Operator::equal;
    std::string written;
    // of all but `arbitrary`
    Version version;
    bool any_suffix = false;
  };

  static Result<Bound> parse_bound(std::string_view text);
  static bool holds(const Bound& bound, const Version& version);

  std::vector<Bound> bounds_;
};

// A project's name as PEP 503 compares it: lower-case, runs of `-`, `_` and `.` are one `-`.
std::string normalised_name(std::string_view name);

}  // namespace runup
