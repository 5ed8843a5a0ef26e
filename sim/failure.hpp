// SPDX-License-Identifier: Apache-2.0
// A promise that was seen broken while the run was going on, as plain data: it may be filled in by
// a signal handler's landing, on a stack that is about to be dropped.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "engine/base/format_into.hpp"
#include "sim/trace.hpp"

namespace orrery::sim {

/// Text of at most N - 1 bytes, cut.
template <size_t N>
struct FixedText {
  char data[N];

  FixedText() { data[0] = '\0'; }
  FixedText(const char* text) { assign(text); }       // NOLINT: a short text is a text
  FixedText(std::string_view text) { assign(text); }  // NOLINT
  void assign(std::string_view text) {
    const size_t size = text.size() < N - 1 ? text.size() : N - 1;
    text.copy(data, size);
    data[size] = '\0';
  }
  void append(std::string_view text) {
    const size_t at = view().size();
    const size_t size = text.size() < N - 1 - at ? text.size() : N - 1 - at;
    text.copy(data + at, size);
    data[at + size] = '\0';
  }
  template <typename... Arguments>
  void format(fmt::format_string<const Arguments&...> format, const Arguments&... arguments) {
    const size_t size = engine::format_into({data, N - 1}, format, arguments...);
    data[size < N - 1 ? size : N - 1] = '\0';
  }
  std::string_view view() const { return data; }
  bool empty() const { return data[0] == '\0'; }
};

struct Failure {
  FixedText<24> oracle;  // lifetimes, frames, memory, completions, progress, check, resources, ...
  FixedText<120> label;  // what was broken, without numbers: part of the signature
  FixedText<400> text;   // the same with numbers
  uint64_t step = 0;
  int64_t now_ns = 0;
  uint32_t task = kNobody;
  FixedText<40> role;             // the label of the actor that was at it, empty for the world
  uint64_t generation = 0;        // of the frame that was misused; 0 = none
  uint64_t touching = 0;          // of the frame that was really touched; 0 = none
  uint64_t request = UINT64_MAX;  // index of the I/O request; UINT64_MAX = none
  Site site;
  bool of_world = false;  // seen by the world, not by the task that happened to run
};

}  // namespace orrery::sim
