// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace orrery::cli {
namespace {

constexpr double kRedrawSeconds = 0.1;

}  // namespace

bool wants_colour(std::string_view choice, int descriptor) {
  if (choice == "always") return true;
  if (choice == "never" || isatty(descriptor) == 0 || std::getenv("NO_COLOR") != nullptr) {
    return false;
  }
  const char* const terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::string check_colour(std::string_view choice) {
  if (choice == "auto" || choice == "always" || choice == "never") return {};
  return fmt::format("--color is auto, always or never, not \"{}\"", choice);
}

std::string Paint::painted(const char* code, std::string_view text) const {
  return on_ ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

ProgressLine::ProgressLine(std::ostream& err, bool quiet, double plain_every_s)
    : err_(err),
      quiet_(quiet),
      terminal_(isatty(STDERR_FILENO) != 0),
      every_s_(terminal_ ? kRedrawSeconds : plain_every_s),
      next_(every_s_) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(double seconds, const std::string& text) {
  if (!is_due(seconds)) return;
  next_ = seconds + every_s_;
  if (terminal_) {
    err_ << fmt::format("\r\033[K{}", text);
    drawn_ = true;
  } else {
    err_ << fmt::format("{}\n", text);
  }
  err_.flush();
}

void ProgressLine::clear() {
  if (!drawn_) return;
  err_ << "\r\033[K";
  err_.flush();
  drawn_ = false;
}

}  // namespace orrery::cli
