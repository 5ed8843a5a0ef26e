// SPDX-License-Identifier: Apache-2.0
// How a run becomes a verdict: what the world itself stops at, what oracles find, and what nobody
// could judge.
#include "scenarios/run.hpp"

#include "tests/scenarios/oracles/hand_made_run.hpp"

#include "engine/store/outstanding.hpp"
#include "engine/store/window.hpp"
#include "reports/run_row.hpp"
#include "tests/catch.hpp"

using namespace orrery::scenarios;
namespace engine = orrery::engine;

namespace {

struct Played {
  HandMadeScenario scenario;
  Runner runner;
  Plan plan;

  const Run& play(std::function<void(Stage&)> body) {
    scenario.body = std::move(body);
    plan.scenario = &scenario;
    return runner.play(plan);
  }
  std::string oracle_of(std::function<void(Stage&)> body) {
    const Run& run = play(std::move(body));
    return run.finding ? run.finding->oracle : name_of(run.verdict);
  }
};

void wait_for_ever(Stage& stage) {
  engine::Signal never(stage.runtime.tasks);
  never.wait();
}

}  // namespace

TEST_CASE("each oracle of the world stops a run that breaks its promise") {
  Played played;
  REQUIRE(played.oracle_of([](Stage&) {}) == "ok");
  REQUIRE(played.oracle_of(&wait_for_ever) == "progress");
  REQUIRE(played.oracle_of([](Stage&) {
    (void)engine::post_flush_window(-1, 0, 0, 0, 9, 64, false);  // no such page
  }) == "check");
  REQUIRE(played.oracle_of([](Stage& stage) {
    void* const block = *stage.runtime.memory.allocate(8, 8, "a block");
    stage.runtime.memory.free(block);
    stage.runtime.memory.free(block);
  }) == "memory");
  REQUIRE(played.oracle_of([](Stage& stage) {
    engine::Frame* const frame = *stage.runtime.frames.acquire(7, 512);
    stage.runtime.frames.retire(frame);
    (void)engine::PageRef::at(frame, 7, 0).load_word();
  }) == "lifetimes");
  REQUIRE(played.oracle_of([](Stage& stage) {
    engine::Frame* const frame = *stage.runtime.frames.acquire(7, 512);
    (void)engine::PageRef::at(frame, 7, 512).load_word();
  }) == "frames");
}

TEST_CASE("what could not be judged is inconclusive, with a reason that reaches the row") {
  Played played;
  const Run& run = played.play([](Stage& stage) { ask_too_much(stage.history, 1); });
  REQUIRE(run.verdict == Verdict::inconclusive);
  REQUIRE_FALSE(run.finding);
  REQUIRE(run.not_judged.find("linearizable: key 1") == 0);
  const orrery::reports::RunRow row = orrery::reports::row_of(run);
  REQUIRE(row.signature.view().find("not judged: linearizable: key 1") == 0);
  REQUIRE(played.play([](Stage&) {}).not_judged.empty());  // the next run starts afresh
}

TEST_CASE("who has nothing but guards, and more pages than there are guards for, has not judged") {
  const auto use = [](int lifetimes) {
    return [lifetimes](Stage& stage) {
      engine::Frames& frames = stage.runtime.frames;
      engine::Frame* const frame = *frames.acquire(0, 512);
      for (int page = 1; page < lifetimes; ++page) frames.renew(frame, page);
      frames.retire(frame);
    };
  };
  Played played;
  for (const int lifetimes : {100, 9000}) {
    INFO(lifetimes);
    played.plan.guarded = true;
    played.plan.oracles = {};  // accesses are checked one by one as well
    CHECK(played.play(use(lifetimes)).verdict == Verdict::ok);
    played.plan.oracles = {"memory"};
    const Run& run = played.play(use(lifetimes));
    CHECK(run.verdict == (lifetimes == 100 ? Verdict::ok : Verdict::inconclusive));
    CHECK((run.not_judged.find("guards") != std::string::npos) == (lifetimes == 9000));
  }
}

TEST_CASE("a deadlock names its places as the tree does") {
  Played played;
  const Run& run = played.play(&wait_for_ever);
  INFO(run.finding->text);
  REQUIRE(run.finding->text.find(" at engine/") != std::string::npos);
}

TEST_CASE("a broken promise of any oracle beats what could not be judged") {
  Played played;
  const Run& run = played.play([](Stage& stage) {
    ask_too_much(stage.history, 1);
    (void)*stage.runtime.memory.allocate(8, 8, "a leak");
  });
  REQUIRE(run.verdict == Verdict::failed);
  REQUIRE(run.finding->oracle == "resources");
  REQUIRE(run.not_judged.empty());
}

TEST_CASE("what ended a run counts only if somebody asked, and what others found counts still") {
  Played played;
  played.plan.oracles = {"completions"};
  const Run& run = played.play(&wait_for_ever);
  REQUIRE(run.verdict == Verdict::inconclusive);
  REQUIRE(run.not_judged.find("progress") != std::string::npos);
  played.plan.oracles = {"linearizable"};
  const Run& found = played.play([](Stage& stage) {
    Ending garbage;
    garbage.garbage = true;
    stage.history.end(stage.history.begin(0, OpKind::read, 1, 0, 0), garbage);
    wait_for_ever(stage);
  });
  REQUIRE(found.verdict == Verdict::failed);
  REQUIRE(found.finding->oracle == "linearizable");
}

TEST_CASE("an event knows how many points its task has gone through, and so does its end") {
  Played played;
  const Run& run = played.play([](Stage& stage) {
    engine::Atomic<uint32_t> word{0};
    const auto other = [](void* argument) {
      auto& shared = *static_cast<engine::Atomic<uint32_t>*>(argument);
      for (int i = 0; i < 1000; ++i) shared.fetch_add(1);
    };
    const engine::TaskId task = *stage.runtime.tasks.spawn({"other", 0}, other, &word);
    engine::note(900);
    for (int i = 0; i < 5; ++i) (void)word.load();
    engine::note(901);
    stage.runtime.tasks.join(task);
    engine::note(902);
  });
  uint64_t own[3] = {};
  for (const orrery::sim::Event& event : run.trace->events) {
    if (event.kind >= 900 && event.kind <= 902) own[event.kind - 900] = event.own;
  }
  REQUIRE(own[1] - own[0] == 5);
  REQUIRE(own[2] - own[1] < 100);  // the thousand of the other do not count
  REQUIRE(run.trace->tasks[1].points >= 1000);
  REQUIRE(run.trace->tasks[0].points + run.trace->tasks[1].points == run.points);
}

TEST_CASE("whatever is asked, a run ends as its replay does, wherever its memory lies") {
  // Both go on after an access that the narrowed oracles say nothing of.
  for (const char* const oracle : {"memory", "frames", "address-chain"}) {
    for (const uint64_t seed : {uint64_t{0x42cb'8183'2881'6c56}, uint64_t{0x7909'3199'b8b6'3a74}}) {
      Runner runner;
      Plan plan = plan_of_seed(*find_scenario("snapshot-full-cache"), seed);
      plan.bugs = {"garnet-385"};
      plan.oracles = {oracle};
      const Run& first = runner.play(plan);
      const Verdict verdict = first.verdict;
      const uint64_t digest = first.digest;
      INFO(oracle << ", seed " << seed);
      for (const bool guarded : {false, true}) {
        plan.guarded = guarded;
        plan.mirrored = !guarded;
        const Run& again = runner.play(plan);
        CHECK(again.verdict == verdict);
        CHECK(again.digest == digest);
      }
    }
  }
}
