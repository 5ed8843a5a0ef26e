// SPDX-License-Identifier: Apache-2.0
#include "engine/base/check.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "engine/base/format_into.hpp"

extern "C" {
// The linker names the ends of the section; weak, because a binary may hold no SOMETIMES at all.
extern const orrery::engine::Sometimes* const __start_orrery_sometimes[] __attribute__((weak));
extern const orrery::engine::Sometimes* const __stop_orrery_sometimes[] __attribute__((weak));
}

namespace orrery::engine {
namespace {

void print_and_abort(const CheckFailure& failure);

std::atomic<CheckHandler> installed_handler{&print_and_abort};

}  // namespace

CheckHandler set_check_handler(CheckHandler handler) {
  return installed_handler.exchange(handler != nullptr ? handler : &print_and_abort);
}

void check_failed(const char* expression, const char* file, int line, fmt::string_view format,
                  fmt::format_args arguments) {
  static char buffer[400];
  const size_t size = std::min(vformat_into(buffer, format, arguments), sizeof buffer);
  installed_handler.load()({expression, {buffer, size}, file, line});
  std::abort();  // A handler that returns has broken its promise.
}

std::span<const Sometimes* const> all_sometimes() {
  if (__start_orrery_sometimes == nullptr) return {};
  return {__start_orrery_sometimes, __stop_orrery_sometimes};
}

namespace {

void print_and_abort(const CheckFailure& failure) {
  fmt::print(stderr, "{}:{}: CHECK({}) failed: {}\n", failure.file, failure.line,
             failure.expression, failure.text);
  std::abort();
}

}  // namespace
}  // namespace orrery::engine
