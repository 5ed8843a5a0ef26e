// SPDX-License-Identifier: Apache-2.0
// A made-up life of an append log, for the tests of its ledger.
#pragma once

#include <string>

#include "engine/store/events.hpp"
#include "scenarios/ledger.hpp"
#include "tests/scenarios/oracles/hand_made_run.hpp"

namespace orrery::scenarios {

inline constexpr int64_t kOk = 0;
inline constexpr int64_t kIo = static_cast<int64_t>(engine::Errc::io);
inline constexpr int64_t kCorrupt = static_cast<int64_t>(engine::Errc::corrupt);
inline constexpr int64_t kInvalid = static_cast<int64_t>(engine::Errc::invalid);
inline constexpr int64_t kNotFound = static_cast<int64_t>(engine::Errc::not_found);

inline int64_t number(uint64_t n) { return static_cast<int64_t>(number_of(0, n)); }

/// Entries of 32 bytes: entry n stands at 64 + 32 n.
inline int64_t place(int64_t n) { return 64 + 32 * n; }

struct LogBook {
  LogBook() { made.event(ledger::kOpened, kOk, 64); }
  void append(int64_t n) { append_at(n, place(n)); }
  void append_at(int64_t n, int64_t address) {
    made.event(ledger::kAsked, number(static_cast<uint64_t>(n)));
    made.event(ledger::kAppended, number(static_cast<uint64_t>(n)), address, address + 32);
  }
  void ask(int64_t n) { made.event(ledger::kAsked, number(static_cast<uint64_t>(n))); }
  void acknowledge(int64_t from, int64_t until) {
    made.event(ledger::kAcknowledged, place(from), place(until));
  }
  void crash() { made.event(static_cast<uint16_t>(sim::Kind::crashed), 1); }
  void decay(sim::Ask ask, const char* file, int64_t left = 64) {
    sim::Taken taken;
    taken.at.ask = ask;
    taken.at.actor.name.label = file;
    made.trace.taken.push_back(taken);
    const int64_t kind = ask == sim::Ask::rot ? 1 : ask == sim::Ask::cut ? 2 : 3;
    made.event(static_cast<uint16_t>(sim::Kind::decayed), kind, left,
               static_cast<int64_t>(sim::hash_of(taken.at.actor.name.label + sim::kAtRest.size())));
  }
  void recover(int64_t begin, int64_t end) {
    made.event(ledger::kRecovered, kOk, place(begin), place(end));
  }
  void find(int64_t n) {
    made.event(ledger::kReadBack, number(static_cast<uint64_t>(n)), place(n), place(n + 1));
  }
  void read_back(int64_t begin, int64_t end) {
    recover(begin, end);
    for (int64_t n = begin; n < end; ++n) find(n);
    made.event(ledger::kReadBackEnded, kOk);
  }
  void begin_reading(int64_t reader) { made.event(ledger::kReaderBegins, reader, 64); }
  void read(int64_t reader, int64_t n) {
    made.event(reader == 0 ? ledger::kReadCommitted : ledger::kReadUncommitted,
               number(static_cast<uint64_t>(n)), place(n), place(n + 1));
  }
  std::string label() { return made.label(judge_ledger); }

  HandMadeRun made;
};

/// Three entries, of which two are acknowledged, and a crash.
inline void first_life(LogBook& book) {
  for (int64_t n = 0; n < 3; ++n) book.append(n);
  book.acknowledge(0, 2);
  book.crash();
}

inline constexpr const char* kStranger = "an entry is there that was rolled back or never appended";

}  // namespace orrery::scenarios
