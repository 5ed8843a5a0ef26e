// SPDX-License-Identifier: Apache-2.0
// Catch2, whichever version this machine has. Every test includes this header and nothing of
// Catch2 itself, and writes `Catch::Approx` and `Catch::Matchers::...` in full: those names then
// mean the same on version 2 and version 3. Of the floating-point matchers only `WithinAbs` and
// `WithinRel` exist in both. No reporters of our own: those are not compatible.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#include <string>

namespace Catch {

using Detail::Approx;

namespace Matchers {

inline auto ContainsSubstring(const std::string& part) { return Contains(part); }

}  // namespace Matchers
}  // namespace Catch
#endif
