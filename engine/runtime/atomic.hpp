// SPDX-License-Identifier: Apache-2.0
// Atomic<T>: std::atomic<T> with a point before each operation. The same size and alignment.
//
// In a world the operation goes through the hook with its memory order, so that a world can delay
// stores or follow happens-before without another build of the engine. Today's world is
// sequentially consistent: the order is passed and not used. Values of pointer type never enter the
// digest.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "engine/runtime/points.hpp"

namespace orrery::engine {

/// A value as the digest sees it. A pointer counts as present or absent.
template <typename T>
constexpr uint64_t digest_value(T value) {
  if constexpr (std::is_pointer_v<T>) {
    return value != nullptr ? 1 : 0;
  } else {
    return static_cast<uint64_t>(value);
  }
}

template <typename T>
class Atomic {
  static_assert(std::is_integral_v<T> || std::is_enum_v<T> || std::is_pointer_v<T>);

 public:
  constexpr Atomic() = default;
  constexpr explicit Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  [[gnu::always_inline]] T load(std::memory_order order = std::memory_order_seq_cst,
                                Site site = Site::current()) const {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return value_.load(order);
    world->point(site);
    const T value = value_.load(std::memory_order_relaxed);
    world->saw(digest_value(value));
    return value;
  }

  [[gnu::always_inline]] void store(T value, std::memory_order order = std::memory_order_seq_cst,
                                    Site site = Site::current()) {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return value_.store(value, order);
    world->point(site);
    world->changes += value_.load(std::memory_order_relaxed) != value ? 1 : 0;
    value_.store(value, std::memory_order_relaxed);
    world->saw(digest_value(value));
  }

  [[gnu::always_inline]] T exchange(T value, std::memory_order order = std::memory_order_seq_cst,
                                    Site site = Site::current()) {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return value_.exchange(value, order);
    return change(*world, site, [&](T) { return value; });
  }

  /// One attempt; `expected` receives what was there. Never fails spuriously, in either world.
  [[gnu::always_inline]] bool compare_exchange(T& expected, T desired,
                                               std::memory_order order = std::memory_order_seq_cst,
                                               Site site = Site::current()) {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return value_.compare_exchange_strong(expected, desired, order);
    const T wanted = expected;
    expected = change(*world, site, [&](T old) { return old == wanted ? desired : old; });
    return expected == wanted;
  }

  [[gnu::always_inline]] T fetch_add(T amount, std::memory_order order = std::memory_order_seq_cst,
                                     Site site = Site::current())
    requires std::is_integral_v<T>
  {
    Points* const world = current_points;
    if (world == nullptr) [[likely]]
      return value_.fetch_add(amount, order);
    return change(*world, site, [&](T old) { return wrapping_add(old, amount); });
  }

  [[gnu::always_inline]] T fetch_sub(T amount, std::memory_order order = std::memory_order_seq_cst,
                                     Site site = Site::current())
    requires std::is_integral_v<T>
  {
    return fetch_add(wrapping_add(static_cast<T>(~amount), T{1}), order, site);
  }

  /// The value without a point: for the implementation of wait, and for hints to the machine that
  /// decide nothing.
  T peek() const { return value_.load(std::memory_order_acquire); }

 private:
  template <typename Change>
  [[gnu::always_inline]] T change(Points& world, Site site, const Change& next) {
    world.point(site);
    const T old = value_.load(std::memory_order_relaxed);
    const T now = next(old);
    world.changes += old != now ? 1 : 0;
    value_.store(now, std::memory_order_relaxed);
    world.saw(digest_value(old));
    return old;
  }
  static constexpr T wrapping_add(T a, T b) {
    using Unsigned = std::make_unsigned_t<T>;
    return static_cast<T>(
        static_cast<Unsigned>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b)));
  }

  std::atomic<T> value_{};
};

static_assert(sizeof(Atomic<uint64_t>) == 8 && sizeof(Atomic<uint32_t>) == 4);

}  // namespace orrery::engine
