// SPDX-License-Identifier: Apache-2.0
// How a stream is written to: colour, and a progress line that is redrawn on a terminal, cut to
// its width, and is one plain line every 30 seconds elsewhere. A dumb terminal is elsewhere.
#pragma once

#include <ostream>
#include <string>
#include <string_view>

namespace orrery::cli {

/// Whether to colour what goes to the descriptor: `choice` is auto, always or never.
bool wants_colour(std::string_view choice, int descriptor);

/// "auto", "always" and "never" are known. Returns what is wrong, empty if nothing is.
std::string check_colour(std::string_view choice);

class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string red(std::string_view text) const { return painted("31;1", text); }
  std::string green(std::string_view text) const { return painted("32", text); }
  std::string yellow(std::string_view text) const { return painted("33", text); }

 private:
  std::string painted(const char* code, std::string_view text) const;
  bool on_;
};

/// How often a line of progress comes where there is no terminal.
inline constexpr double kPlainSeconds = 30;

/// One line that tells how far a long job is.
class ProgressLine {
 public:
  /// `quiet`: says nothing at all.
  ProgressLine(std::ostream& err, bool quiet, double plain_every_s = kPlainSeconds);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Whether it is time to say something again.
  bool is_due(double seconds) const { return !quiet_ && seconds >= next_; }
  void show(double seconds, const std::string& text);
  /// Takes the line away, so that something else can be printed.
  void clear();

 private:
  std::ostream& err_;
  bool quiet_;
  bool terminal_;
  double every_s_;
  bool drawn_ = false;
  double next_;
};

}  // namespace orrery::cli
