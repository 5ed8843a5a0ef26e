// SPDX-License-Identifier: Apache-2.0
// What we got wrong ourselves: CHECK, VERIFY and SOMETIMES.
//
// CHECK(condition, "why {}", x) is on in every build. A failed check describes itself in a fixed
// buffer (no heap: it may run on a task's small stack) and calls one replaceable handler that does
// not return: abort by default; in a simulated world, a verdict. VERIFY is the same for headers:
// the framework of the tests has a CHECK of its own. SOMETIMES(condition, "label") marks what a
// campaign must see at least once; the labels that were never hit are part of its report. What the
// world may do to us (errors, corrupt bytes) is never a CHECK: that is engine/base/result.hpp.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace orrery::engine {

/// A failed check. The views live in static storage, `text` until the next failure on the same
/// thread.
struct CheckFailure {
  std::string_view expression;
  std::string_view text;  // the formatted reason, cut to 400 bytes
  const char* file;
  int line;
};

/// Never returns. Called on the stack of the code that failed.
using CheckHandler = void (*)(const CheckFailure&);

/// Installs `handler`, returns the one before. A null handler means: print and abort.
CheckHandler set_check_handler(CheckHandler handler);

[[noreturn]] void check_failed(const char* expression, const char* file, int line,
                               fmt::string_view format, fmt::format_args arguments);

template <typename... Arguments>
[[noreturn, gnu::cold, gnu::noinline]] void check_failed_with(
    const char* expression, const char* file, int line,
    fmt::format_string<const Arguments&...> format, const Arguments&... arguments) {
  check_failed(expression, file, line, format, fmt::make_format_args(arguments...));
}

/// One SOMETIMES in the source. All of them stand in one section of the binary, so that the labels
/// that were never hit are known too, without registration at run time.
struct Sometimes {
  const char* label;
  const char* file;
  int line;
  std::atomic<uint64_t>* hits;
};

/// Every SOMETIMES that is linked into this binary, in no particular order.
std::span<const Sometimes* const> all_sometimes();

}  // namespace orrery::engine

// What both say; the words of the condition as they are written there.
#define ORRERY_CHECKED(words, condition, ...)                                         \
  do {                                                                                \
    if (!(condition)) [[unlikely]]                                                    \
      ::orrery::engine::check_failed_with(words, __FILE__, __LINE__, "" __VA_ARGS__); \
  } while (false)

#define VERIFY(condition, ...) ORRERY_CHECKED(#condition, (condition), __VA_ARGS__)

#ifndef CHECK
#define CHECK(condition, ...) ORRERY_CHECKED(#condition, (condition), __VA_ARGS__)
#elif !defined(TEST_CASE)
#error "somebody else has a CHECK: include engine/base/check.hpp before it"
#endif

#define SOMETIMES(condition, label_text)                                                          \
  do {                                                                                            \
    static constinit std::atomic<uint64_t> sometimes_hits{0};                                     \
    static constinit const ::orrery::engine::Sometimes sometimes_here{label_text, __FILE__,       \
                                                                      __LINE__, &sometimes_hits}; \
    [[gnu::section("orrery_sometimes"), gnu::used]]                                               \
    static constinit const ::orrery::engine::Sometimes* const sometimes_row = &sometimes_here;    \
    if (condition) sometimes_hits.fetch_add(1, std::memory_order_relaxed);                        \
  } while (false)
