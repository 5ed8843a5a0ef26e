// SPDX-License-Identifier: Apache-2.0
#include "engine/store/append_log_entry.hpp"

#include <array>

#include "engine/base/crc32c.hpp"

namespace orrery::engine {
namespace {

constexpr int32_t kPageEnd = INT32_MIN;

uint64_t first_word(int32_t length, uint32_t checksum);
int32_t length_in(uint64_t first);
uint32_t checksum_of(LogAddr address, uint32_t incarnation, int32_t length,
                     std::span<const Bytes> parts);
Error corrupt(const char* what, LogAddr address) { return {Errc::corrupt, what, address}; }

}  // namespace

EntryHeader make_entry_header(EntryKind kind, LogAddr address, uint32_t incarnation,
                              Bytes payload) {
  return make_entry_header(kind, address, incarnation, {&payload, 1});
}

EntryHeader make_entry_header(EntryKind kind, LogAddr address, uint32_t incarnation,
                              std::span<const Bytes> parts) {
  CHECK(kind == EntryKind::data || kind == EntryKind::commit, "an entry that is none");
  size_t bytes = 0;
  for (const Bytes part : parts) bytes += part.size();
  CHECK(bytes > 0 && bytes < uint64_t{1} << 31, "an entry of {} bytes", bytes);
  const auto size = static_cast<int32_t>(bytes);
  const int32_t length = kind == EntryKind::data ? size : -size;
  return {first_word(length, checksum_of(address, incarnation, length, parts)), incarnation};
}

uint64_t page_end_word(LogAddr address, uint32_t incarnation) {
  // There is no room for the incarnation beside the checksum, so it is hidden in it: whoever finds
  // a mark that is none finds an incarnation that never was.
  return first_word(kPageEnd, checksum_of(address, 0, kPageEnd, {}) ^ incarnation);
}

int64_t claimed_size(uint64_t first) {
  const int64_t length = length_in(first);
  if (length == 0 || length == kPageEnd) return 0;
  return entry_size(static_cast<size_t>(length < 0 ? -length : length));
}

Result<EntryView> look_at_entry(Bytes image, LogAddr address) {
  if (image.size() < sizeof(uint64_t)) return corrupt("an entry that leaves its page", address);
  const auto first = get<uint64_t>(image.data());
  EntryView view;
  if (first == 0) return view;
  const auto checksum = static_cast<uint32_t>(first >> 32);
  const int32_t length = length_in(first);
  if (length == 0) return corrupt("an entry without a length", address);
  if (length == kPageEnd) {
    view.kind = EntryKind::page_end;
    view.incarnation = checksum ^ checksum_of(address, 0, kPageEnd, {});
    return view;
  }
  view.size = claimed_size(first);
  if (view.size > static_cast<int64_t>(image.size())) {
    return corrupt("an entry that leaves its page", address);
  }
  const auto second = get<uint64_t>(image.data() + sizeof(uint64_t));
  if (second > UINT32_MAX) return corrupt("an entry header that makes no sense", address);
  view.kind = length > 0 ? EntryKind::data : EntryKind::commit;
  view.incarnation = static_cast<uint32_t>(second);
  const int64_t bytes = length > 0 ? length : -int64_t{length};
  view.payload = image.subspan(kEntryHeader, static_cast<size_t>(bytes));
  if (checksum != checksum_of(address, view.incarnation, length, {&view.payload, 1})) {
    return corrupt("the checksum of an entry", address);
  }
  return view;
}

void encode_commit_record(const CommitRecord& record, MutableBytes out) {
  CHECK(out.size() >= CommitRecord::kSize, "a commit record in {} bytes", out.size());
  put(out.data(), record.number);
  put(out.data() + 8, record.begin);
}

Result<CommitRecord> decode_commit_record(Bytes payload) {
  if (payload.size() != CommitRecord::kSize) {
    return Error{Errc::corrupt, "a commit record of another size"};
  }
  return CommitRecord{get<uint64_t>(payload.data()), get<LogAddr>(payload.data() + 8)};
}

namespace {

uint64_t first_word(int32_t length, uint32_t checksum) {
  return uint64_t{checksum} << 32 | static_cast<uint32_t>(length);
}

int32_t length_in(uint64_t first) { return static_cast<int32_t>(first & UINT32_MAX); }

uint32_t checksum_of(LogAddr address, uint32_t incarnation, int32_t length,
                     std::span<const Bytes> parts) {
  std::array<std::byte, 16> head{};
  put(head.data(), address);
  put(head.data() + 8, incarnation);
  put(head.data() + 12, length);
  uint32_t checksum = crc32c(head);
  for (const Bytes part : parts) checksum = crc32c(part, checksum);
  return checksum;
}

}  // namespace
}  // namespace orrery::engine
