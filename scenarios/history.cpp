// SPDX-License-Identifier: Apache-2.0
#include "scenarios/history.hpp"

#include <algorithm>
#include <cstring>

#include "engine/base/check.hpp"

namespace orrery::scenarios {
namespace {

using engine::Bytes;
using engine::MutableBytes;

constexpr uint64_t kValueSalt = 0x76616C7565732D2DU;
constexpr uint64_t kKeySalt = 0x6B6579732D2D2D2DU;

uint64_t pattern(uint64_t salt, uint64_t number, uint64_t word);
Bytes encode(uint64_t salt, uint64_t number, size_t size, MutableBytes room);
std::optional<uint64_t> decode(uint64_t salt, Bytes bytes);

}  // namespace

std::string name_of_number(uint64_t number) {
  const uint64_t client = number >> 40;
  if (client == 0) return std::to_string(number);
  const uint64_t n = number & ((uint64_t{1} << 40) - 1);
  return std::to_string(n) + " of client " + std::to_string(client - 1);
}

size_t History::begin(uint32_t client, OpKind kind, uint64_t key, uint64_t argument, uint64_t step,
                      uint32_t task) {
  Operation& operation = operations_.emplace_back();
  operation.client = client;
  operation.kind = kind;
  operation.key = key;
  operation.argument = argument;
  operation.task = task;
  operation.life = life_;
  operation.invoked = step;
  return operations_.size() - 1;
}

void History::end(size_t index, const Ending& ending) {
  CHECK(index < operations_.size(), "operation {} was never begun", index);
  Operation& operation = operations_[index];
  CHECK(operation.outcome == Outcome::unknown, "operation {} ended before", index);
  CHECK(ending.step >= operation.invoked, "operation {} ends before it began", index);
  operation.outcome = ending.outcome;
  operation.result = ending.result;
  operation.garbage = ending.garbage;
  operation.damaged = ending.damaged;
  operation.address = ending.address;
  operation.version = ending.version;
  operation.log_end = ending.log_end;
  if (ending.outcome != Outcome::unknown) operation.returned = ending.step;
}

Bytes encode_value(uint64_t number, size_t size, MutableBytes room) {
  return encode(kValueSalt, number, size, room);
}

std::optional<uint64_t> decode_value(Bytes value) { return decode(kValueSalt, value); }

Bytes key_bytes(uint64_t key, size_t size, MutableBytes room) {
  return encode(kKeySalt, key, size, room);
}

std::optional<uint64_t> decode_key(Bytes key) { return decode(kKeySalt, key); }

namespace {

// Eight bytes of the pattern. The mixing (that of SplitMix64) makes neighbouring numbers and words
// differ in about half their bits, so that a seam between two values shows in the first byte or
// two.
uint64_t pattern(uint64_t salt, uint64_t number, uint64_t word) {
  uint64_t mixed = (number ^ salt) + word * 0x9E3779B97F4A7C15U;
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
  return mixed ^ (mixed >> 31);
}

Bytes encode(uint64_t salt, uint64_t number, size_t size, MutableBytes room) {
  CHECK(size >= kEncodedSizeMin, "{} bytes cannot hold a number", size);
  CHECK(size <= room.size(), "{} bytes into a room of {}", size, room.size());
  engine::put(room.data(), number);
  for (size_t at = kEncodedSizeMin; at < size; at += 8) {
    const uint64_t word = pattern(salt, number, at / 8);
    std::memcpy(room.data() + at, &word, std::min<size_t>(8, size - at));
  }
  return room.first(size);
}

std::optional<uint64_t> decode(uint64_t salt, Bytes bytes) {
  if (bytes.size() < kEncodedSizeMin) return std::nullopt;
  const uint64_t number = engine::get<uint64_t>(bytes.data());
  for (size_t at = kEncodedSizeMin; at < bytes.size(); at += 8) {
    const uint64_t word = pattern(salt, number, at / 8);
    if (std::memcmp(bytes.data() + at, &word, std::min<size_t>(8, bytes.size() - at)) != 0) {
      return std::nullopt;
    }
  }
  return number;
}

}  // namespace
}  // namespace orrery::scenarios
