// SPDX-License-Identifier: Apache-2.0
// Pieces of files, read in an order that is known beforehand: while one is worked on, those that
// follow are on their way, and may have a first look taken at them as they come, on other cores.
// For recovery, and whoever reads a checkpoint back.
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
    MutableBytes into = {};        // where to, until it is taken; none: room of the ReadAhead
    const Frame* frame = nullptr;  // of `into`, if it lies in one
  };

  /// Sees each piece that has been read, before its turn. Called by whoever finishes the read: on
  /// any task, for several pieces at once, protected by nothing. `number` counts what was asked for
  /// before it; `bytes` are those of the piece. An error of its is the piece's. Nobody, if null.
  struct FirstLook {
    Result<void> (*look)(void* context, uint64_t number, Bytes bytes) = nullptr;
    void* context = nullptr;  // outlives the ReadAhead
  };

  /// A piece whose turn has come.
  struct Taken {
    Result<void> place;  // Errors: what was asked for instead of a piece; then nothing was read
    Result<void> read;   // Errors: those of the device; io, if it was short; a look's
    MutableBytes bytes;  // where it was read to, the start of it: its place, or room for any piece
    const Frame* frame = nullptr;  // that of the piece
  };

  explicit ReadAhead(const Runtime& runtime) : runtime_(runtime) {}
  ReadAhead(const Runtime& runtime, const FirstLook& first) : runtime_(runtime), first_(first) {}
  /// Waits for what is on its way. Requires: the caller is not protected.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// `longest`: bytes of the longest piece. Errors: no_memory.
  Result<void> begin(size_t longest);

  /// All there is to do with `count` pieces: reads place_of(n), a Result<Piece>, ahead, and calls
  /// work(n, taken), which returns a Result<void>, in order. Errors: the first, in that order, of a
  /// place or of `work`.
  template <typename PlaceOf, typename Work>
  Result<void> each(uint64_t count, const PlaceOf& place_of, const Work& work) {
    const auto ask_for_more = [&] {
      while (asked_ < count && has_room()) ask(place_of(asked_));
    };
    ask_for_more();
    for (uint64_t number = 0; number < count; ++number) {
      const Taken taken = take();
      ask_for_more();
      TRY(taken.place);
      TRY(work(number, taken));
    }
    return {};
  }

  // The steps of it.

  bool has_room() const { return asked_ - released_ < depth_; }
  /// An error waits for the turn of its piece. Requires: there is room. The device outlives this,
  /// or the taking of the piece.
  void ask(const Result<Piece>& piece);
  /// Waits for the piece that was asked for first of those not taken; what was taken before is
  /// given back. Requires: there is one, and the caller is not protected.
  Taken take();

 private:
  static constexpr size_t kDepthMin = 2;
  static constexpr size_t kDepthMax = 8;
  static constexpr size_t kRoom = size_t{32} << 20;  // bytes that all pieces may take together

  struct Slot {
    ReadAhead* reads = nullptr;
    uint64_t number = 0;
    Io io;
    Result<void> place;
    std::optional<Signal> finished;  // none: nothing is read
    Result<void> outcome;            // once that is set
    Array<std::byte> bytes;
    MutableBytes room;  // these, or those of a frame
  };

  static void read_done(Io& io);
  Slot& slot(uint64_t number) { return slots_[number % depth_]; }

  Runtime runtime_;
  FirstLook first_;
  std::array<Slot, kDepthMax> slots_;
  size_t depth_ = 0;
  uint64_t asked_ = 0;  // pieces, as all below
  uint64_t taken_ = 0;
  uint64_t released_ = 0;
};

}  // namespace orrery::engine
