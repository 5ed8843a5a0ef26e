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

constexpr uint64_t kOperations = 2'000'000;
// 3 MB of records and 2 MiB of index: larger than the L2 of most cores, and in their L3.
constexpr uint64_t kSome = 100'000;
// 32 MB of records and 16 MiB of index: beyond any L2, and in memory where others use L3 as well.
constexpr uint64_t kMany = 1'000'000;

constexpr int kAnnounced = 16;  // at a time, by who cares for throughput

double ns_of(const char* program, uint64_t keys, int batch) {
  const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command = fmt::format("'{}' {} {} {}", (own.parent_path() / program).string(),
                                          keys, kOperations, batch);
  FILE* const pipe = popen(command.c_str(), "r");
  CHECK(pipe != nullptr, "{} cannot be started", command);
  double ns = 0;
  const int read = std::fscanf(pipe, "%lf", &ns);
  const int code = pclose(pipe);
  CHECK(read == 1 && code == 0, "{} ended with {}", command, code);
  return ns;
}

// In percent.
double hooks_cost(int batch) {
  const double first = ns_of("heart", kMany, batch);
  const double bare_first = ns_of("heart_without_hooks", kMany, batch);
  const double bare_second = ns_of("heart_without_hooks", kMany, batch);
  const double second = ns_of("heart", kMany, batch);
  return ((first + second) / (bare_first + bare_second) - 1) * 100;
}

}  // namespace

double native_heart() { return 1e3 / ns_of("heart", kSome, 1); }
double native_heart_large() { return 1e3 / ns_of("heart", kMany, 1); }
double native_heart_announced() { return 1e3 / ns_of("heart", kMany, kAnnounced); }
double native_hooks() { return hooks_cost(1); }
double native_hooks_announced() { return hooks_cost(kAnnounced); }

}  // namespace orrery::bench
