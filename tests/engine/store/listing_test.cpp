// SPDX-License-Identifier: Apache-2.0
// Names that cannot be listed are not taken for names that are not there: whoever needs them to
// begin, to recover or to remove fails or waits for another time, and harms nothing.
#include "tests/engine/store/append_lives.hpp"
#include "tests/engine/store/lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

struct Outcome {
  Errc code = Errc::ok;
  int failures = 0;  // lists that were needed, and ended a call when they failed
};

/// Lets the first list of the call fail, then the second of another such call, and so on, until no
/// list ends it any more. A call that fails leaves everything as it was.
template <typename Call>
Outcome with_failing_lists(PlainRuntime& plain, const Call& call) {
  const Contents before = contents_of(plain);
  for (Outcome outcome;; ++outcome.failures) {
    plain.failing_list = outcome.failures + 1;
    outcome.code = call();
    const bool has_failed = std::exchange(plain.failing_list, 0) == 0;
    if (!has_failed || outcome.code != Errc::io) return outcome;
    INFO("list " << outcome.failures + 1);
    CHECK(contents_of(plain) == before);
    CHECK(plain.live_blocks == 0);
    CHECK(plain.live_frames == 0);
  }
}

template <typename T>
Errc code_of(const Result<T>& result) {
  return result ? Errc::ok : result.error().code;
}

}  // namespace

TEST_CASE("a store does not begin where nobody knows what there is") {
  for (const bool null_main : {false, true}) {
    Lives lives(small_options(null_main));
    lives.open();
    lives.fill(0, 60, "a");
    lives.checkpoint({LogCheckpoint::snapshot, true});
    lives.die();
    const auto open = [&] {
      return code_of(Store::open(lives.plain.runtime(), lives.options, lives.bugs));
    };
    const Outcome refused = with_failing_lists(lives.plain, open);
    CHECK(refused.code == Errc::exists);
    CHECK(refused.failures == 4);  // the index, and the checkpoint: how many, and which
    lives.options.prefix = "other";
    const Outcome opened = with_failing_lists(lives.plain, open);
    CHECK(opened.code == Errc::ok);
    CHECK(opened.failures == 4);  // indexes, checkpoints, logs of operations, tokens
    lives.options.prefix = "db";
    lives.recover();
    lives.check(lives.captured, 60);
    lives.die();
  }
}

TEST_CASE("a recovery that cannot list changes nothing, and may be tried again") {
  for (const bool goes_back : {false, true}) {
    Lives lives(small_options(false));
    lives.open();
    lives.fill(0, 60, "a");
    lives.checkpoint({LogCheckpoint::snapshot, true});
    RecoverOptions wanted;
    if (goes_back) wanted.version_max = lives.store->version() - 1;
    const Model older = lives.captured;
    lives.fill(30, 90, "b");
    lives.checkpoint();
    lives.die();
    const Outcome recovered =
        with_failing_lists(lives.plain, [&] { return code_of(lives.try_recover(wanted)); });
    CHECK(recovered.code == Errc::ok);
    CHECK(recovered.failures == (goes_back ? 8 : 6));
    lives.check(goes_back ? older : lives.captured, 90);
    lives.die();
  }
}

TEST_CASE("outdated checkpoints that cannot be listed stay, and go with the next one") {
  Lives lives(small_options(false));
  lives.options.checkpoints_kept = 1;
  lives.open();
  lives.fill(0, 60, "a");
  std::vector<std::string> names;
  for (int failing : {0, 1, 2, 0}) {
    lives.fill(0, 20, "b");
    lives.plain.failing_list = failing;
    names.push_back(file_of(lives.checkpoint(), &DeviceName::metadata));
    REQUIRE(lives.plain.failing_list == 0);
    const bool last = names.size() == 4;
    for (const std::string& name : names) {
      CHECK(lives.plain.has(name) == (!last || name == names.back()));
    }
  }
  lives.die();
  lives.recover();
  lives.check(lives.captured, 60);
  lives.die();
}

TEST_CASE("a store whose checkpoints cannot be listed is not emptied") {
  Lives lives(small_options(false));
  lives.open();
  lives.fill(0, 60, "a");
  lives.checkpoint();
  lives.plain.failing_list = 1;
  CHECK(lives.store->reset().error().code == Errc::io);
  lives.check(lives.model, 60);
  lives.die();
  lives.recover();
  lives.check(lives.captured, 60);
  CHECK(lives.store->reset());
  lives.die();
  CHECK(lives.try_recover().error().code == Errc::not_found);
}

TEST_CASE("an append log does not begin where nobody knows what there is", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 50);
  lives.commit();
  lives.die();
  const auto open = [&] { return code_of(AppendLog::open(lives.plain.runtime(), lives.options)); };
  const Outcome refused = with_failing_lists(lives.plain, open);
  CHECK(refused.code == Errc::exists);
  CHECK(refused.failures == 1);
  // Of this one there is a commit that never became durable.
  lives.options.ring.prefix = "other";
  const LogName torn = LogName::commit("other", 7);
  static_cast<PlainDevice&>(**lives.plain.open(torn.view(), {0, 64})).bytes.resize(128);
  const Outcome opened = with_failing_lists(lives.plain, open);
  CHECK(opened.code == Errc::ok);
  CHECK(opened.failures == 3);  // the newest, the one before it, and the highest number
  CHECK(lives.plain.has(std::string(LogName::commit("other", 8).view())));
  lives.options.ring.prefix = "aof";
  lives.recover();
  CHECK(lives.read() == numbers(0, 50));
  lives.close();
}

TEST_CASE("an append log that cannot list is not recovered, and may be later", "[append-log]") {
  AppendLives lives(small_log());
  lives.fill(0, 50);
  lives.commit();
  lives.die();
  const Outcome recovered = with_failing_lists(lives.plain, [&] { return lives.recovery_error(); });
  CHECK(recovered.code == Errc::ok);
  CHECK(recovered.failures == 2);  // the newest, and the highest number; not those to be removed
  CHECK(lives.commit_files().size() == 2);
  lives.recover();
  CHECK(lives.commit_files().size() == 1);
  CHECK(lives.read() == numbers(0, 50));
  lives.close();
}

TEST_CASE("commit files that cannot be listed stay, and go with the next commit", "[append-log]") {
  AppendLives lives(small_log());
  for (const int failing : {0, 1, 0}) {
    lives.put(failing);
    lives.plain.failing_list = failing;
    lives.commit();
    CHECK(lives.commit_files().size() == (failing == 0 ? 1 : 2));
  }
  lives.close();
}
