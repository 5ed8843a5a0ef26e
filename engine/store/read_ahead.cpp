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

void ReadAhead::ask(const Result<Piece>& piece) {
  CHECK(has_room(), "{} pieces are asked for, and none is given back", depth_);
  Slot& next = slot(asked_);
  next.reads = this;
  next.number = asked_++;
  next.finished.reset();
  next.place = piece ? Result<void>() : piece.error();
  next.outcome = {};
  next.room = {next.bytes.data(), next.bytes.size()};
  next.io = Io();
  if (!piece) return;
  next.io.frame = piece->frame;
  if (!piece->into.empty()) next.room = piece->into;
  if (piece->device == nullptr) return;
  CHECK(piece->length <= next.room.size(), "a piece of {} bytes has {}", piece->length,
        next.room.size());
  next.finished.emplace(runtime_.tasks);
  next.io.offset = piece->offset;
  next.io.length = piece->length;
  next.io.buffer = next.room.data();
  next.io.owner = &next;
  next.io.done = &ReadAhead::read_done;
  piece->device->submit(next.io);
}

void ReadAhead::read_done(Io& io) {
  auto& slot = *static_cast<Slot*>(io.owner);
  const FirstLook& first = slot.reads->first_;
  slot.outcome = outcome_of(io);
  if (slot.outcome && first.look != nullptr) {
    slot.outcome = first.look(first.context, slot.number, Bytes{io.buffer, io.length});
  }
  slot.finished->set();
}

ReadAhead::Taken ReadAhead::take() {
  CHECK(taken_ < asked_, "a piece that was never asked for");
  released_ = taken_;
  Slot& oldest = slot(taken_++);
  if (oldest.finished) oldest.finished->wait();
  return {oldest.place, oldest.outcome, oldest.room, oldest.io.frame};
}

}  // namespace orrery::engine
