// SPDX-License-Identifier: Apache-2.0
// A subject of your own: sixty lines against engine/runtime, with a bug that must be found.
//
// The subject is a page that a writer hands to a device while a cleaner gives it back. It counts
// its requests so that the cleaner can wait for them; but it counts a request only after it was
// submitted. A switch to the cleaner in between, and the page is gone while the device still reads
// it. If a campaign does not find this within its budget, the machinery is broken, not the subject.
#include <array>
#include <cstring>

#include "engine/runtime/sync.hpp"
#include "scenarios/catalogue.hpp"

namespace orrery::scenarios {
namespace {

constexpr size_t kPageSize = 512;

struct Subject {
  explicit Subject(const engine::Runtime& given) : runtime(given) {}

  const engine::Runtime& runtime;
  engine::Device* device = nullptr;
  engine::Frame* frame = nullptr;
  engine::Atomic<uint32_t> handed_over{0};  // 1: the page is full and on its way
  engine::Atomic<uint32_t> in_flight{0};
  engine::Io io;
  bool stuck = false;

  static void done(engine::Io& io) {
    auto& subject = *static_cast<Subject*>(io.owner);
    subject.in_flight.fetch_sub(1);
    subject.runtime.tasks.wake(subject.in_flight, engine::kEverybody);
  }

  void write() {
    const auto page = engine::PageRef::at(frame, 0, 0);
    page.store<uint64_t>(0x0123'4567'89AB'CDEF);
    io.kind = engine::IoKind::write;
    io.length = kPageSize;
    io.buffer = page.raw();
    io.frame = frame;
    io.done = &Subject::done;
    io.owner = this;
    handed_over.store(1);
    runtime.tasks.wake(handed_over, 1);
    device->submit(io);
    in_flight.fetch_add(1);  // the bug: it must be counted before it is submitted
  }

  void clean() {
    while (handed_over.load() == 0) runtime.tasks.wait(handed_over, 0);
    for (uint32_t seen = in_flight.load(); seen != 0; seen = in_flight.load()) {
      runtime.tasks.wait(in_flight, seen);
    }
    // Only a clock on the wall brings a world back from here.
    for (volatile bool for_ever = stuck; for_ever;) {
    }
    runtime.frames.retire(frame);
  }
};

void run_writer(void* argument) { static_cast<Subject*>(argument)->write(); }
void run_cleaner(void* argument) { static_cast<Subject*>(argument)->clean(); }

class Canary final : public Scenario {
  static constexpr auto kSizes = std::to_array<SizeRow>({
      {"point_ns", 1, 1000, 20, "virtual time of one point"},
      {"io_points", 1, 1000000, 50, "nominal latency of a request, in points"},
      {"stuck", 0, 1, 0, "1: the cleaner loops without a point, for ever; never drawn"},
  });

 public:
  const char* name() const override { return "canary"; }
  const char* sentence() const override {
    return "a tiny subject with a planted bug that must be found";
  }
  bool reaches(std::string_view) const override { return false; }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  bool must_fail() const override { return true; }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xCA);
    sizes.set("point_ns", 20);
    sizes.set("io_points", draw.log_uniform(3, 8));
    sizes.set("stuck", 0);
  }

  sim::Laws laws(const Sizes& sizes) const override {
    sim::Laws laws;
    laws.pace.point_ns = sizes["point_ns"];
    laws.disk.nominal_ns = sizes["point_ns"] * sizes["io_points"];
    return laws;
  }

  void play(Stage& stage) const override {
    Subject subject(stage.runtime);
    const auto device = stage.runtime.storage.open("canary", {});
    const auto frame = stage.runtime.frames.acquire(0, kPageSize);
    if (!device || !frame) return;
    subject.device = *device;
    subject.frame = *frame;
    subject.stuck = stage.sizes["stuck"] != 0;
    engine::Tasks& tasks = stage.runtime.tasks;
    const auto writer = tasks.spawn({"writer", 0}, &run_writer, &subject);
    const auto cleaner = tasks.spawn({"cleaner", 0}, &run_cleaner, &subject);
    if (writer) tasks.join(*writer);
    if (cleaner) tasks.join(*cleaner);
  }
};

}  // namespace

const Scenario& canary() {
  static constexpr Canary scenario;
  return scenario;
}

}  // namespace orrery::scenarios
