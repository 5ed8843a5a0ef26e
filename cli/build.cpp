// SPDX-License-Identifier: Apache-2.0
#include "cli/build.hpp"

#include <fmt/format.h>

#include "engine/base/sanitizers.hpp"
#include "scenarios/run.hpp"

#ifndef ORRERY_VERSION
#define ORRERY_VERSION "unknown"
#endif

namespace orrery::cli {

std::string compiler_text() {
#if defined(__clang__)
  return fmt::format("clang {}.{}.{}", __clang_major__, __clang_minor__, __clang_patchlevel__);
#elif defined(__GNUC__)
  return fmt::format("g++ {}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
#else
  return "an unknown compiler";
#endif
}

std::string sanitizers_text() {
  std::string text;
  const auto add = [&](bool on, const char* name) {
    if (on) text += fmt::format("{}{}", text.empty() ? "" : ", ", name);
  };
  add(ORRERY_ASAN != 0, "address");
  add(ORRERY_TSAN != 0, "thread");
  add(ORRERY_UBSAN != 0, "undefined");
  return text.empty() ? "none" : text;
}

std::string version_text() {
#ifdef __OPTIMIZE__
  const char* const optimised = "optimised";
#else
  const char* const optimised = "not optimised";
#endif
  return fmt::format("orrery {}, revision {}, {}, {}, sanitizers: {}", ORRERY_VERSION,
                     scenarios::revision(), compiler_text(), optimised, sanitizers_text());
}

}  // namespace orrery::cli
