// SPDX-License-Identifier: Apache-2.0
// The hook between a visible operation and the simulated world that it runs in, if any.
//
// Atomics, waits, device calls and page accesses are *visible operations*: what other tasks can
// see. Right before each of them lies a *point*, where a world may let another task run. Outside a
// world the hook is one test of one thread-local pointer. Inside, a point is one countdown and one
// step of the digest, both inline: everything slow happens when the countdown ends. The engine
// never asks whether a world is there; only this folder does.
//
// The fields are public and plain because a virtual call would cost more than the point itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <source_location>

namespace orrery::engine {

/// Where in the source something happened. For people only: never part of a decision, a digest or
/// an address.
using Site = std::source_location;

/// A logical name: a static label and a number that means something (a key, an offset, an address).
/// The label is a word of the field, without blanks: "session", "flush-runner", "close-pages".
struct Name {
  const char* label = "";
  uint64_t number = 0;
};

/// Something an engine reports about itself: a boundary that moved, a page that was walked. Kinds
/// below 1000 belong to the engine (engine/store/events.hpp names them); the simulated world uses
/// those above.
struct Note {
  uint16_t kind = 0;
  int64_t a = 0;
  int64_t b = 0;
  int64_t c = 0;
};

class Frame;

class Points {
 public:
  int64_t left = 1;      // points until the world must be asked; at least 1 between points
  uint64_t digest = 0;   // rolls over every value that a visible operation saw
  uint64_t changes = 0;  // stores that changed a value, by any task: what a spinning task waits for
  bool checked = false;  // page accesses are verified
  Site touched;  // the latest page access, for the report of a fault that the hardware caught

  /// A place where another task may run. Force-inlined: a return after a switch is mispredicted.
  [[gnu::always_inline]] void point(Site site) {
    if (--left <= 0) [[unlikely]]
      expired(site);
  }
  /// Takes a value into the digest. Never an address: the layout of memory must not show.
  [[gnu::always_inline]] void saw(uint64_t value) {
    digest = (((digest << 23) | (digest >> 41)) ^ value) * 0x9E37'79B9'7F4A'7C15ULL;
  }

  virtual void expired(Site site) = 0;
  /// Copies a stretch of at least kLargeCopy bytes, and takes it into the digest. A world keeps
  /// what is untouched untouched.
  virtual void copy_large(std::byte* target, const std::byte* source, size_t length) = 0;
  static constexpr size_t kLargeCopy = 32 * 1024;
  virtual void note(const Note& note, Site site) = 0;
  virtual void enter_actor(const Name& name) = 0;
  virtual void leave_actor() = 0;
  /// A page access outside its frame, or of a lifetime that has ended. Does not return.
  [[noreturn]] virtual void bad_access(const Frame* frame, uint64_t generation, int64_t page,
                                       int64_t offset, int64_t length, Site site) = 0;

 protected:
  ~Points() = default;
};

/// The world that this thread is running for, or null: the one thread-local of all that runs in a
/// world. (For threads of the machine, engine/real has another: their identity.) `constinit` and
/// initial-exec, or every operation outside a world would pay for a wrapper function.
#if defined(ORRERY_NO_HOOKS)
// For one benchmark, which compiles the engine a second time to see what the hook costs.
inline constexpr Points* current_points = nullptr;
#else
[[gnu::tls_model("initial-exec")]] extern constinit thread_local Points* current_points;
#endif

/// Says something about the engine to whoever watches. Costs one test when nobody does.
[[gnu::always_inline]] inline void note(uint16_t kind, int64_t a = 0, int64_t b = 0, int64_t c = 0,
                                        Site site = Site::current()) {
  if (Points* world = current_points) [[unlikely]]
    world->note({kind, a, b, c}, site);
}

/// The choices made during its life belong to the actor `name`: one client operation, one
/// completion, one epoch action or one background duty. Actors nest; the inner one owns the
/// choices. Decisions are addressed by actor, so that an earlier decision or an edit elsewhere does
/// not move them.
class Actor {
 public:
  explicit Actor(Name name) : world_(current_points) {
    if (world_ != nullptr) [[unlikely]]
      world_->enter_actor(name);
  }
  ~Actor() {
    if (world_ != nullptr) [[unlikely]]
      world_->leave_actor();
  }
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;

 private:
  Points* world_;
};

}  // namespace orrery::engine
