// SPDX-License-Identifier: Apache-2.0
// The engine on the machine (heart.cpp), and what the hook behind Atomic and PageRef costs it.
//
// Two programs of the same sources, one built with the hooks and one without, run in turns: which
// one is first changes, so that a slow drift of the machine hits both.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <string>

#include "engine/base/check.hpp"

namespace orrery::bench {
namespace {

constexpr uint64_t kKeys = 1'000'000;  // 40 MB of records, 32 MiB of index: beyond any L2
constexpr uint64_t kOperations = 2'000'000;

double ns_of(const char* program) {
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command =
      fmt::format("'{}' {} {}", (own.parent_path() / program).string(), kKeys, kOperations);
  FILE* const pipe = popen(command.c_str(), "r");
  CHECK(pipe != nullptr, "{} cannot be started", command);
  double ns = 0;
  const int read = std::fscanf(pipe, "%lf", &ns);
  const int code = pclose(pipe);
  CHECK(read == 1 && code == 0, "{} ended with {}", command, code);
  return ns;
}

double with_hooks() { return ns_of("heart"); }
double without_hooks() { return ns_of("heart_without_hooks"); }

}  // namespace

double native_heart() { return 1e3 / with_hooks(); }

double native_hooks() {
  const double first = with_hooks();
  const double bare_first = without_hooks();
  const double bare_second = without_hooks();
  const double second = with_hooks();
  return ((first + second) / (bare_first + bare_second) - 1) * 100;
}

}  // namespace orrery::bench
