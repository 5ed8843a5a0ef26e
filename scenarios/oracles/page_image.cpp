// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/page_image.hpp"

#include "engine/base/crc32c.hpp"

namespace orrery::scenarios {

using engine::round_up;

uint64_t PageImage::end_of_hole(uint64_t at) const {
  const uint64_t next = file.next_written(place + at) - place;
  return next > at ? at + engine::round_down(next - at, 8) : at;
}

// All sums are of a few 31-bit numbers in 64 bits: none overflows.
const char* measure(const PageImage& page, uint64_t at, uint64_t header, RecordLayout& layout) {
  const char* const leaves =
      page.until < page.size ? "leads beyond the end of the log" : "leads out of its page";
  if (at + 12 > page.until) return leaves;
  const auto key_size = page.load<int32_t>(at + 8);
  if (key_size < 0) return "has a key of negative length: its step is not positive";
  layout.key_at = at + 12;
  layout.key_size = static_cast<uint64_t>(key_size);
  const uint64_t value_part = at + 8 + round_up(4 + layout.key_size, 8);
  if (value_part + 4 > page.until) return leaves;
  const auto value_size = page.load<int32_t>(value_part);
  if (value_size < 0) return "has a value of negative length: its step is not positive";
  layout.value_at = value_part + 4;
  layout.value_size = static_cast<uint64_t>(value_size);
  uint64_t end = layout.value_at + layout.value_size;
  if ((header & kFiller) != 0) {
    const uint64_t extra_at = value_part + round_up(4 + layout.value_size, 4);
    if (extra_at + 4 > page.until) return leaves;
    const auto extra = page.load<int32_t>(extra_at);
    if (extra < 0) return "has a filler of negative length: its step is not positive";
    end += static_cast<uint64_t>(extra);
  }
  layout.end = at + round_up(end - at, 8);
  return layout.end > page.until ? leaves : nullptr;
}

// Record by record, without what may change while the page is being written; what makes no sense as
// a record ends that, and counts as it is. Last comes where that was.
uint32_t checksum_of(const PageImage& page, std::vector<std::byte>& bytes) {
  bytes.resize(page.until - page.from);
  page.file.read(page.place + page.from, bytes);
  uint32_t sum = 0;
  uint64_t at = page.from;
  while (at + 8 <= page.until) {
    const auto header = page.load<uint64_t>(at);
    if (header == 0) {
      at += 8;
      continue;
    }
    RecordLayout layout;
    if (at + 12 > page.until || page.load<int32_t>(at + 8) == 0) break;
    if (measure(page, at, header, layout) != nullptr) break;
    std::array<std::byte, 8> stable{};
    engine::put(stable.data(), header & ~(kSealed | kDirty));
    sum = engine::crc32c(stable, sum);
    const auto rest = std::span(bytes).subspan(at + 8 - page.from, layout.end - at - 8);
    sum = engine::crc32c(rest, sum);
    at = layout.end;
  }
  sum = engine::crc32c(std::span(bytes).subspan(at - page.from), sum);
  std::array<std::byte, 8> end{};
  engine::put(end.data(), at - page.from);
  return engine::crc32c(end, sum);
}

}  // namespace orrery::scenarios
