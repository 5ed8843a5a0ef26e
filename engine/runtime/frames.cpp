// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/frames.hpp"

namespace orrery::engine {
namespace {

// Bytes as the digest sees them: eight at a time, the rest padded with zeros.
void digest_bytes(Points& world, const std::byte* at, size_t size);
void copy_words(std::byte* target, const std::byte* source, size_t size);

// Keys and values of one word are common, and a call costs more than the work on them.
[[gnu::always_inline]] inline void copy_bytes(std::byte* target, const std::byte* source,
                                              size_t size) {
  if (size == 8) return put(target, get<uint64_t>(source));
  if (size > 0) std::memcpy(target, source, size);
}
[[gnu::always_inline]] inline bool same_bytes(const std::byte* left, const std::byte* right,
                                              size_t size) {
  if (size == 8) return get<uint64_t>(left) == get<uint64_t>(right);
  return size == 0 || std::memcmp(left, right, size) == 0;
}

}  // namespace

void PageRef::copy_out(MutableBytes target, Site site) const {
  Points* const world = current_points;
  if (world == nullptr) return copy_bytes(target.data(), at_, target.size());
  enter(*world, target.size(), site);
  if (target.size() >= Points::kLargeCopy) {
    world->copy_large(target.data(), at_, target.size());
    return;
  }
  const size_t half = target.size() / 2;
  std::memcpy(target.data(), at_, half);
  if (half > 0) enter(*world, target.size(), site);
  std::memcpy(target.data() + half, at_ + half, target.size() - half);
  digest_bytes(*world, target.data(), target.size());
}

void PageRef::copy_out_while_written(MutableBytes target, Site site) const {
  if (current_points != nullptr) return copy_out(target, site);
  CHECK(target.size() % 8 == 0, "{} bytes are not whole words", target.size());
  CHECK(offset() % 8 == 0, "a copy of words from offset {}", offset());
  copy_words(target.data(), at_, target.size());
}

void PageRef::copy_in(Bytes source, Site site) const {
  Points* const world = current_points;
  if (world == nullptr) return copy_bytes(at_, source.data(), source.size());
  enter(*world, source.size(), site);
  digest_bytes(*world, source.data(), source.size());
  const size_t half = source.size() / 2;
  if (half > 0) {
    std::memcpy(at_, source.data(), half);
    enter(*world, source.size(), site);
  }
  world->changes += 1;
  if (!source.empty()) std::memcpy(at_ + half, source.data() + half, source.size() - half);
}

bool PageRef::equals(Bytes wanted, Site site) const {
  Points* const world = current_points;
  if (world == nullptr) return same_bytes(at_, wanted.data(), wanted.size());
  enter(*world, wanted.size(), site);
  const bool same = same_bytes(at_, wanted.data(), wanted.size());
  world->saw(same ? 1 : 0);
  return same;
}

namespace {

void digest_bytes(Points& world, const std::byte* at, size_t size) {
  for (; size >= 8; size -= 8, at += 8) world.saw(get<uint64_t>(at));
  uint64_t rest = 0;
  if (size > 0) std::memcpy(&rest, at, size);
  world.saw(rest);
}

// The race is meant, and nobody is to report it. Volatile keeps the words whole, and keeps the
// compiler from calling a memcpy that would report it after all.
__attribute__((no_sanitize("thread"))) void copy_words(std::byte* target, const std::byte* source,
                                                       size_t size) {
  for (size_t at = 0; at < size; at += 8) {
    const uint64_t word = *reinterpret_cast<const volatile uint64_t*>(source + at);
    put(target + at, word);
  }
}

}  // namespace
}  // namespace orrery::engine
