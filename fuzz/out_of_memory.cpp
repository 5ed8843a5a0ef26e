// SPDX-License-Identifier: Apache-2.0
#include "fuzz/out_of_memory.hpp"

#include <unistd.h>

#include <new>
#include <string_view>

#include "fuzz/worker.hpp"

namespace orrery::fuzz {

void end_without_memory() {
  std::set_new_handler([] {
    constexpr std::string_view kWords = "orrery: the harness has no memory left\n";
    (void)!write(STDERR_FILENO, kWords.data(), kWords.size());
    _exit(kHarnessFailure);
  });
}

}  // namespace orrery::fuzz
