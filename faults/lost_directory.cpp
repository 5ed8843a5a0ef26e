// SPDX-License-Identifier: Apache-2.0
// A directory is gone when the power comes back, with all files in it.
//
// File systems that mend themselves drop what no directory leads to any more, and drives have lost
// the metadata of whole ranges (Zheng, FAST 2013). What stood in other directories is as it was: an
// engine that keeps its commits apart from its data is left with data that nothing speaks of.
//
// Asked when the scenario cuts the power, once for each directory that it lets vanish
// (DiskLaws::may_vanish), after pending writes have met their fate and before files decay, at
// (at-rest, directory): answers of Ask::directory are 0 for nothing, and 1 for "it is gone". Voids
// durability, for what the files said is lost, and integrity: an engine may say of what they spoke
// of that it is damaged. It may not write over that as if nobody had ever been there.
#include "sim/fault.hpp"

namespace orrery::faults {
namespace {

class LostDirectory final : public sim::Fault {
 public:
  const char* name() const override { return "lost-directory"; }
  const char* sentence() const override {
    return "a directory is gone when the power comes back, with all files in it";
  }
  uint32_t voids() const override {
    return static_cast<uint32_t>(sim::Promise::durability) |
           static_cast<uint32_t>(sim::Promise::integrity);
  }
  sim::Leave leave() const override { return sim::Leave::vanish; }

  bool on_directory(sim::Asker& asker) override {
    return asker.choose(sim::Ask::directory, 2) != 0;
  }
};

constinit LostDirectory lost_directory_itself;

}  // namespace

sim::Fault* lost_directory() { return &lost_directory_itself; }

}  // namespace orrery::faults
