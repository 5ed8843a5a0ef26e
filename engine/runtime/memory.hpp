// SPDX-License-Identifier: Apache-2.0
// Memory as an engine asks for it: explicit, named, and able to fail.
//
// Only these calls are events. A simulated world can make each of them fail and can forget all that
// an incarnation holds at once; so what an engine keeps must come from here, never from a growing
// standard container.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "engine/base/result.hpp"
#include "engine/runtime/points.hpp"

namespace orrery::engine {

class Memory {
 public:
  /// `size` bytes of zeros, aligned to `alignment` (a power of two, at most 4096). The label names
  /// the use in reports. Errors: no_memory.
  virtual Result<void*> allocate(size_t size, size_t alignment, const char* label,
                                 Site site = Site::current()) = 0;

  /// Requires: `block` came from allocate and was not freed since. Null is allowed and does
  /// nothing.
  virtual void free(void* block, Site site = Site::current()) = 0;

 protected:
  ~Memory() = default;
};

/// An object that lives in Memory. Destroyed and freed with its owner.
template <typename T>
class Owned {
 public:
  Owned() = default;
  Owned(Memory& memory, T* object) : memory_(&memory), object_(object) {}
  Owned(Owned&& other) noexcept
      : memory_(other.memory_), object_(std::exchange(other.object_, nullptr)) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(object_, other.object_);
    return *this;
  }
  ~Owned() {
    if (object_ == nullptr) return;
    object_->~T();
    memory_->free(object_);
  }
  T* get() const { return object_; }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  Memory* memory_ = nullptr;
  T* object_ = nullptr;
};

template <typename T, typename... Arguments>
Result<Owned<T>> make_owned(Memory& memory, const char* label, Arguments&&... arguments) {
  auto block = memory.allocate(sizeof(T), alignof(T), label);
  if (!block) return block.error();
  return Owned<T>(memory, new (*block) T(std::forward<Arguments>(arguments)...));
}

/// Whether the zeros of Memory are an object of the type as it is when it has been made: then
/// nobody touches it for that. True of what has no constructor; a type whose constructor writes
/// zeros and does nothing else may say so.
template <typename T>
inline constexpr bool kMadeOfZeros = std::is_trivially_default_constructible_v<T>;

/// A fixed number of value-initialised objects in Memory.
template <typename T>
class Array {
 public:
  Array() = default;
  Array(Array&& other) noexcept : memory_(other.memory_), items_(std::exchange(other.items_, {})) {}
  Array& operator=(Array&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(items_, other.items_);
    return *this;
  }
  ~Array() {
    if (items_.data() == nullptr) return;
    if constexpr (!std::is_trivially_destructible_v<T>) {
      for (T& item : items_) item.~T();
    }
    memory_->free(items_.data());
  }

  static Result<Array> make(Memory& memory, size_t count, const char* label,
                            size_t alignment = alignof(T)) {
    auto block = memory.allocate(count * sizeof(T), alignment, label);
    if (!block) return block.error();
    Array made;
    made.memory_ = &memory;
    made.items_ = {static_cast<T*>(*block), count};
    if constexpr (!kMadeOfZeros<T>) {
      for (T& item : made.items_) new (&item) T();
    }
    return made;
  }

  T& operator[](size_t index) { return items_[index]; }
  const T& operator[](size_t index) const { return items_[index]; }
  size_t size() const { return items_.size(); }
  T* data() { return items_.data(); }
  T* begin() { return items_.data(); }
  T* end() { return items_.data() + items_.size(); }

 private:
  Memory* memory_ = nullptr;
  std::span<T> items_;
};

}  // namespace orrery::engine
