// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/file_view.hpp"

#include <algorithm>
#include <cstring>

namespace orrery::scenarios {

FileView::FileView(const sim::Media& media, Moment moment)
    : media_(&media),
      moment_(moment),
      size_(moment == Moment::now ? media.size() : media.durable_size()) {}

void FileView::read(uint64_t offset, engine::MutableBytes room) const {
  const uint64_t there = offset < size_ ? std::min<uint64_t>(room.size(), size_ - offset) : 0;
  const engine::MutableBytes part = room.first(there);
  if (there < room.size()) std::memset(room.data() + there, 0, room.size() - there);
  if (part.empty()) return;
  if (media_ == nullptr) {
    std::memcpy(part.data(), bytes_.data() + offset, part.size());
  } else if (moment_ == Moment::now) {
    media_->read(offset, part);
  } else {
    media_->read_durable(offset, part);
  }
}

// What a power loss takes was written once, so this holds after one as well.
uint64_t FileView::next_written(uint64_t offset) const {
  const uint64_t next = media_ == nullptr ? offset : media_->next_written(offset);
  return std::min(next, size_);
}

}  // namespace orrery::scenarios
