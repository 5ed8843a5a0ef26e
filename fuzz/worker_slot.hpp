// SPDX-License-Identifier: Apache-2.0
// What a supervisor knows of one of its workers, and of the one before it in the same place.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "fuzz/last_words.hpp"
#include "fuzz/worker.hpp"

namespace orrery::fuzz {

struct Worker {
  pid_t process = -1;
  int pipe = -1;
  std::vector<std::byte> bytes;  // what was read from the pipe
  size_t held = 0;               // bytes of them: the beginning of a row that has not arrived whole
  uint64_t died_in = kNoRun;     // the run in which this worker's predecessor died
  int death = 0;                 // how: its wait status, or kHung
  std::string said;              // and the line that told most of what it had said
  uint64_t killed_in = kNoRun;   // the run that took too long
  unsigned tries = 0;            // to start it that have failed
  int64_t retry_ms = 0;          // when to try again
  uint64_t owed = kNoRun;        // the run that it then begins with
  bool wanted = false;           // it is to be tried again
  int64_t mute_ms = 0;           // since when its pipe is closed, and it has not ended
  uint64_t mute_in = kNoRun;     // the run that it was in then
  bool mute_killed = false;      // because of that
  LastWords last_words;
};

}  // namespace orrery::fuzz
