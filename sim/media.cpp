// SPDX-License-Identifier: Apache-2.0
#include "sim/media.hpp"

#include <algorithm>
#include <cstring>

#include "engine/base/check.hpp"

namespace orrery::sim {

void Media::clear() {
  // Only what was handed out is dirty.
  for (size_t i = 0; i < chunks_used_; ++i) std::memset(chunks_[i].get(), 0, kChunk);
  constexpr size_t kKeep = 4096;  // 64 MiB; a larger run gives its memory back
  if (chunks_.size() > kKeep) chunks_.resize(kKeep);
  chunks_used_ = 0;
  table_.clear();
  size_ = 0;
  sync();
}

std::byte* Media::chunk_for(uint64_t index) {
  if (index >= table_.size()) table_.resize(index + 1, -1);
  int32_t& entry = table_[index];
  if (entry < 0) {
    if (chunks_used_ == chunks_.size()) chunks_.push_back(std::make_unique<std::byte[]>(kChunk));
    entry = static_cast<int32_t>(chunks_used_++);
  }
  return chunks_[static_cast<size_t>(entry)].get();
}

void Media::put(uint64_t offset, engine::Bytes bytes) {
  while (!bytes.empty()) {
    const uint64_t in_chunk = offset % kChunk;
    const size_t part = std::min<size_t>(bytes.size(), kChunk - in_chunk);
    std::memcpy(chunk_for(offset / kChunk) + in_chunk, bytes.data(), part);
    bytes = bytes.subspan(part);
    offset += part;
  }
}

void Media::read(uint64_t offset, engine::MutableBytes bytes) const {
  while (!bytes.empty()) {
    const uint64_t in_chunk = offset % kChunk;
    const size_t part = std::min<size_t>(bytes.size(), kChunk - in_chunk);
    const uint64_t index = offset / kChunk;
    if (index < table_.size() && table_[index] >= 0) {
      const auto chunk = static_cast<size_t>(table_[index]);
      std::memcpy(bytes.data(), chunks_[chunk].get() + in_chunk, part);
    } else {
      std::memset(bytes.data(), 0, part);
    }
    bytes = bytes.subspan(part);
    offset += part;
  }
}

void Media::read_durable(uint64_t offset, engine::MutableBytes bytes) const {
  read(offset, bytes);
  // Newest first, each pending write gives back what it replaced.
  const uint64_t end = offset + bytes.size();
  for (size_t i = stretches_.size(); i-- > 0;) {
    const Stretch& stretch = stretches_[i];
    const uint64_t from = std::max(offset, stretch.offset);
    const uint64_t until = std::min(end, stretch.offset + stretch.length);
    if (from >= until) continue;
    std::memcpy(bytes.data() + (from - offset), replaced(stretch).data() + (from - stretch.offset),
                until - from);
  }
}

uint64_t Media::next_written(uint64_t offset) const {
  for (uint64_t index = offset / kChunk; index < table_.size(); ++index) {
    if (table_[index] >= 0) return std::max(offset, index * kChunk);
  }
  return std::max(offset, size_);
}

void Media::write(uint64_t offset, engine::Bytes bytes) {
  begin_write(offset, bytes.size());
  add(offset, bytes);
}

void Media::begin_write(uint64_t offset, uint64_t length) {
  pending_.push_back({offset, length, size_, stretches_.size()});
  size_ = std::max(size_, offset + length);
}

void Media::add(uint64_t offset, engine::Bytes bytes) {
  CHECK(!pending_.empty(), "a stretch of no write");
  CHECK(offset >= pending_.back().offset, "a stretch before its write");
  CHECK(offset + bytes.size() <= pending_.back().offset + pending_.back().length,
        "a stretch behind its write");
  if (bytes.empty()) return;
  const size_t at = journal_.size();
  journal_.resize(at + 2 * bytes.size());
  read(offset, {journal_.data() + at, bytes.size()});
  std::memcpy(journal_.data() + at + bytes.size(), bytes.data(), bytes.size());
  stretches_.push_back({offset, at, bytes.size()});
  put(offset, bytes);
}

void Media::add_zeros(uint64_t offset, uint64_t length) {
  static constexpr std::byte kZeros[kChunk]{};
  while (length > 0) {
    const uint64_t part = std::min(length, kChunk - offset % kChunk);
    const uint64_t index = offset / kChunk;
    if (index < table_.size() && table_[index] >= 0) add(offset, {kZeros, part});
    offset += part;
    length -= part;
  }
}

void Media::sync() {
  pending_.clear();
  stretches_.clear();
  journal_.clear();
}

bool Media::is_durable(uint64_t offset, uint64_t length) const {
  return std::none_of(pending_.begin(), pending_.end(), [&](const Pending& write) {
    return write.offset < offset + length && offset < write.offset + write.length;
  });
}

}  // namespace orrery::sim
