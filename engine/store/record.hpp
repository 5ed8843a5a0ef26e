// SPDX-License-Identifier: Apache-2.0
// One record of the log: a header word, a key, a value. This page is the layout.
//
//   +0  u64 header, see RecordHeader
//   +8  i32 key length, key bytes, padded to a multiple of 8
//       i32 value length, value bytes
//       if the header says Filler: i32 more bytes behind the value that belong to the record, at
//       the next multiple of 4
//       padded to a multiple of 8
//
// A value that became shorter where it stands leaves such a filler, and may grow again into it.
// All integers are little-endian. A header of all zeros is no record but 8 bytes of hole: the rest
// of a page behind the last record that fitted. Who walks a page steps over it 8 bytes at a time.
// Sizes are computed in 64 bits, so that garbage cannot wrap; whoever reads lengths that a device
// or a foreign page may have damaged checks the step before he takes it.
#pragma once

#include <cstdint>

#include "engine/base/bytes.hpp"
#include "engine/runtime/frames.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

/// The header word as a value.
struct RecordHeader {
  uint64_t word = 0;

  static constexpr uint64_t kPrevMask = (uint64_t{1} << kAddrBits) - 1;
  static constexpr uint64_t kTombstone = uint64_t{1} << 55;  // the key is deleted
  static constexpr uint64_t kValid = uint64_t{1} << 56;      // linked, or was once
  static constexpr uint64_t kSealed = uint64_t{1} << 57;     // superseded, or being prepared
  static constexpr uint64_t kDirty = uint64_t{1} << 59;      // changed since the last snapshot
  static constexpr uint64_t kFiller = uint64_t{1} << 60;     // the record is longer than its value
  static constexpr uint64_t kInNewVersion = uint64_t{1} << 61;  // made by a v + 1 session
  static constexpr uint64_t kModified = uint64_t{1} << 62;      // changed since a user reset it

  LogAddr prev() const { return static_cast<LogAddr>(word & kPrevMask); }
  bool has(uint64_t bits) const { return (word & bits) == bits; }
  bool is_hole() const { return word == 0; }
  /// Not to be used yet, or no more: the caller tries again.
  bool closed() const { return (word & (kValid | kSealed)) != kValid; }
};

inline constexpr int64_t kHeaderSize = 8;
inline constexpr int64_t kKeyOffset = 12;  // of the key bytes in the record
inline constexpr int64_t kLengthSize = 4;

constexpr int64_t value_length_offset(int64_t key_length) {
  return kHeaderSize + ((kLengthSize + key_length + 7) & ~int64_t{7});
}
constexpr int64_t value_offset(int64_t key_length) {
  return value_length_offset(key_length) + kLengthSize;
}
/// The bytes that a record takes. With lengths from a damaged record the result may be senseless,
/// even negative; it never wraps.
constexpr int64_t record_size(int64_t key_length, int64_t value_length) {
  return (value_offset(key_length) + value_length + 7) & ~int64_t{7};
}

/// Where the length of the filler stands. It fits wherever a record has 8 bytes more than it needs.
constexpr int64_t filler_offset(int64_t key_length, int64_t value_length) {
  return (value_offset(key_length) + value_length + 3) & ~int64_t{3};
}
/// What stands there in a record of `size` bytes.
constexpr int32_t filler_length(int64_t size, int64_t key_length, int64_t value_length) {
  return static_cast<int32_t>(size - value_offset(key_length) - value_length);
}

/// The size of the record at `at`, whose header is `header`; 8 for a hole. Up to three visible
/// operations.
int64_t record_step(PageRef at, RecordHeader header);

/// A record inside bytes that were read from a device.
struct RecordImage {
  RecordHeader header;
  Bytes key;
  Bytes value;
  int64_t size = 0;  // in bytes
};

/// How much of a record is in the first bytes of a device read.
struct ImageStage {
  int64_t needed = 0;  // bytes that must be there to go on; at most `available` if complete
  bool complete = false;
  RecordImage image;
};

/// Looks at the bytes of a record that start at `bytes[0]`, of which `limit` could be there at
/// most: the distance to the end of its page. Errors: corrupt, if the lengths make no sense.
Result<ImageStage> look_at_image(Bytes bytes, int64_t limit);

}  // namespace orrery::engine
