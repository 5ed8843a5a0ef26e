// SPDX-License-Identifier: Apache-2.0
#include "engine/runtime/frames.hpp"

namespace orrery::engine {
namespace {

// Bytes as the digest sees them: eight at a time, the rest padded with zeros.
void digest_bytes(Points& world, const std::byte* at, size_t size);
void copy_words(std::byte* target, const std::byte* source, size_t size);

}  // namespace

void PageRef::copy_out(MutableBytes target, Site site) const {
  enter(target.size(), site);
  Points* const world = current_points;
  if (world == nullptr) {
    if (!target.empty()) std::memcpy(target.data(), at_, target.size());
    return;
  }
  if (target.size() >= Points::kLargeCopy) {
    world->copy_large(target.data(), at_, target.size());
    return;
  }
  const size_t half = target.size() / 2;
  std::memcpy(target.data(), at_, half);
  if (half > 0) enter(target.size(), site);
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
  enter(source.size(), site);
  Points* const world = current_points;
  if (world == nullptr) {
    if (!source.empty()) std::memcpy(at_, source.data(), source.size());
    return;
  }
  digest_bytes(*world, source.data(), source.size());
  const size_t half = source.size() / 2;
  if (half > 0) {
    std::memcpy(at_, source.data(), half);
    enter(source.size(), site);
  }
  world->changes += 1;
  if (!source.empty()) std::memcpy(at_ + half, source.data() + half, source.size() - half);
}

bool PageRef::equals(Bytes wanted, Site site) const {
  enter(wanted.size(), site);
  const bool same = wanted.empty() || std::memcmp(at_, wanted.data(), wanted.size()) == 0;
  if (Points* world = current_points) world->saw(same ? 1 : 0);
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
