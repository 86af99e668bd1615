// SPDX-License-Identifier: Apache-2.0
#include "facts/version.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <utility>

#include "base/text.h"
#include "facts/lines.h"

namespace runup {

namespace {

constexpr std::size_t kMaxDigits = 18;
constexpr std::size_t kMaxBounds = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_separator(char c) { return c == '.' || c == '-' || c == '_'; }

}  // namespace

// Follows the grammar of PEP 440, appendix B, from the left; each part is taken when it is there.
class Version::Reader {
 public:
  explicit Reader(std::string_view text) : lowered_(lower(trim(text))), rest_(lowered_) {}

  std::optional<Version> read() {
    if (rest_.starts_with('v')) {
      rest_.remove_prefix(1);
    }
    const auto first = number();
    if (!first) {
      return std::nullopt;
    }
    version_.release_ = {*first};
    if (rest_.starts_with('!')) {
      rest_.remove_prefix(1);
      const auto start = number();
      if (!start) {
        return std::nullopt;
      }
      version_.epoch_ = *first;
      version_.release_ = {*start};
    }
    while (rest_.size() > 1 && rest_[0] == '.' && is_digit(rest_[1])) {
      rest_.remove_prefix(1);
      const auto next = number();
      if (!next) {
        return std::nullopt;
      }
      version_.release_.push_back(*next);
    }
    read_pre();
    read_post();
    read_dev();
    if (is_bad_ || !read_local() || !rest_.empty()) {
      return std::nullopt;
    }
    return version_;
  }

 private:
  std::optional<std::uint64_t> number() {
    const std::size_t digits = length_of_start(rest_, is_digit);
    std::uint64_t value = 0;
    const std::string_view text = rest_.substr(0, digits);
    // Leading zeros count for nothing.
    const std::string_view significant = text.substr(std::min(text.size(), text.find_first_not_of('0')));
    if (digits == 0 || significant.size() > kMaxDigits) {
      is_bad_ = digits != 0;
      return std::nullopt;
    }
    std::from_chars(text.data(), text.data() + text.size(), value);
    rest_.remove_prefix(digits);
    return value;
  }

  // One of `words` with separators around it, then a number, which is 0 when it is left out.
  template <std::size_t N>
  std::optional<std::pair<std::size_t, std::uint64_t>> word(const std::array<std::string_view, N>& words) {
    std::string_view after = rest_;
    if (!after.empty() && is_separator(after[0])) {
      after.remove_prefix(1);
    }
    for (std::size_t i = 0; i < N; ++i) {
      if (after.starts_with(words[i])) {
        rest_ = after.substr(words[i].size());
        if (!rest_.empty() && is_separator(rest_[0])) {
          rest_.remove_prefix(1);
        }
        return std::pair(i, number().value_or(0));
      }
    }
    return std::nullopt;
  }

  void read_pre() {
    constexpr std::array<std::string_view, 8> kWords{"alpha", "a", "beta", "b", "preview", "pre", "c", "rc"};
    if (const auto found = word(kWords)) {
      version_.pre_ = Pre{.phase = std::min(2, static_cast<int>(found->first) / 2), .number = found->second};
    }
  }

  void read_post() {
    if (rest_.size() > 1 && rest_[0] == '-' && is_digit(rest_[1])) {
      rest_.remove_prefix(1);
      version_.post_ = number().value_or(0);
      return;
    }
    constexpr std::array<std::string_view, 3> kWords{"post", "rev", "r"};
    if (const auto found = word(kWords)) {
      version_.post_ = found->second;
    }
  }

  void read_dev() {
    constexpr std::array<std::string_view, 1> kWords{"dev"};
    if (const auto found = word(kWords)) {
      version_.dev_ = found->second;
    }
  }

  bool read_local() {
    if (!rest_.starts_with('+')) {
      return true;
    }
    do {
      rest_.remove_prefix(1);
      const auto end =
          std::ranges::find_if_not(rest_, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
      const std::string part(rest_.begin(), end);
      if (part.empty()) {
        return false;
      }
      if (std::ranges::all_of(part, is_digit)) {
        const auto value = number();
        if (!value) {
          return false;
        }
        version_.local_.push_back({.is_number = true, .number = *value});
      } else {
        rest_.remove_prefix(part.size());
        version_.local_.push_back({.word = part});
      }
    } while (!rest_.empty() && is_separator(rest_[0]));
    return true;
  }

  std::string lowered_;
  std::string_view rest_;
  Version version_;
  bool is_bad_ = false;
};

std::optional<Version> Version::parse(std::string_view text) {
  return text.size() > kMaxVersionBytes ? std::nullopt : Reader(text).read();
}

std::string Version::local() const {
  std::vector<std::string> parts;
  for (const LocalPart& part : local_) {
    parts.push_back(part.is_number ? std::to_string(part.number) : part.word);
  }
  return join(parts, ".");
}

std::string Version::text() const {
  std::string out = epoch_ == 0 ? "" : std::format("{}!", epoch_);
  for (std::size_t i = 0; i < release_.size(); ++i) {
    out += std::format("{}{}", i == 0 ? "" : ".", release_[i]);
  }
  if (pre_) {
    constexpr std::array<std::string_view, 3> kPhases{"a", "b", "rc"};
    out += std::format("{}{}", kPhases[static_cast<std::size_t>(pre_->phase)], pre_->number);
  }
  if (post_) {
    out += std::format(".post{}", *post_);
  }
  if (dev_) {
    out += std::format(".dev{}", *dev_);
  }
  return local_.empty() ? out : out + "+" + local();
}

Version Version::base() const {
  Version copy = *this;
  copy.local_.clear();
  return copy;
}

Version Version::release_only() const {
  Version copy;
  copy.epoch_ = epoch_;
  copy.release_ = release_;
  return copy;
}

std::strong_ordering Version::operator<=>(const Version& other) const {
  if (const auto order = epoch_ <=> other.epoch_; order != 0) {
    return order;
  }
  for (std::size_t i = 0; i < std::max(release_.size(), other.release_.size()); ++i) {
    if (const auto order = part(i) <=> other.part(i); order != 0) {
      return order;
    }
  }
  // A development release comes before the pre-releases of the same number, and those before it.
  const auto pre_rank = [](const Version& version) {
    const bool only_dev = !version.pre_ && !version.post_ && version.dev_;
    return version.pre_ ? *version.pre_ : Pre{.phase = only_dev ? -1 : 3};
  };
  if (const auto order = pre_rank(*this) <=> pre_rank(other); order != 0) {
    return order;
  }
  // Nothing is less than any number.
  if (const auto order = post_ <=> other.post_; order != 0) {
    return order;
  }
  const auto dev_rank = [](const Version& version) {
    return std::pair(!version.dev_.has_value(), version.dev_.value_or(0));
  };
  if (const auto order = dev_rank(*this) <=> dev_rank(other); order != 0) {
    return order;
  }
  return local_ <=> other.local_;
}

Result<Specifiers::Bound> Specifiers::parse_bound(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, Operator>, 8> kOperators{{{"===", Operator::arbitrary},
                                                                             {"==", Operator::equal},
                                                                             {"!=", Operator::not_equal},
                                                                             {"~=", Operator::compatible},
                                                                             {"<=", Operator::less_equal},
                                                                             {">=", Operator::greater_equal},
                                                                             {"<", Operator::less},
                                                                             {">", Operator::greater}}};
  const auto found =
      std::ranges::find_if(kOperators, [&](const auto& entry) { return text.starts_with(entry.first); });
  const auto refuse = [&] {
    return fail(ErrorCode::bad_input,
                std::format("`{}` is not a version bound; expected such as `==1.2.3` or `>=1.2,<2`",
                            printable(text)));
  };
  if (found == kOperators.end() || text.size() > kMaxVersionBytes) {
    return refuse();
  }
  std::string_view rest = trim(text.substr(found->first.size()));
  Bound bound{.kind = found->second, .written = std::string(found->first) + std::string(rest)};
  if (bound.kind == Operator::arbitrary) {
    return rest.empty() || rest.find_first_of(" \t;)") != std::string_view::npos ? Result<Bound>(refuse())
                                                                                 : bound;
  }
  const bool exact = bound.kind == Operator::equal || bound.kind == Operator::not_equal;
  if (exact && rest.ends_with(".*")) {
    bound.any_suffix = true;
    rest.remove_suffix(2);
  }
  const auto version = Version::parse(rest);
  if (!version) {
    return refuse();
  }
  bound.version = *version;
  const bool bare = version->text() == version->release_only().text();
  if ((bound.any_suffix && !bare) || (!exact && !version->local().empty()) ||
      (bound.kind == Operator::compatible && version->release().size() < 2)) {
    return refuse();
  }
  return bound;
}

Result<Specifiers> Specifiers::parse(std::string_view text) {
  Specifiers specifiers;
  for (const std::string& part : split(text, ',')) {
    const std::string_view bound = trim(part);
    if (bound.empty()) {
      continue;
    }
    if (specifiers.bounds_.size() == kMaxBounds) {
      return fail(ErrorCode::limit, std::format("more than {} version bounds", kMaxBounds));
    }
    auto parsed = parse_bound(bound);
    if (!parsed) {
      return std::unexpected(parsed.error());
    }
    specifiers.bounds_.push_back(std::move(*parsed));
  }
  return specifiers;
}

namespace {

// `version` lies in `prefix.*`.
bool has_prefix(const Version& version, const Version& prefix, std::size_t parts) {
  if (version.epoch() != prefix.epoch()) {
    return false;
  }
  for (std::size_t i = 0; i < parts; ++i) {
    if (version.part(i) != prefix.part(i)) {
      return false;
    }
  }
  return true;
}

// `<1.0` leaves out the pre-releases of 1.0 itself, unless it names one.
bool is_less(const Version& version, const Version& bound) {
  const bool own_prerelease =
      !bound.is_prerelease() && version.is_prerelease() && version.release_only() == bound.release_only();
  return version < bound && !own_prerelease;
}

// `>1.0` leaves out the post-releases and local versions of 1.0 itself, unless it names one.
bool is_greater(const Version& version, const Version& bound) {
  const bool same_release = version.release_only() == bound.release_only();
  const bool own_post = !bound.is_post() && version.is_post() && same_release;
  const bool own_local = !version.local().empty() && same_release;
  return version > bound && !own_post && !own_local;
}

bool is_equal(const Version& version, const Version& bound) {
  return (bound.local().empty() ? version.base() : version) == bound;
}

}  // namespace

bool Specifiers::holds(const Bound& bound, const Version& version) {
  switch (bound.kind) {
    case Operator::arbitrary:
      return lower(version.text()) == lower(std::string_view(bound.written).substr(3));
    case Operator::equal:
    case Operator::not_equal: {
      const bool equal = bound.any_suffix ? has_prefix(version, bound.version, bound.version.release().size())
                                          : is_equal(version, bound.version);
      return equal == (bound.kind == Operator::equal);
    }
    case Operator::compatible:
      return version.base() >= bound.version &&
             has_prefix(version, bound.version, bound.version.release().size() - 1);
    case Operator::less:
      return is_less(version, bound.version);
    case Operator::less_equal:
      return version.base() <= bound.version;
    case Operator::greater:
      return is_greater(version, bound.version);
    case Operator::greater_equal:
      return version.base() >= bound.version;
  }
  return false;
}

bool Specifiers::hold_for(const Version& version, bool prereleases) const {
  const auto names_prerelease = [](const Bound& bound) {
    if (bound.kind == Operator::not_equal) {
      return false;
    }
    if (bound.kind == Operator::arbitrary) {
      const auto named = Version::parse(std::string_view(bound.written).substr(3));
      return named && named->is_prerelease();
    }
    return bound.version.is_prerelease();
  };
  if (!prereleases && version.is_prerelease() && std::ranges::none_of(bounds_, names_prerelease)) {
    return false;
  }
  return std::ranges::all_of(bounds_, [&](const Bound& bound) { return holds(bound, version); });
}

std::string Specifiers::text() const {
  std::vector<std::string> parts;
  for (const Bound& bound : bounds_) {
    parts.push_back(bound.written);
  }
  return join(parts, ",");
}

std::string Specifiers::pinned() const {
  std::string found;
  for (const Bound& bound : bounds_) {
    const bool exact =
        bound.kind == Operator::arbitrary || (bound.kind == Operator::equal && !bound.any_suffix);
    if (exact && !found.empty()) {
      return {};
    }
    if (exact) {
      found = bound.kind == Operator::arbitrary ? bound.written.substr(3) : bound.version.text();
    }
  }
  return found;
}

std::string normalised_name(std::string_view name) {
  std::string out;
  for (const char c : lower(trim(name))) {
    const bool is_separator = c == '-' || c == '_' || c == '.';
    if (!is_separator || !out.ends_with('-')) {
      out += is_separator ? '-' : c;
    }
  }
  return out;
}

}  // namespace runup
