// SPDX-License-Identifier: Apache-2.0
// What an append log is made of, byte by byte.
//
//   i32 length   u32 crc32c   u32 incarnation   u32 zero   payload   padding up to 8
//
// A length above 0 is that of a client's bytes, one below that of a commit record. The checksum
// covers the address, the incarnation, the kind, the length and the payload: bytes that are torn,
// or in another place, or of another length fail it. The incarnation says in which life of the log
// an entry was written; what a crash rolled back is of an older one than what is written there
// afterwards. The first word is written last. An entry never crosses a page; where the next one
// does not fit, the page ends with a mark of one word. A word of zeros was never written. Decoding
// never reads past its input and never trusts a number in it.
#pragma once

#include <cstdint>
#include <span>

#include "engine/base/bytes.hpp"
#include "engine/base/result.hpp"
#include "engine/store/address.hpp"

namespace orrery::engine {

inline constexpr int64_t kEntryHeader = 16;

enum class EntryKind : uint8_t {
  none,      // nothing was written there
  data,      // bytes of a client
  commit,    // a commit record, of a log in fast-commit mode
  page_end,  // the rest of the page is empty
};

/// The bytes that an entry takes in the log.
constexpr int64_t entry_size(size_t length) {
  return kEntryHeader + static_cast<int64_t>(round_up(length, kRecordAlign));
}

/// The header of an entry, as two words; the first one is to be written last.
struct EntryHeader {
  uint64_t first = 0;
  uint64_t second = 0;
};
EntryHeader make_entry_header(EntryKind kind, LogAddr address, uint32_t incarnation, Bytes payload);
/// The same for a payload in parts, which follow each other.
EntryHeader make_entry_header(EntryKind kind, LogAddr address, uint32_t incarnation,
                              std::span<const Bytes> parts);

/// The mark of a page end.
uint64_t page_end_word(LogAddr address, uint32_t incarnation);

/// The bytes that the entry behind this first word takes; 0 for a mark or no entry at all.
int64_t claimed_size(uint64_t first);

struct EntryView {
  EntryKind kind = EntryKind::none;
  uint32_t incarnation = 0;
  int64_t size = 0;  // bytes in the log; 0 if there is no entry
  Bytes payload;     // in the image
};

/// What stands at `address`; `image` is the log from there to the end of its page, or of what is
/// known of it. Errors: corrupt, with the address.
Result<EntryView> look_at_entry(Bytes image, LogAddr address);

/// The payload of a commit record: what it makes durable ends where the record ends.
struct CommitRecord {
  static constexpr size_t kSize = 16;
  uint64_t number = 0;
  LogAddr begin = 0;
};
void encode_commit_record(const CommitRecord& record, MutableBytes out);
/// Errors: corrupt.
Result<CommitRecord> decode_commit_record(Bytes payload);

}  // namespace orrery::engine
