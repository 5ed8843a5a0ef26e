// SPDX-License-Identifier: Apache-2.0
// One request to a device, with a latch that its completion opens, for tests.
#pragma once

#include "engine/runtime/device.hpp"
#include "engine/runtime/sync.hpp"

namespace orrery::tests {

/// Lives on the stack of the task that waits for it.
class Request {
 public:
  explicit Request(engine::Tasks& tasks) : tasks_(tasks), ended_(tasks) {
    io.owner = this;
    io.done = [](engine::Io& finished) {
      auto& self = *static_cast<Request*>(finished.owner);
      ++self.finishes;
      self.finished_by = self.tasks_.self().id;
      self.ended_.open();
    };
  }

  void submit(engine::Device& device, engine::IoKind kind, uint64_t offset,
              engine::MutableBytes buffer, const engine::Frame* frame = nullptr) {
    io.kind = kind;
    io.offset = offset;
    io.length = buffer.size();
    io.buffer = buffer.data();
    io.frame = frame;
    device.submit(io);
  }
  engine::Errc wait() {
    ended_.wait();
    return io.error;
  }
  bool has_ended() const { return finishes > 0; }

  engine::Io io;
  int finishes = 0;
  uint64_t finished_by = 0;  // the task

 private:
  engine::Tasks& tasks_;
  engine::Latch ended_;
};

/// Submits and waits.
inline engine::Errc transact(engine::Tasks& tasks, engine::Device& device, engine::IoKind kind,
                             uint64_t offset, engine::MutableBytes buffer,
                             const engine::Frame* frame = nullptr) {
  Request request(tasks);
  request.submit(device, kind, offset, buffer, frame);
  return request.wait();
}

}  // namespace orrery::tests
