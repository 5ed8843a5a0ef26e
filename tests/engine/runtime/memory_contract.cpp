// SPDX-License-Identifier: Apache-2.0
// The contracts of Frames, of PageRef and of Memory.
#include <algorithm>
#include <cstring>

#include "tests/engine/runtime/contract.hpp"
#include "tests/start.hpp"

namespace orrery::tests {

using engine::Frame;
using engine::PageRef;
using engine::Runtime;

namespace {

bool is_zero(const std::byte* start, size_t size) {
  return std::all_of(start, start + size, [](std::byte byte) { return byte == std::byte{0}; });
}

}  // namespace

void frames_begin_as_zeros(const Runtime& runtime, Expect& expect) {
  for (const size_t size : {64U, 512U, 4096U, 65'536U, 2'097'152U}) {
    const auto acquired = runtime.frames.acquire(0, size);
    if (!acquired) return expect(false, "no frame was to be had");
    Frame* const frame = *acquired;
    for (int64_t page = 0; page < 4; ++page) {
      if (page > 0) runtime.frames.renew(frame, page);
      for (size_t at = 0; at + 8 <= size; at += size / 8) {
        const PageRef word = PageRef::at(frame, page, at);
        expect(word.load_word() == 0, "a lifetime does not begin with zeros");
        word.store_word(~uint64_t{0});
      }
    }
    runtime.frames.retire(frame);
    const auto next = runtime.frames.acquire(9, size);
    if (!next) return expect(false, "no second frame was to be had");
    expect(PageRef::at(*next, 9, size - 8).load_word() == 0, "a frame of used memory is not zero");
    runtime.frames.retire(*next);
  }
}

void frames_have_lifetimes(const Runtime& runtime, Expect& expect) {
  const auto acquired = runtime.frames.acquire(7, 4096);
  if (!acquired) return expect(false, "no frame was to be had");
  Frame* const frame = *acquired;
  const uint64_t first = frame->generation;
  expect(first != 0 && frame->live && frame->page == 7 && frame->size == 4096,
         "a frame does not say what it holds");
  runtime.frames.renew(frame, 8);
  const uint64_t second = frame->generation;
  expect(second != 0 && second != first, "a renewed frame has its old generation");
  // Where its memory lies then is the world's affair: a guarded one moves it.
  expect(frame->live && frame->page == 8 && frame->size == 4096, "a frame was not renewed");
  runtime.frames.retire(frame);
  expect(!frame->live && frame->generation == 0, "a retired frame is alive");
  const auto again = runtime.frames.acquire(9, 4096);
  if (!again) return expect(false, "no second frame was to be had");
  expect((*again)->generation != first && (*again)->generation != second,
         "a generation was given out twice");
  runtime.frames.retire(*again);
}

void frames_lie_apart(const Runtime& runtime, Expect& expect) {
  constexpr int kFrames = 6;
  Frame* frames[kFrames] = {};
  for (int i = 0; i < kFrames; ++i) {
    const auto acquired = runtime.frames.acquire(i, size_t{512} << i);
    if (!acquired) return expect(false, "no frame was to be had");
    frames[i] = *acquired;
    expect(reinterpret_cast<uintptr_t>(frames[i]->base) % 512 == 0, "a frame is not aligned");
    std::memset(frames[i]->base, i + 1, frames[i]->size);
  }
  for (int i = 0; i < kFrames; ++i) {
    const auto own = static_cast<std::byte>(i + 1);
    expect(std::all_of(frames[i]->base, frames[i]->base + frames[i]->size,
                       [own](std::byte byte) { return byte == own; }),
           "two frames overlap");
    runtime.frames.retire(frames[i]);
  }
}

void frames_serve_many(const Runtime& runtime, Expect& expect) {
  const auto body = [&] {
    for (int64_t page = 0; page < 8; ++page) {
      const auto acquired = runtime.frames.acquire(page, 512);
      if (!acquired) return expect(false, "no frame was to be had");
      const PageRef at = PageRef::at(*acquired, page, 8);
      expect(at.load_word() == 0, "somebody else is in a frame");
      at.store_word(runtime.tasks.self().id);
      runtime.tasks.yield();
      expect(at.load_word() == runtime.tasks.self().id, "two tasks have one frame");
      runtime.frames.retire(*acquired);
    }
  };
  engine::TaskId started[4];
  for (engine::TaskId& task : started) task = start(runtime.tasks, {"user", 0}, body);
  for (const engine::TaskId task : started) runtime.tasks.join(task);
}

void memory_begins_as_zeros(const Runtime& runtime, Expect& expect) {
  for (const size_t alignment : {8U, 64U, 512U, 4096U}) {
    for (const size_t size : {1U, 100U, 5000U, 300'000U}) {
      for (int round = 0; round < 2; ++round) {  // the second time it may be what was freed
        const auto block = runtime.memory.allocate(size, alignment, "block");
        if (!block) return expect(false, "no memory was to be had");
        auto* const start = static_cast<std::byte*>(*block);
        expect(reinterpret_cast<uintptr_t>(start) % alignment == 0, "a block is not aligned");
        expect(is_zero(start, size), "a block is not zero");
        std::memset(start, 0xFF, size);
        runtime.memory.free(start);
      }
    }
  }
  runtime.memory.free(nullptr);
}

void memory_lies_apart(const Runtime& runtime, Expect& expect) {
  constexpr int kBlocks = 16;
  std::byte* blocks[kBlocks] = {};
  for (int i = 0; i < kBlocks; ++i) {
    const auto block = runtime.memory.allocate(size_t{16} + static_cast<size_t>(i), 8, "block");
    if (!block) return expect(false, "no memory was to be had");
    blocks[i] = static_cast<std::byte*>(*block);
    std::memset(blocks[i], i + 1, size_t{16} + static_cast<size_t>(i));
  }
  for (int i = 0; i < kBlocks; ++i) {
    const auto own = static_cast<std::byte>(i + 1);
    expect(blocks[i][0] == own && blocks[i][15 + i] == own, "two blocks overlap");
    runtime.memory.free(blocks[i]);
  }
}

}  // namespace orrery::tests
