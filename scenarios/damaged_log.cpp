// SPDX-License-Identifier: Apache-2.0
// An append-only log whose files come back damaged when the power does: a bit flipped, or cut
// short, or all that spoke of its commits is gone.
//
// Its entries, its commit records and its commit files all carry checksums. So what was damaged may
// be lost, but the log has to say so: it recovers less, or nothing, or a reader is told. It never
// hands out what nobody wrote, and never takes what is gone for what was never there.
#include <algorithm>
#include <array>

#include "scenarios/append_log.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/sizes.hpp"

namespace orrery::scenarios {
namespace {

class DamagedLog final : public AppendLogScenario {
  static constexpr std::array kFaults{"power-loss", "torn-write", "io-error",      "name-error",
                                      "bit-rot",    "cut-file",   "lost-directory"};

 public:
  const char* name() const override { return "damaged-log"; }
  const char* sentence() const override {
    return "an append-only log finds its files damaged when the power comes back";
  }
  std::span<const char* const> faults() const override { return kFaults; }

  sim::Laws laws(const Sizes& sizes) const override {
    sim::Laws laws = AppendLogScenario::laws(sizes);
    laws.disk.may_decay = [](std::string_view) { return true; };
    // With the other one the log itself would be gone, and nothing could say so.
    laws.disk.may_vanish = [](std::string_view name) { return name.ends_with("-commits"); };
    return laws;
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    AppendLogScenario::draw(seed, sizes);
    Draw draw(seed, 0xDA4A);
    sizes.set("null_main", 0);
    sizes.set("newcomers_permille", draw.odds(1, 2) ? 0 : 300);
    sizes.set("power_permille", 1000);
    sizes.set("crashes", draw.between(2, 8));
    sizes.set("crash_steps", draw.log_uniform(10, 13));
    sizes.set("entries", std::min<int64_t>(sizes["entries"], draw.log_uniform(2, 5)));
    if (draw.odds(1, 3)) fit(draw, sizes);
  }

  // Of the files of one loss of power about one in eight, so that there is a life before the
  // damage; and now and then all that is known of the log, for after that nobody gets it back.
  void shape(uint64_t seed, sim::Temper& temper) const override {
    Draw draw(seed, 0xDA4B);
    const auto make = [&](sim::Ask ask, int64_t odds) {
      temper.odds[static_cast<size_t>(ask)] = static_cast<uint32_t>(odds);
    };
    const bool cut = draw.odds(1, 2);
    make(sim::Ask::cut, cut ? draw.log_uniform(11, 14) : 0);
    make(sim::Ask::rot, cut && draw.odds(2, 3) ? 0 : draw.log_uniform(12, 15));
    make(sim::Ask::directory, draw.odds(1, 8) ? draw.log_uniform(12, 14) : 0);
  }

 private:
  // What a life leaves behind its end fits what the one after the damage writes, entry by entry.
  static void fit(Draw& draw, Sizes& sizes) {
    sizes.set("fast_commit", 1);
    sizes.set("payload_max", 8);
    sizes.set("writers", draw.between(1, 2));
    sizes.set("entries", draw.between(2, 12));
    sizes.set("commit_every", draw.between(1, 3));
    sizes.set("give_up_permille", 0);
    sizes.set("shown_permille", 0);
    sizes.set("openings", 1);
    sizes.set("crash_steps", draw.between(600, 3000));
  }
};

}  // namespace

const Scenario& damaged_log() {
  static constexpr DamagedLog scenario;
  return scenario;
}

}  // namespace orrery::scenarios
