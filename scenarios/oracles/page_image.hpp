// SPDX-License-Identifier: Apache-2.0
// The records of one page in a file, measured without the engine: see snapshot_reader.hpp for the
// format.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/base/bytes.hpp"
#include "scenarios/oracles/file_view.hpp"

namespace orrery::scenarios {

inline constexpr uint64_t kTombstone = uint64_t{1} << 55;
inline constexpr uint64_t kValid = uint64_t{1} << 56;
inline constexpr uint64_t kSealed = uint64_t{1} << 57;
inline constexpr uint64_t kDirty = uint64_t{1} << 59;
inline constexpr uint64_t kFiller = uint64_t{1} << 60;
inline constexpr uint64_t kInNewVersion = uint64_t{1} << 61;

/// One page as it lies in its file, possibly cut short.
struct PageImage {
  const FileView& file;
  uint64_t place;   // of its first byte in the file
  uint64_t there;   // bytes of it that are in the file
  int64_t address;  // of its first byte
  uint64_t from;    // offsets: where records begin that count, and where they end
  uint64_t until;
  uint64_t size;

  /// What is not in the file counts as zeros.
  template <typename Number>
  Number load(uint64_t at) const {
    std::byte room[sizeof(Number)] = {};
    const uint64_t inside = at < there ? std::min<uint64_t>(sizeof(Number), there - at) : 0;
    file.read(place + at, std::span(room).first(inside));
    return engine::get<Number>(room);
  }
  /// The next place from `at` on, in steps of 8 bytes, where something may stand.
  uint64_t end_of_hole(uint64_t at) const;
};

/// The parts of one record, as offsets in its page.
struct RecordLayout {
  uint64_t key_at, key_size, value_at, value_size, end;
};

/// Where the parts of the record at `at` are. Returns what is wrong with its lengths, if something
/// is; null otherwise.
const char* measure(const PageImage& page, uint64_t at, uint64_t header, RecordLayout& layout);

/// The checksum of what the page holds from PageImage::from on. `bytes` is room for that.
uint32_t checksum_of(const PageImage& page, std::vector<std::byte>& bytes);

}  // namespace orrery::scenarios
