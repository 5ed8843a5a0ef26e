// SPDX-License-Identifier: Apache-2.0
// The supervisor and its workers, with players that do what a test wants of them: also to die.
#include "fuzz/campaign.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "fuzz/changes.hpp"
#include "fuzz/seeds_player.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/players.hpp"

namespace orrery::fuzz {
namespace {

using scenarios::Verdict;

/// For runs that take no time themselves: long enough for a worker that has to wait for a core.
constexpr int64_t kHangAfterMs = 4000;

void fail(RunRow& row, const char* signature) {
  row.verdict = Verdict::failed;
  row.signature = signature;
}

/// Never comes back from its first row.
class Stuck final : public Watcher {
 public:
  explicit Stuck(int* reached) : reached_(reached) {}
  void on_row(const RunRow&) override {
    if (reached_ == nullptr) return;
    *reached_ = 1;
    for (;;) pause();
  }
  void on_tick(const Campaign&, double) override {}

 private:
  int* reached_;
};

/// Learns that no run came out differently: run 30 broke a promise, the others are well.
class Settler final : public Listener {
 public:
  void settle(RunRow& row) override {
    row.rerun = reports::Rerun::none;
    if (row.index == 30) fail(row, "behind guards");
  }
};

#if !ORRERY_ASAN  // sanitizers need descriptors of their own to look at an object
/// From its first row on, of which `begun` tells, there is no descriptor to be had: for ever, or
/// for half a second.
class Starved final : public Listener {
 public:
  Starved(bool to_the_end, SharedCount& begun) : to_the_end_(to_the_end), begun_(begun) {
    getrlimit(RLIMIT_NOFILE, &before_);
  }
  ~Starved() override { setrlimit(RLIMIT_NOFILE, &before_); }
  void on_row(const RunRow& row) override {
    const rlimit none{3, before_.rlim_max};
    if (rows.empty()) setrlimit(RLIMIT_NOFILE, &none);
    begun_.value() = 1;
    Listener::on_row(row);
  }
  void on_tick(const Campaign& so_far, double) override {
    if (to_the_end_ || so_far.defects.empty()) return;
    usleep(500'000);
    setrlimit(RLIMIT_NOFILE, &before_);
  }

 private:
  const bool to_the_end_;
  SharedCount& begun_;
  rlimit before_{};
};
#endif

volatile bool for_ever = true;

/// A subject that loops without a point. In no catalogue: only this file can play it.
class EndlessLoop final : public scenarios::Scenario {
 public:
  const char* name() const override { return "endless-loop"; }
  const char* sentence() const override { return "never comes back"; }
  std::span<const scenarios::SizeRow> sizes() const override { return {}; }
  void draw(uint64_t, scenarios::Sizes&) const override {}
  sim::Laws laws(const scenarios::Sizes&) const override { return {}; }
  void play(scenarios::Stage& stage) const override {
    engine::Atomic<uint32_t> word{0};
    const engine::Actor actor({"loop", 0});
    for (uint32_t i = 0; i < 10; ++i) word.store(i);
    while (for_ever) {
    }
    (void)stage;
  }
};

}  // namespace

TEST_CASE("a campaign says the same whatever the number of workers") {
  for (const unsigned workers : {1U, 2U, 3U, 7U}) {
    Listener listener;
    const Campaign campaign = run_campaign(order_of(100, workers, [](RunRow&) {}), listener);
    CHECK(campaign.runs == 100);
    CHECK(campaign.failed == 0);
    REQUIRE(listener.rows.size() == 100);
    for (uint64_t i = 0; i < 100; ++i) {
      CHECK(listener.rows[i].index == i);
      CHECK(listener.rows[i].digest == sim::scramble(i));
    }
  }
}

TEST_CASE("the first failing run is the one with the lowest index") {
  for (const unsigned workers : {1U, 2U, 5U}) {
    const auto body = [](RunRow& row) {
      if (row.index == 40) usleep(20'000);  // others overtake it
      if (row.index >= 40) fail(row, row.index == 40 ? "first" : "later");
    };
    Listener listener;
    const Campaign campaign = run_campaign(order_of(1000, workers, body), listener);
    CHECK(campaign.runs == 41);
    REQUIRE(campaign.signatures.size() == 1);
    CHECK(campaign.signatures[0].first.index == 40);
    CHECK(campaign.signatures[0].first.signature.view() == "first");
  }
}

TEST_CASE("a campaign that keeps going counts failures by their name") {
  const auto body = [](RunRow& row) {
    if (row.index % 10 == 3) fail(row, "three");
    if (row.index % 10 == 7) fail(row, "seven");
    if (row.index % 10 == 9) row.verdict = Verdict::inconclusive;
  };
  CampaignOrder order = order_of(50, 2, body);
  order.keep_going = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.runs == 50);
  CHECK(campaign.failed == 10);
  CHECK(campaign.inconclusive == 5);
  REQUIRE(campaign.signatures.size() == 2);
  CHECK(campaign.signatures[0].count == 5);
  CHECK(campaign.signatures[0].first.index == 3);
  CHECK(campaign.signatures[1].first.index == 7);
}

TEST_CASE("what a watcher makes of a run that came out differently is what counts") {
  const auto body = [](RunRow& row) {
    if (row.index >= 20) row.rerun = reports::Rerun::differs;
  };
  for (const unsigned workers : {1U, 3U}) {
    Settler settler;
    const Campaign campaign = run_campaign(order_of(1000, workers, body), settler);
    // Those that turned out to be well have ended nothing, whoever had overtaken them.
    CHECK(campaign.runs == 31);
    CHECK(campaign.reruns == 0);
    REQUIRE(campaign.signatures.size() == 1);
    CHECK(campaign.signatures[0].first.index == 30);
    CHECK(complete(settler, 31));
    CHECK(settler.rows.back().verdict == Verdict::failed);
  }
}

TEST_CASE("no worker runs far ahead of a run that hangs, and none waits for ever") {
  SharedCount highest;  // that has begun
  SharedCount seen;     // of these, when run 5 was over
  const auto body = [&](RunRow& row) {
    const int index = static_cast<int>(row.index);
    if (index != 5) {
      highest.value() = std::max(highest.value(), index);
      return;
    }
    for (int i = 0; i < 10'000 && highest.value() < 5 + 99; ++i) usleep(1000);
    usleep(200'000);  // as long as others would need for thousands
    seen.value() = highest.value();
  };
  CampaignOrder order = order_of(5000, 2, body);
  order.ahead_max = 100;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(seen.value() >= 5 + 99);
  CHECK(seen.value() < 5 + 100);
  CHECK(complete(listener, 5000));
  CHECK(campaign.defects.empty());
}

TEST_CASE("a run that takes its worker along twice in the same way is a verdict") {
  const auto body = [](RunRow& row) {
    if (row.index == 11) raise(SIGKILL);
  };
  CampaignOrder order = order_of(30, 2, body);
  order.keep_going = true;
  order.on[2] = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.runs == 30);
  CHECK(campaign.failed == 1);
  CHECK(campaign.defects.empty());
  REQUIRE(listener.rows.size() == 30);
  CHECK(listener.rows[11].oracle.view() == "memory");
  CHECK(listener.rows[11].seed == 1011);
  CHECK(listener.rows[11].on == order.on);
  CHECK(listener.rows[12].verdict == Verdict::ok);
}

TEST_CASE("a worker that dies once is a defect of the harness, and nothing else is lost") {
  SharedCount deaths;
  const auto body = [&](RunRow& row) {
    if (row.index == 11 && deaths.add() == 0) raise(SIGKILL);
  };
  Listener listener;
  const Campaign campaign = run_campaign(order_of(30, 2, body), listener);
  CHECK(campaign.failed == 0);
  CHECK(campaign.inconclusive == 0);
  CHECK(complete(listener, 30));
  REQUIRE(campaign.defects.size() == 1);
  CHECK(campaign.defects[0].index == 11);
}

TEST_CASE("a worker killed from outside loses no run, whenever it comes") {
  for (int round = 0; round < 20; ++round) {
    SharedCount victim;  // the process that is in run 50
    const auto body = [&](RunRow& row) {
      if (row.index == 50 && victim.value() == 0) victim.value() = getpid();
      usleep(100);
    };
    const pid_t killer = fork();
    if (killer == 0) {
      while (victim.value() == 0) usleep(50);
      usleep(static_cast<useconds_t>(round * 37));  // in that run, a later one, or in between
      kill(victim.value(), SIGKILL);
      _exit(0);
    }
    Listener listener;
    const Campaign campaign = run_campaign(order_of(300, 2, body), listener);
    waitpid(killer, nullptr, 0);
    CHECK(campaign.failed == 0);
    CHECK(complete(listener, 300));
    CHECK(campaign.defects.size() <= 1);  // none: it had nothing left to do
  }
}

TEST_CASE("a worker killed between two runs, or while it claims one, loses none") {
  size_t killed = 0;  // before all was played
  for (int round = 0; round < 40; ++round) {
    SharedCount victim;
    // Runs of no length: a worker is hardly ever in one.
    const auto body = [&](RunRow& row) {
      if (row.index == 200) victim.value() = getpid();
    };
    const pid_t killer = fork();
    if (killer == 0) {
      while (victim.value() == 0) usleep(1);
      usleep(static_cast<useconds_t>(round));
      kill(victim.value(), SIGKILL);
      _exit(0);
    }
    Listener listener;
    const Campaign campaign = run_campaign(order_of(5'000, 2, body), listener);
    waitpid(killer, nullptr, 0);
    CHECK(campaign.failed == 0);
    CHECK(complete(listener, 5'000));
    CHECK(campaign.defects.size() <= 1);  // none: it had nothing left to do
    killed += campaign.defects.size();
  }
  CHECK(killed > 0);
}

#if !ORRERY_ASAN
TEST_CASE("a worker that cannot be replaced is a defect, and the others go on without it") {
  SharedCount deaths;
  SharedCount starved;
  const auto body = [&](RunRow& row) {
    while (row.index == 500 && starved.value() == 0) usleep(1000);
    if (row.index == 500 && deaths.add() == 0) raise(SIGKILL);
    usleep(100);
  };
  for (const bool to_the_end : {true, false}) {
    deaths.value() = starved.value() = 0;
    Starved listener(to_the_end, starved);
    const Campaign campaign = run_campaign(order_of(3000, 2, body), listener);
    CHECK(campaign.failed == 0);
    CHECK(complete_but(listener, 3000, to_the_end ? 500 : kNoRun));
    REQUIRE(campaign.defects.size() == 2);
    CHECK_THAT(campaign.defects[0].text, Catch::Matchers::ContainsSubstring("cannot be started"));
    CHECK(campaign.defects[1].index == 500);
    CHECK(campaign.next == 3000);
    CHECK_FALSE(campaign.broke_off);
  }
}

TEST_CASE("a campaign without a worker ends, and says where to go on") {
  SharedCount starved;
  Starved listener(true, starved);
  listener.on_row({});
  const Campaign campaign = run_campaign(order_of(30, 2, [](RunRow&) {}), listener);
  CHECK(campaign.runs == 0);
  CHECK(campaign.next == 0);
  CHECK(campaign.defects.size() == 1);
  CHECK(campaign.broke_off);
}
#endif

TEST_CASE("a run that is never over is inconclusive, and a worker that hung once a defect") {
  SharedCount hangs;
  const auto body = [&](RunRow& row) {
    if (row.index == 5)
      for (;;) pause();
    if (row.index == 9 && hangs.add() == 0)
      for (;;) pause();
  };
  CampaignOrder order = order_of(20, 2, body);
  order.hang_after_ms = kHangAfterMs;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(complete(listener, 20));
  CHECK(campaign.failed == 0);
  CHECK(campaign.inconclusive == 1);
  REQUIRE(campaign.reasons.size() == 1);
  CHECK(campaign.reasons[0].first.index == 5);
  CHECK(listener.rows[5].verdict == Verdict::inconclusive);
  CHECK_THAT(std::string(listener.rows[5].signature.view()),
             Catch::Matchers::ContainsSubstring("hung"));
  REQUIRE(campaign.defects.size() == 1);
  CHECK(campaign.defects[0].index == 9);
}

TEST_CASE("a worker that is stopped is a worker that hangs") {
  SharedCount stops;
  const auto body = [&](RunRow& row) {
    if (row.index == 7 && stops.add() == 0) raise(SIGSTOP);
  };
  CampaignOrder order = order_of(20, 2, body);
  order.hang_after_ms = kHangAfterMs;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(complete(listener, 20));
  CHECK(campaign.defects.size() == 1);
}

TEST_CASE("a loop without a point is a broken promise that replays") {
  static constexpr EndlessLoop kEndless;
  CampaignOrder order;
  order.runs_max = 2;
  order.hang_after_ms = 6000;  // the worker notices after half of that, if it has its share of time
  order.keep_going = true;
  order.player = [] { return make_seeds_player({&kEndless, 1, {}, 16, 0}); };
  order.seed_of = [](uint64_t index) { return run_seed(1, kEndless, index); };
  Listener one;
  const Campaign campaign = run_campaign(order, one);
  CHECK(complete(one, 2));
  CHECK(campaign.failed == 2);
  CHECK(campaign.defects.empty());
  CHECK(one.rows[0].oracle.view() == "progress");
  CHECK_THAT(std::string(one.rows[0].signature.view()),
             Catch::Matchers::ContainsSubstring("does not come back"));
  // However long it is given.
  order.hang_after_ms = 9000;
  order.runs_max = 1;
  Listener two;
  run_campaign(order, two);
  REQUIRE(complete(two, 1));
  CHECK(one.rows[0].digest == two.rows[0].digest);
  CHECK(one.rows[0].steps == two.rows[0].steps);
}

TEST_CASE("a run that eats all memory is a defect of the harness, and the others go on") {
  const auto body = [](RunRow& row) {
    if (row.index != 6) return;
    signal(SIGABRT, SIG_DFL);  // the framework's would print
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = size_t{256} << 20;
    setrlimit(RLIMIT_AS, &limit);
    std::vector<std::unique_ptr<std::vector<char>>> all;
    for (;;) all.push_back(std::make_unique<std::vector<char>>(size_t{1} << 20, 'x'));
  };
  CampaignOrder order = order_of(20, 2, body);
  order.keep_going = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
#if ORRERY_ASAN  // says so itself, and ends the process
  CHECK(complete(listener, 20));
  CHECK(campaign.failed == 1);
  CHECK(campaign.defects.empty());
  CHECK(listener.rows[6].oracle.view() == "memory");
  // What the sanitizer said of it is kept.
  REQUIRE(listener.last_words.size() == 1);
  CHECK(listener.last_words[0].first == 6);
#else
  CHECK(complete_but(listener, 20, 6));
  CHECK(campaign.failed == 0);
  REQUIRE(campaign.defects.size() == 1);
  CHECK(campaign.defects[0].index == 6);
  CHECK_THAT(campaign.defects[0].text, Catch::Matchers::ContainsSubstring("no memory left"));
#endif
}

TEST_CASE("a worker that gives up by itself is a defect, and its run is played once more") {
  SharedCount tries;
  const auto body = [&](RunRow& row) {
    if (row.index != 4) return;
    tries.add();
    _exit(5);
  };
  Listener listener;
  const Campaign campaign = run_campaign(order_of(20, 2, body), listener);
  CHECK(tries.value() == 2);
  CHECK(complete_but(listener, 20, 4));
  CHECK(campaign.failed == 0);
  CHECK(campaign.runs == 19);
  CHECK(campaign.defects.size() == 1);
}

TEST_CASE("Ctrl-C stops a campaign with what is known") {
  Listener listener;
  listener.interrupt_at = 20;
  const auto body = [](RunRow&) { usleep(200); };
  const Campaign campaign = run_campaign(order_of(1'000'000, 2, body), listener);
  CHECK(campaign.interrupted);
  CHECK(campaign.runs >= 21);
  CHECK(campaign.runs < 1'000'000);
  // What was in flight is there as well, without a gap: it can go on from here.
  CHECK(complete(listener, campaign.next));
}

TEST_CASE("a campaign that goes on plays what is left, and nothing twice") {
  CampaignOrder whole = order_of(60, 2, [](RunRow&) {});
  Listener all;
  run_campaign(whole, all);
  CampaignOrder rest = whole;
  rest.first = 25;
  rest.runs_max = 35;
  Listener later;
  const Campaign campaign = run_campaign(rest, later);
  CHECK(campaign.next == 60);
  REQUIRE(later.rows.size() == 35);
  for (size_t i = 0; i < 35; ++i) {
    CHECK(later.rows[i].index == 25 + i);
    CHECK(later.rows[i].digest == all.rows[25 + i].digest);
  }
}

TEST_CASE("Ctrl-C twice ends everything at once, wherever it stands") {
  SharedCount begun;
  SharedCount in_watcher;
  prctl(PR_SET_CHILD_SUBREAPER, 1);  // the workers that it leaves behind become ours
  for (const bool stuck_in_watcher : {false, true}) {
    begun.value() = in_watcher.value() = 0;
    const pid_t supervisor = fork();
    if (supervisor == 0) {
      const auto body = [&](RunRow& row) {
        begun.add();
        if (row.index > 0)
          for (;;) pause();
      };
      Stuck watcher(stuck_in_watcher ? &in_watcher.value() : nullptr);
      run_campaign(order_of(100, 2, body), watcher);
      _exit(0);
    }
    while (begun.value() < 3) usleep(1000);
    while (stuck_in_watcher && in_watcher.value() == 0) usleep(1000);
    // Two at once are one. It hears of both when it runs again.
    for (const int number : {SIGSTOP, SIGINT, SIGTERM, SIGCONT}) kill(supervisor, number);
    usleep(200'000);
    int status = 0;
    CHECK(waitpid(supervisor, &status, WNOHANG) == 0);  // it waits for what is in flight
    // One that comes while another waits to be heard of is no second one.
    while (waitpid(supervisor, &status, WNOHANG) == 0) {
      kill(supervisor, SIGINT);
      usleep(20'000);
    }
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    for (int i = 0; i < 2; ++i) {  // or this waits for ever
      CHECK(wait(&status) > 0);
      CHECK(WIFSIGNALED(status));
    }
  }
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a campaign ends when its time is over") {
  CampaignOrder order = order_of(UINT64_MAX, 2, [](RunRow&) { usleep(100); });
  order.time_max_ms = 1000;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.runs > 0);
  CHECK(complete(listener, campaign.next));
  CHECK(campaign.wall_s >= 1);
  CHECK(campaign.wall_s < 30);
}

}  // namespace orrery::fuzz
