// SPDX-License-Identifier: Apache-2.0
#include "cli/verb.hpp"

#include <fmt/format.h>

namespace orrery::cli {

std::string shell_word(std::string_view word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:,@%+";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string_view::npos) {
    return std::string(word);
  }
  std::string quoted = "'";
  for (const char sign : word) quoted += sign == '\'' ? std::string("'\\''") : std::string(1, sign);
  return quoted + "'";
}

int usage_error(const Invocation& invocation, std::string_view wrong) {
  invocation.err << fmt::format("orrery: {}\n", wrong);
  return kUsage;
}

}  // namespace orrery::cli
