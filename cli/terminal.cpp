// SPDX-License-Identifier: Apache-2.0
#include "cli/terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace orrery::cli {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr size_t kColumns = 80;  // of a terminal that does not say

bool is_dumb();
size_t columns_of(int descriptor);

}  // namespace

bool wants_colour(std::string_view choice, int descriptor) {
  if (choice == "always") return true;
  if (choice == "never" || isatty(descriptor) == 0 || std::getenv("NO_COLOR") != nullptr) {
    return false;
  }
  return !is_dumb();
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
      terminal_(isatty(STDERR_FILENO) != 0 && !is_dumb()),
      every_s_(terminal_ ? kRedrawSeconds : plain_every_s),
      next_(every_s_) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::show(double seconds, const std::string& text) {
  if (!is_due(seconds)) return;
  next_ = seconds + every_s_;
  if (terminal_) {
    // A line that wrapped could not be taken away again. The last column stays free: some terminals
    // begin another line once it is filled.
    err_ << fmt::format("\r\033[K{:.{}}", text, columns_of(STDERR_FILENO) - 1);
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

namespace {

// Whoever says nothing of the terminal promises nothing of it.
bool is_dumb() {
  const char* const kind = std::getenv("TERM");
  return kind == nullptr || *kind == '\0' || std::string_view(kind) == "dumb";
}

// By now: it may have been made narrower. At least 1.
size_t columns_of(int descriptor) {
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kColumns;
  return size.ws_col;
}

}  // namespace
}  // namespace orrery::cli
