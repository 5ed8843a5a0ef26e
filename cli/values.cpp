// SPDX-License-Identifier: Apache-2.0
#include "cli/values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "cli/files.hpp"
#include "cli/verb.hpp"
#include "sim/hash.hpp"

namespace orrery::cli {
namespace {

constexpr size_t kGitHash = 40;

template <typename T>
bool read_whole(std::string_view text, int base, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
}

uint64_t folded(std::string_view hash);

constexpr const char* kSeedForm =
    "a seed is 0x and up to 16 hex digits, a decimal number of 64 bits, a git hash of 40 digits, or"
    " @FILE";

}  // namespace

std::string read_seed(std::string_view text, uint64_t& seed) {
  if (text.starts_with('@')) {
    std::string content;
    std::string wrong = read_file(std::string(text.substr(1)), content);
    if (!wrong.empty()) return wrong;
    const size_t start = std::min(content.find_first_not_of(" \t\r\n"), content.size());
    const size_t end = std::min(content.find_first_of(" \t\r\n", start), content.size());
    const std::string word = content.substr(start, end - start);
    if (word.starts_with('@')) return fmt::format("{} names another file", text);
    if (read_seed(word, seed).empty()) return {};
    return fmt::format("{} does not begin with a seed: {}", text, kSeedForm);
  }
  if (text.size() == kGitHash && is_hex(text)) {
    seed = folded(text);
    return {};
  }
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  if (read_whole(hex ? text.substr(2) : text, hex ? 16 : 10, seed)) return {};
  return fmt::format("\"{}\" is no seed; {}", text, kSeedForm);
}

std::string read_count(std::string_view what, std::string_view text, uint64_t least,
                       uint64_t& count) {
  if (read_whole(text, 10, count) && count >= least) return {};
  return fmt::format("{} wants a whole number from {} on, not \"{}\"", what, least, text);
}

std::string read_time(std::string_view text, int64_t& ms) {
  std::string_view number = text;
  int64_t unit = 1000;
  const auto take = [&](std::string_view ending, int64_t value) {
    if (!number.ends_with(ending) || number.size() == ending.size()) return false;
    number.remove_suffix(ending.size());
    unit = value;
    return true;
  };
  take("ms", 1) || take("s", 1000) || take("m", 60'000) || take("h", 3'600'000);
  int64_t value = 0;
  if (read_whole(number, 10, value) && value > 0 && value < INT64_MAX / unit) {
    ms = value * unit;
    return {};
  }
  return fmt::format(
      "\"{}\" is no length of time; write 30s, 5m, 2h, 500ms, or a number of seconds", text);
}

std::string hang_after_again(const std::optional<std::string>& given) {
  return given ? " --hang-after " + shell_word(*given) : std::string();
}

bool read_number(std::string_view text, int64_t& number) { return read_whole(text, 10, number); }

namespace {

// Requires: 40 hex digits. Every digit reaches every bit.
uint64_t folded(std::string_view hash) {
  uint64_t parts[3] = {};
  read_whole(hash.substr(0, 16), 16, parts[0]);
  read_whole(hash.substr(16, 16), 16, parts[1]);
  read_whole(hash.substr(32), 16, parts[2]);
  return sim::mix(parts[0], parts[1], parts[2]);
}

}  // namespace
}  // namespace orrery::cli
