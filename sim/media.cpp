// SPDX-License-Identifier: Apache-2.0
#include "sim/media.hpp"

#include <algorithm>
#include <cstring>

#include "engine/base/check.hpp"

namespace orrery::sim {

void Media::clear() {
  // Only what was handed out is dirty.
  for (size_t i = 0; i < chunks_used_; ++i) std::memset(chunks_[i].get(), 0, kChunk);
  constexpr size_t kChunksKept = 4096;  // 64 MiB; a larger run gives its memory back
  if (chunks_.size() > kChunksKept) chunks_.resize(kChunksKept);
  chunks_used_ = 0;
  table_.clear();
  // accepted_ counts on: a sync that is under way covers nothing of what comes now.
  size_ = durable_size_ = 0;
  forget_pending();
}

void Media::forget_pending() {
  pending_.clear();
  stretches_.clear();
  journal_.clear();
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
  begin_write(offset, bytes.size(), 0);
  add(offset, bytes);
  pending_.back().accepted_at = ++accepted_;
}

void Media::begin_write(uint64_t offset, uint64_t length, uint64_t owner) {
  pending_.push_back({offset, length, owner, kNotAccepted, stretches_.size(), 0});
  size_ = std::max(size_, offset + length);
}

void Media::accept(uint64_t owner, uint64_t turn) {
  ++accepted_;
  for (Pending& write : pending_) {
    if (write.owner != owner || write.accepted_at != kNotAccepted) continue;
    write.accepted_at = accepted_;
    write.turn = turn;
  }
}

void Media::accept_all(uint64_t turn) {
  ++accepted_;
  for (Pending& write : pending_) {
    if (write.accepted_at != kNotAccepted) continue;
    write.accepted_at = accepted_;
    write.turn = turn;
  }
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

// The parts of the range that are in chunks, each with as many zeros.
template <typename Take>
void Media::each_written(uint64_t offset, uint64_t length, const Take& take) {
  static constexpr std::byte kZeros[kChunk]{};
  while (length > 0) {
    const uint64_t part = std::min(length, kChunk - offset % kChunk);
    const uint64_t index = offset / kChunk;
    if (index < table_.size() && table_[index] >= 0) take(offset, engine::Bytes(kZeros, part));
    offset += part;
    length -= part;
  }
}

void Media::add_zeros(uint64_t offset, uint64_t length) {
  each_written(offset, length, [&](uint64_t at, engine::Bytes zeros) { add(at, zeros); });
}

void Media::put_zeros(uint64_t offset, uint64_t length) {
  each_written(offset, length, [&](uint64_t at, engine::Bytes zeros) { put(at, zeros); });
}

void Media::sync(uint64_t covered) {
  CHECK(covered <= accepted_, "a sync of what is yet to come");
  size_t kept = 0;
  std::vector<Stretch> left;
  for (size_t i = 0; i < pending_.size(); ++i) {
    const Pending write = pending_[i];
    const bool durable = write.accepted_at <= covered;
    const size_t first = left.size();
    for (size_t k = write.first_stretch; k < stretches_end(i); ++k) {
      if (durable) {
        settle_under(stretches_[k], left);
      } else {
        left.push_back(stretches_[k]);
      }
    }
    if (durable) {
      durable_size_ = std::max(durable_size_, write.end());
    } else {
      pending_[kept] = write;
      pending_[kept++].first_stretch = first;
    }
  }
  pending_.resize(kept);
  stretches_ = std::move(left);
  if (pending_.empty()) forget_pending();
}

// Puts back the sectors of a stretch that arrived.
void Media::land(const Stretch& stretch, const Pending& write, Landing landing, uint64_t sector) {
  const engine::Bytes bytes = written(stretch);
  if (landing == Landing::whole) return put(stretch.offset, bytes);
  const uint64_t half = write.length / sector / 2;
  const uint64_t end = stretch.offset + stretch.length;
  for (uint64_t at = stretch.offset; at < end;) {
    const uint64_t number = (at - write.offset) / sector;
    const uint64_t until = std::min(end, write.offset + (number + 1) * sector);
    const bool first = landing == Landing::first_half && number < half;
    const bool last = landing == Landing::last_half && number >= half;
    const bool odd = landing == Landing::every_other && number % 2 == 1;
    if (first || last || odd) put(at, bytes.subspan(at - stretch.offset, until - at));
    at = until;
  }
}

// A write became durable that lies over older ones which have not. Whether those survive or not,
// its bytes are there afterwards.
void Media::settle_under(const Stretch& durable, const std::vector<Stretch>& older) {
  for (const Stretch& stretch : older) {
    const uint64_t from = std::max(durable.offset, stretch.offset);
    const uint64_t until =
        std::min(durable.offset + durable.length, stretch.offset + stretch.length);
    if (from >= until) continue;
    const std::byte* const bytes = written(durable).data() + (from - durable.offset);
    std::byte* const before = journal_.data() + stretch.at + (from - stretch.offset);
    std::memcpy(before, bytes, until - from);
    std::memcpy(before + stretch.length, bytes, until - from);
  }
}

void Media::decay(const Decay& decay) {
  CHECK(pending_.empty(), "a file decays under {} pending writes", pending_.size());
  CHECK(decay.kind != Decay::Kind::gone, "a file decays as only a directory does");
  if (decay.kind == Decay::Kind::flip) {
    std::byte byte{};
    read(decay.at / 8, {&byte, 1});
    byte ^= std::byte{1} << (decay.at % 8);
    put(decay.at / 8, {&byte, 1});
  } else if (decay.kind == Decay::Kind::cut && decay.at < size_) {
    put_zeros(decay.at, size_ - decay.at);
    size_ = durable_size_ = decay.at;
  }
}

void Media::forget_below(uint64_t end) {
  put_zeros(0, std::min(end, size_));
  for (const Stretch& stretch : stretches_) {
    if (stretch.offset >= end) continue;
    const size_t length = std::min<uint64_t>(stretch.length, end - stretch.offset);
    std::byte* const replaced = journal_.data() + stretch.at;
    std::memset(replaced, 0, length);
    std::memset(replaced + stretch.length, 0, length);
  }
}

bool Media::is_durable(uint64_t offset, uint64_t length) const {
  return std::none_of(pending_.begin(), pending_.end(), [&](const Pending& write) {
    return write.offset < offset + length && offset < write.offset + write.length;
  });
}

}  // namespace orrery::sim
