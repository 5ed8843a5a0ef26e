// SPDX-License-Identifier: Apache-2.0
// Pieces of files, read in an order that is known beforehand: while one is worked on, those that
// follow are on their way. For recovery, and whoever reads a checkpoint back.
#pragma once

#include <array>
#include <optional>

#include "engine/runtime/runtime.hpp"
#include "engine/store/outstanding.hpp"

namespace orrery::engine {

class ReadAhead {
 public:
  /// What is read of a file; nothing if there is no device. Offset and length are multiples of its
  /// sector.
  struct Piece {
    Device* device = nullptr;
    uint64_t offset = 0;
    size_t length = 0;
  };

  /// A piece whose turn has come.
  struct Taken {
    Result<void> read;   // Errors: those of the device; io, if it was short
    MutableBytes bytes;  // room for the longest piece; what was asked for is at its start
  };

  explicit ReadAhead(const Runtime& runtime) : runtime_(runtime) {}
  /// Waits for what is on its way. Requires: the caller is not protected.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// `longest`: bytes of the longest piece. Errors: no_memory.
  Result<void> begin(size_t longest);
  bool has_room() const { return asked_ - released_ < depth_; }
  /// Requires: there is room. The device outlives this, or the taking of the piece.
  void ask(const Piece& piece);
  /// Waits for the piece that was asked for first of those not taken; what was taken before is
  /// given back. Requires: there is one, and the caller is not protected.
  Taken take();

 private:
  static constexpr size_t kDepthMin = 2;
  static constexpr size_t kDepthMax = 8;
  static constexpr size_t kRoom = size_t{32} << 20;  // bytes that all pieces may take together

  struct Slot {
    Io io;
    std::optional<Signal> finished;  // none: nothing was to be read
    Array<std::byte> bytes;
  };

  Slot& slot(uint64_t number) { return slots_[number % depth_]; }

  Runtime runtime_;
  std::array<Slot, kDepthMax> slots_;
  size_t depth_ = 0;
  uint64_t asked_ = 0;  // pieces, as all below
  uint64_t taken_ = 0;
  uint64_t released_ = 0;
};

}  // namespace orrery::engine
