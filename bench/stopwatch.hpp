// SPDX-License-Identifier: Apache-2.0
// CPU time of the calling thread.
#pragma once

#include <time.h>

#include <cstdint>

namespace orrery::bench {

class Stopwatch {
 public:
  Stopwatch() : start_ns_(now_ns()) {}
  double ns() const { return static_cast<double>(now_ns() - start_ns_); }

 private:
  static int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  }
  int64_t start_ns_;
};

}  // namespace orrery::bench
