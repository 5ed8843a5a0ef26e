// SPDX-License-Identifier: Apache-2.0
// What workers say: nothing that an engine prints is swallowed, and what was said last names a
// death.
#include "fuzz/last_words.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "engine/base/sanitizers.hpp"
#include "fuzz/campaign.hpp"
#include "tests/catch.hpp"
#include "tests/fuzz/players.hpp"

namespace orrery::fuzz {
namespace {

/// What comes to standard error while a campaign is played; at most 400,000 bytes of it.
std::string said_during(const CampaignOrder& order) {
  const int before = dup(STDERR_FILENO);
  const int file = memfd_create("stderr", 0);
  fcntl(file, F_SETFL, O_APPEND);  // two processes write to it, each from where it ends
  dup2(file, STDERR_FILENO);
  Listener listener;
  run_campaign(order, listener);
  dup2(before, STDERR_FILENO);
  close(before);
  std::string text(400'000, '\0');
  text.resize(static_cast<size_t>(pread(file, text.data(), text.size(), 0)));
  close(file);
  return text;
}

}  // namespace

TEST_CASE("what runs print that end well goes to standard error, all of it") {
  const auto body = [](RunRow& row) { fprintf(stderr, "run %d\n", static_cast<int>(row.index)); };
  const std::string text = said_during(order_of(50, 2, body));
  CHECK(std::count(text.begin(), text.end(), '\n') == 50);
  for (int i = 0; i < 50; ++i) {
    CHECK_THAT(text, Catch::Matchers::ContainsSubstring("run " + std::to_string(i) + "\n"));
  }
}

TEST_CASE("what a dying worker says on its standard error is kept, and names the failure") {
  const auto body = [](RunRow& row) {
    if (row.index == 2) fprintf(stderr, "nothing to see\n");
    if (row.index != 3) return;
    fprintf(stderr, "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\n");
    _exit(1);
  };
  CampaignOrder order = order_of(8, 1, body);
  order.keep_going = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(complete(listener, 8));
  CHECK(listener.rows[3].signature.view() ==
        "memory: AddressSanitizer: heap-use-after-free (worker)");
  REQUIRE(listener.last_words.size() == 1);
  CHECK_THAT(listener.last_words[0].second, Catch::Matchers::ContainsSubstring("address 0x60"));
  CHECK_THAT(listener.last_words[0].second, !Catch::Matchers::ContainsSubstring("nothing to see"));
}

TEST_CASE("what a worker says last is kept behind any chatter, and so is what it said first") {
  const auto body = [](RunRow& row) {
    if (row.index != 3) return;
    fprintf(stderr, "the first line\n");
    for (int i = 0; i < 20'000; ++i) fprintf(stderr, "chatter %d\n", i);
    fprintf(stderr, "==1==ERROR: AddressSanitizer: heap-use-after-free on address 0x60\nthe end\n");
    _exit(1);
  };
  CampaignOrder order = order_of(8, 1, body);
  order.keep_going = true;
  Listener listener;
  run_campaign(order, listener);
  REQUIRE(complete(listener, 8));
  CHECK(listener.rows[3].signature.view() ==
        "memory: AddressSanitizer: heap-use-after-free (worker)");
  REQUIRE(listener.last_words.size() == 1);
  const std::string& words = listener.last_words[0].second;
  CHECK(words.starts_with("the first line\nchatter 0\n"));
  CHECK(words.ends_with("address 0x60\nthe end\n"));
  CHECK(words.size() < 70'000);
  // Nobody takes it for all.
  CHECK_THAT(words, Catch::Matchers::ContainsSubstring(" bytes are left out ...\n"));
}

TEST_CASE("of a run that ends well all is passed on, however much it is") {
  const auto body = [](RunRow& row) {
    for (int i = 0; row.index == 1 && i < 20'000; ++i) fprintf(stderr, "chatter %05d\n", i);
  };
  const std::string text = said_during(order_of(3, 1, body));
  CHECK(text.size() == size_t{20'000} * 14);
  CHECK(std::count(text.begin(), text.end(), '\n') == 20'000);
}

TEST_CASE("of a worker that ends before its first run is told what it said") {
  CampaignOrder order = order_of(5, 1, [](RunRow&) {});
  order.player = []() -> std::unique_ptr<Player> {
    (void)fputs("there is no room\nfor a world\n", stderr);
    _exit(7);
  };
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(campaign.failed == 0);
  CHECK(listener.rows.empty());
  REQUIRE_FALSE(campaign.defects.empty());
  CHECK(campaign.defects[0].text ==
        "a worker ended with exit code 7 between two runs: there is no room");
}

#if ORRERY_ASAN
TEST_CASE("what AddressSanitizer finds is a verdict with its report") {
  const auto body = [](RunRow& row) {
    if (row.index != 3) return;
    const auto block = std::make_unique<char[]>(8);
    volatile size_t behind = 8;
    block.get()[behind] = 'x';
  };
  CampaignOrder order = order_of(8, 2, body);
  order.keep_going = true;
  Listener listener;
  const Campaign campaign = run_campaign(order, listener);
  CHECK(complete(listener, 8));
  CHECK(campaign.failed == 1);
  CHECK(listener.rows[3].signature.view() ==
        "memory: AddressSanitizer: heap-buffer-overflow (worker)");
  REQUIRE(listener.last_words.size() == 1);
  CHECK_THAT(listener.last_words[0].second, Catch::Matchers::ContainsSubstring("WRITE of size 1"));
}
#endif

TEST_CASE("where there is no memory for what is said, it goes to standard error at once") {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{3, before.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  LastWords words;
  setrlimit(RLIMIT_NOFILE, &before);
  words.listen();
  words.pass_on();
  words.clear();
  CHECK(words.text().empty());
}

}  // namespace orrery::fuzz
