// SPDX-License-Identifier: Apache-2.0
#include "engine/store/read_ahead.hpp"

#include <algorithm>

#include "engine/store/blocking_io.hpp"

namespace orrery::engine {

ReadAhead::~ReadAhead() {
  while (taken_ < asked_) (void)take();
}

Result<void> ReadAhead::begin(size_t longest) {
  CHECK(depth_ == 0, "pieces are read ahead twice");
  const size_t depth = std::clamp(kRoom / longest, kDepthMin, kDepthMax);
  for (size_t i = 0; i < depth; ++i) {
    TRY_ASSIGN(slots_[i].bytes,
               Array<std::byte>::make(runtime_.memory, longest, "read ahead", kIoAlignment));
  }
  depth_ = depth;
  return {};
}

void ReadAhead::ask(const Piece& piece) {
  CHECK(has_room(), "{} pieces are asked for, and none is given back", depth_);
  Slot& next = slot(asked_++);
  next.finished.reset();
  if (piece.device == nullptr) return;
  CHECK(piece.length <= next.bytes.size(), "a piece of {} bytes has {}", piece.length,
        next.bytes.size());
  next.finished.emplace(runtime_.tasks);
  next.io = Io();
  next.io.offset = piece.offset;
  next.io.length = piece.length;
  next.io.buffer = next.bytes.data();
  submit_io(*piece.device, next.io, *next.finished);
}

ReadAhead::Taken ReadAhead::take() {
  CHECK(taken_ < asked_, "a piece that was never asked for");
  released_ = taken_;
  Slot& oldest = slot(taken_++);
  Taken taken{{}, {oldest.bytes.data(), oldest.bytes.size()}};
  if (!oldest.finished) return taken;
  oldest.finished->wait();
  taken.read = outcome_of(oldest.io);
  return taken;
}

}  // namespace orrery::engine
