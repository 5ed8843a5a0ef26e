// SPDX-License-Identifier: Apache-2.0
// What a checkpoint knows of each page of its snapshot: that it was left out, or a checksum of what
// was written. Recovery believes no page that the table does not vouch for.
//
// The table is a file beside the snapshot; its own checksum is in the metadata. The checksum of a
// page leaves out the header bits that may change while the page is being written, and what had
// been given up: a recovery may have found anything there, and no records to tell which bits are
// headers.
#pragma once

#include "engine/base/bytes.hpp"
#include "engine/runtime/memory.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

class PageTable {
 public:
  enum class State : uint32_t {
    left_out = 0,   // evicted before its turn: nothing of it is in the file
    unchecked = 1,  // written, with checksums switched off
    checked = 2,    // written
  };
  struct Entry {
    uint32_t checksum = 0;
    State state = State::left_out;
    uint32_t from = 0;  // the checksum is of what lies from this offset on, where a record begins
  };
  static constexpr size_t kEntrySize = 8;

  /// An empty table of pages first_page, first_page + 1, ... Errors: no_memory.
  Result<void> begin(Memory& memory, int64_t first_page, int64_t count);
  void set(int64_t page, Entry entry);
  /// Requires: the page is in the table.
  const Entry& operator[](int64_t page) const;

  int64_t first_page() const { return first_page_; }
  int64_t count() const { return static_cast<int64_t>(entries_.size()); }

  size_t encoded_size() const { return entries_.size() * kEntrySize; }
  /// Requires: `out` has encoded_size() bytes.
  void encode(MutableBytes out) const;
  /// Fills a table that has begun. Errors: corrupt.
  Result<void> decode(Bytes file);

 private:
  int64_t first_page_ = 0;
  Array<Entry> entries_;
};

/// The checksum of a page image, or of its end, whose records begin at its start or behind holes.
uint32_t page_checksum(Bytes image);

}  // namespace orrery::engine
