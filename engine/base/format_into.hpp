// SPDX-License-Identifier: Apache-2.0
// Formats into memory of a fixed size: no heap, so it may run on a task's small stack.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <span>

namespace orrery::engine {

/// Fills `room` as far as the text goes, without a final zero. Returns the size of the whole text:
/// one above that of `room` was cut. Not a template, like fmt's own: each source that formats to
/// an iterator compiles the whole of fmt again.
size_t vformat_into(std::span<char> room, fmt::string_view format, fmt::format_args values);

template <typename... Values>
size_t format_into(std::span<char> room, fmt::format_string<const Values&...> format,
                   const Values&... values) {
  return vformat_into(room, format, fmt::make_format_args(values...));
}

}  // namespace orrery::engine
