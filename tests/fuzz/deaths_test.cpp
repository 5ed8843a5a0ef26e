// SPDX-License-Identifier: Apache-2.0
// Ends of workers that tell the supervisor little or nothing: no run may be lost by any of them.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "fuzz/campaign.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/players.hpp"

namespace orrery::fuzz {
namespace {

using scenarios::Verdict;

/// As a parent may leave it behind: `trap '' CHLD` outlives exec. Nobody hears then how a child
/// ended.
class DeafToChildren {
 public:
  DeafToChildren() : before_(signal(SIGCHLD, SIG_IGN)) {}
  ~DeafToChildren() { signal(SIGCHLD, before_); }
  DeafToChildren(const DeafToChildren&) = delete;
  DeafToChildren& operator=(const DeafToChildren&) = delete;

 private:
  void (*before_)(int);
};

/// Becomes deaf to its children when the campaign has begun.
class LateDeaf final : public Listener {
 public:
  ~LateDeaf() override { signal(SIGCHLD, SIG_DFL); }
  void on_row(const RunRow& row) override {
    signal(SIGCHLD, SIG_IGN);
    Listener::on_row(row);
  }
};

bool is_blamed(const Campaign& campaign, uint64_t index) {
  return std::any_of(campaign.defects.begin(), campaign.defects.end(),
                     [&](const Defect& defect) { return defect.index == index; });
}

// In a worker: what it sends from now on arrives nowhere, and it does not notice.
void lose_all_pipes() {
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  for (int descriptor = STDERR_FILENO + 1; descriptor < 64; ++descriptor) {
    struct stat status{};
    if (fstat(descriptor, &status) == 0 && S_ISFIFO(status.st_mode)) dup2(nowhere, descriptor);
  }
}

/// Sends Ctrl-C when a run hangs, and all before run 11 have been told.
class LateInterrupt final : public Listener {
 public:
  explicit LateInterrupt(SharedCount& hangs) : hangs_(hangs) {}
  void on_tick(const Campaign&, double) override {
    if (sent_ || hangs_.value() == 0 || rows.size() < 11) return;
    sent_ = true;
    raise(SIGINT);
  }

 private:
  SharedCount& hangs_;
  bool sent_ = false;
};

}  // namespace

TEST_CASE("a run that ends its worker with a good exit code is a verdict as well") {
  const auto body = [](RunRow& row) {
    if (row.index == 11) _exit(0);
  };
  for (const unsigned workers : {1U, 2U}) {
    CampaignOrder order = order_of(30, workers, body);
    order.keep_going = true;
    Listener listener;
    const Campaign campaign = run_campaign(order, listener);
    CHECK(complete(listener, 30));
    CHECK(campaign.failed == 1);
    CHECK(campaign.defects.empty());
    REQUIRE(campaign.signatures.size() == 1);
    CHECK(campaign.signatures[0].first.index == 11);
    CHECK_THAT(std::string(campaign.signatures[0].first.signature.view()),
               Catch::Matchers::ContainsSubstring("exit code 0"));
  }
}

TEST_CASE("a worker that ends well in the middle of a run, once, is a defect") {
  for (const unsigned workers : {1U, 2U}) {
    SharedCount ends;
    const auto body = [&](RunRow& row) {
      if (row.index == 11 && ends.add() == 0) _exit(0);
    };
    Listener listener;
    const Campaign campaign = run_campaign(order_of(30, workers, body), listener);
    CHECK(complete(listener, 30));
    CHECK(campaign.failed == 0);
    REQUIRE(campaign.defects.size() == 1);
    CHECK(campaign.defects[0].index == 11);
  }
}

TEST_CASE("a campaign hears how its workers end, whatever its own parent wanted to hear") {
  SharedCount deaths;
  for (const bool always : {false, true}) {
    deaths.value() = 0;
    const auto body = [&](RunRow& row) {
      if (row.index == 11 && (always || deaths.add() == 0)) raise(SIGKILL);
    };
    CampaignOrder order = order_of(30, 2, body);
    order.keep_going = true;
    const DeafToChildren deaf;
    Listener listener;
    const Campaign campaign = run_campaign(order, listener);
    CHECK(complete(listener, 30));
    CHECK(campaign.failed == (always ? 1 : 0));
    CHECK(campaign.defects.size() == (always ? 0 : 1));
    if (always && listener.rows.size() == 30) CHECK(listener.rows[11].oracle.view() == "memory");
  }
}

TEST_CASE("a worker of whose end nobody hears is a defect, and never a verdict") {
  const auto body = [](RunRow& row) {
    if (row.index != 11) return;
    usleep(50'000);  // by now the supervisor hears nothing any more
    raise(SIGKILL);
  };
  for (const unsigned workers : {1U, 2U}) {
    LateDeaf listener;
    const Campaign campaign = run_campaign(order_of(30, workers, body), listener);
    CHECK(campaign.failed == 0);
    CHECK(is_blamed(campaign, 11));
    CHECK(complete_but(listener, 30, 11));
  }
}

TEST_CASE("runs whose rows never arrive are a defect") {
  for (const unsigned workers : {1U, 2U}) {
    const auto body = [](RunRow& row) {
      if (row.index == 11) lose_all_pipes();
      usleep(1000);  // so that the others have their share
    };
    Listener listener;
    const Campaign campaign = run_campaign(order_of(60, workers, body), listener);
    CHECK(listener.rows.size() < 60);
    REQUIRE(campaign.defects.size() == 1);
    CHECK(campaign.defects[0].index == 11);
    CHECK_THAT(campaign.defects[0].text, Catch::Matchers::ContainsSubstring(
                                             std::to_string(60 - listener.rows.size()) + " run"));
    CHECK(campaign.next == 60);
  }
}

TEST_CASE("lost runs hold up nobody who may not run far ahead of them") {
  for (const unsigned workers : {1U, 2U}) {
    const auto body = [](RunRow& row) {
      if (row.index == 11) lose_all_pipes();
      usleep(1000);
    };
    CampaignOrder order = order_of(200, workers, body);
    order.ahead_max = 20;
    Listener listener;
    const Campaign campaign = run_campaign(order, listener);
    CHECK(campaign.next == 200);
    CHECK(listener.rows.size() < 200);
    CHECK(listener.rows.size() > 150);
    REQUIRE(campaign.defects.size() == 1);
    CHECK(campaign.defects[0].index == 11);
  }
}

TEST_CASE("a worker that closes its pipe and lives on is killed, and its run is named") {
  for (const bool always : {false, true}) {
    SharedCount closes;
    const auto body = [&](RunRow& row) {
      if (row.index != 11 || (closes.add() > 0 && !always)) return;
      lose_all_pipes();
      for (;;) pause();
    };
    for (const unsigned workers : {1U, 2U}) {
      closes.value() = 0;
      Listener listener;
      const Campaign campaign = run_campaign(order_of(60, workers, body), listener);
      CHECK(complete_but(listener, 60, always ? 11 : kNoRun));
      CHECK(campaign.failed == 0);
      REQUIRE(campaign.defects.size() == 1);
      CHECK(campaign.defects[0].index == 11);
      CHECK_THAT(campaign.defects[0].text, Catch::Matchers::ContainsSubstring("closed its pipe"));
    }
  }
}

TEST_CASE("while a worker lives on without a pipe, hangs are seen and Ctrl-C is heard") {
  SharedCount closed;
  SharedCount hangs;
  const auto body = [&](RunRow& row) {
    if (row.index == 11 && closed.add() == 0) {
      lose_all_pipes();
      for (;;) pause();
    }
    while (row.index == 12 && closed.value() == 0) usleep(1000);
    if (row.index == 12 && hangs.add() == 0) {
      for (;;) pause();
    }
    usleep(1000);
  };
  CampaignOrder order = order_of(1'000'000, 3, body);
  order.hang_after_ms = 3000;
  LateInterrupt listener(hangs);  // run 12 hangs only when run 11 has begun
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.interrupted);
  CHECK(campaign.next < 1'000'000);
  CHECK(complete(listener, campaign.next));
  CHECK(is_blamed(campaign, 11));
  CHECK(is_blamed(campaign, 12));
}

}  // namespace orrery::fuzz
