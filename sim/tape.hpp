// SPDX-License-Identifier: Apache-2.0
// A run, written down: its scenario, its named sizes, the switches and faults enabled, and its
// deviations.
//
// What a tape does not name is calm. The text form has one fact a line, so that it can be read,
// compared and edited:
//
//   orrery-tape 2
//   scenario snapshot-full-cache
//   revision 2f6ad01c
//   seed 0x000000000000002a
//   size pages 16
//   bug garnet-385
//   fault io-error
//   at upsert/12#0@0 17 preempt done-write:store/hlog/4096#0@0
//   at write:store/hlog/4096#0@0 0 latency 11
//   end
//
// Without the last line something was cut off. Tapes of version 1 have none. An actor or task is
// label/number#repeat@incarnation. The number after it is the occurrence.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.hpp"
#include "sim/sources.hpp"
#include "sim/trace.hpp"

namespace orrery::sim {

/// The name of an actor or task, owning its text.
struct OwnedActor {
  std::string label;
  uint64_t number = 0;
  uint32_t repeat = 0;
  uint32_t incarnation = 0;

  uint64_t key() const { return key_of(hash_of(label), number, incarnation, repeat); }
  std::string text() const;
  friend bool operator==(const OwnedActor&, const OwnedActor&) = default;
};

struct Deviation {
  OwnedActor actor;
  Ask ask = Ask::preempt;
  uint64_t occurrence = 0;
  uint64_t value = 0;  // if the answer is a number
  OwnedActor task;     // if it is a task

  bool names_task() const { return sim::names_task(ask); }
  Deviated deviated() const;
  std::string text() const;
  friend bool operator==(const Deviation&, const Deviation&) = default;
};

struct Size {
  std::string name;
  int64_t value = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

struct Tape {
  std::string scenario;
  std::string revision;
  std::optional<uint64_t> seed;  // where it came from; nothing is drawn from it any more
  std::vector<Size> sizes;
  std::vector<std::string> bugs;
  std::vector<std::string> faults;
  std::vector<Deviation> deviations;
  friend bool operator==(const Tape&, const Tape&) = default;
};

/// Deviations in the form that a replay answers from.
std::vector<Deviated> deviated(const std::vector<Deviation>& deviations);
/// What a run took, as deviations.
std::vector<Deviation> deviations_of(const std::vector<Taken>& taken);

/// `remark` may say something of a deviation, in one line, which is printed below it.
std::string print_tape(const Tape& tape,
                       const std::function<std::string(const Deviation&)>& remark = {});

/// What is wrong with a text that is no tape: the line, and what would be right.
struct TapeError {
  size_t line = 0;
  std::string text;
};

/// Reads the text form. Never more than the text; nothing is half read.
std::optional<TapeError> parse_tape(std::string_view text, Tape& tape);

}  // namespace orrery::sim
