// SPDX-License-Identifier: Apache-2.0
#include "engine/store/record.hpp"

namespace orrery::engine {

int64_t record_step(PageRef at, RecordHeader header) {
  if (header.is_hole()) return kHeaderSize;
  const int64_t key_length = at.plus(kHeaderSize).load<int32_t>();
  const int64_t value_length = at.plus(value_length_offset(key_length)).load<int32_t>();
  if (!header.has(RecordHeader::kFiller)) return record_size(key_length, value_length);
  const int64_t filler = at.plus(filler_offset(key_length, value_length)).load<int32_t>();
  return record_size(key_length, value_length + filler);
}

Result<ImageStage> look_at_image(Bytes bytes, int64_t limit) {
  CHECK(limit > 0, "a record of at most {} bytes", limit);
  const auto available = static_cast<int64_t>(bytes.size());
  const auto corrupt = [](const char* what) { return Error{Errc::corrupt, what}; };
  ImageStage stage;
  stage.needed = kKeyOffset;
  if (stage.needed > limit) return corrupt("a record header at the end of a page");
  if (stage.needed > available) return stage;
  stage.image.header.word = get<uint64_t>(bytes.data());
  if (stage.image.header.is_hole()) return corrupt("a hole where a record should be");
  const int64_t key_length = get<int32_t>(bytes.data() + kHeaderSize);
  if (key_length <= 0) return corrupt("a record with a key length of zero or less");
  stage.needed = value_offset(key_length);
  if (stage.needed > limit) return corrupt("a record whose key leaves its page");
  if (stage.needed > available) return stage;
  const int64_t value_length = get<int32_t>(bytes.data() + value_length_offset(key_length));
  if (value_length < 0) return corrupt("a record with a negative value length");
  int64_t filler = 0;
  if (stage.image.header.has(RecordHeader::kFiller)) {
    const int64_t at = filler_offset(key_length, value_length);
    stage.needed = at + kLengthSize;
    if (stage.needed > limit) return corrupt("a record whose filler leaves its page");
    if (stage.needed > available) return stage;
    filler = get<int32_t>(bytes.data() + at);
    if (filler < 0) return corrupt("a record with a negative filler");
  }
  stage.needed = record_size(key_length, value_length + filler);
  if (stage.needed > limit) return corrupt("a record that leaves its page");
  if (stage.needed > available) return stage;
  stage.complete = true;
  stage.image.size = stage.needed;
  stage.image.key = bytes.subspan(kKeyOffset, static_cast<size_t>(key_length));
  stage.image.value = bytes.subspan(static_cast<size_t>(value_offset(key_length)),
                                    static_cast<size_t>(value_length));
  return stage;
}

}  // namespace orrery::engine
