// SPDX-License-Identifier: Apache-2.0
// Append logs, one after the other on one storage, and words for what tests do with them.
#pragma once

#include <string>
#include <vector>

#include "engine/store/append_log_iterator.hpp"
#include "tests/catch.hpp"
#include "tests/engine/store/plain_runtime.hpp"

namespace orrery::engine::testing {

inline AppendLogOptions small_log(bool fast = false) {
  AppendLogOptions options;
  options.ring.page_bits = 9;
  options.ring.memory_bits = 11;  // four pages
  options.ring.mutable_permille = 500;
  options.ring.sector_size = 64;
  options.ring.segment_bits = 10;
  options.ring.epoch_slots = 8;
  options.ring.prefix = "aof";
  options.fast_commit = fast;
  options.file_interval = 4;
  return options;
}

inline std::string entry_of(int number) {
  return "entry " + std::to_string(number) + std::string(static_cast<size_t>(number % 60), '.');
}

/// One storage, and the logs that live on it one after the other.
struct AppendLives {
  explicit AppendLives(const AppendLogOptions& some_options) : options(some_options) { open(); }

  void open() { take(AppendLog::open(plain.runtime(), options)); }
  void recover() { take(AppendLog::recover(plain.runtime(), options)); }
  void take(Result<Owned<AppendLog>> made) {
    INFO((made ? "" : made.error().what));
    REQUIRE(made);
    log = std::move(*made);
  }
  Errc recovery_error() {
    auto made = AppendLog::recover(plain.runtime(), options);
    return made ? Errc::ok : made.error().code;
  }
  /// The process dies. Nothing is committed by that.
  void die() {
    log->close();
    log = {};
  }
  Written put(int number) {
    const auto written = log->enqueue(bytes_of(entry_of(number)));
    INFO((written ? "" : written.error().what));
    REQUIRE(written);
    return *written;
  }
  void fill(int first, int last) {
    for (int i = first; i < last; ++i) put(i);
  }
  LogAddr commit(LogAddr from = 0) {
    const auto until = log->commit(from);
    INFO((until ? "" : until.error().what));
    REQUIRE(until);
    return *until;
  }
  /// The numbers of all entries, or -1 for one that is none of ours.
  std::vector<int> read(IteratorOptions wanted = {}) {
    AppendLogIterator iterator(plain.runtime(), *log, wanted);
    REQUIRE(iterator.initialise());
    std::vector<int> numbers;
    for (;;) {
      const auto next = iterator.get_next();
      error = next ? Error{Errc::ok} : next.error();
      if (!next || !next->has_value()) return numbers;
      const std::string text(text_of((*next)->payload));
      const int number = std::atoi(text.c_str() + std::min<size_t>(6, text.size()));
      numbers.push_back(text == entry_of(number) ? number : -1);
    }
  }
  std::vector<int> read_uncommitted() {
    IteratorOptions wanted;
    wanted.uncommitted = true;
    return read(wanted);
  }
  std::vector<std::string> commit_files() {
    std::vector<std::string> names;
    for (const auto& [name, device] : plain.devices) {
      if (name.starts_with("aof/log-commits/")) names.push_back(name);
    }
    return names;
  }
  void close() {
    if (log) die();
    CHECK(plain.live_blocks == 0);
    CHECK(plain.live_frames == 0);
  }

  AppendLogOptions options;
  PlainRuntime plain;
  Owned<AppendLog> log;
  Error error;
};

inline std::vector<int> numbers(int first, int last) {
  std::vector<int> all;
  for (int i = first; i < last; ++i) all.push_back(i);
  return all;
}

}  // namespace orrery::engine::testing
