// SPDX-License-Identifier: Apache-2.0
// With a log of operations a store loses nothing that a commit has covered: checkpoint and log
// together are all that was done, each thing once and in its order.
#include <tuple>

#include "tests/engine/store/logging_lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("a log without a checkpoint is enough", "[operation-log]") {
  for (const bool fast : {false, true}) {
    LoggingLives lives(logging_options(fast));
    lives.fill(0, 60, "a");
    lives.erase(key_of(7));
    lives.add("n", 5);
    lives.add("n", 2);
    lives.commit();
    const uint64_t version = lives.store->version();
    lives.die();
    lives.recover();
    CHECK(lives.store->recovered().token == 0);
    CHECK(lives.store->version() > version);
    lives.check(lives.model, 60);
    CHECK(lives.read("n") == lives.model["n"]);
    lives.close();
  }
}

TEST_CASE("an empty log is a store that is empty", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.die();
  lives.recover();
  CHECK(lives.read(key_of(0)) == "<none>");
  lives.close();
}

TEST_CASE("what no commit has covered may be lost, from the end", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.fill(0, 10, "a");
  lives.commit();
  const Model committed = lives.model;
  lives.fill(5, 15, "b");
  lives.erase(key_of(2));
  lives.die();
  lives.recover();
  lives.check(committed, 15);
  // And it does not come back behind what follows.
  lives.model = committed;
  lives.set(key_of(20), "c");
  lives.commit();
  lives.die();
  lives.recover();
  lives.check(lives.model, 21);
  lives.close();
}

TEST_CASE("a replay begins at the checkpoint, and passes over what that holds", "[operation-log]") {
  for (const LogCheckpoint kind : {LogCheckpoint::snapshot, LogCheckpoint::fold_over}) {
    LoggingLives lives(logging_options());
    lives.fill(0, 40, "a");
    lives.add("n", 3);
    lives.checkpoint({kind, true});
    CHECK(lives.last_checkpoint.log_start == lives.last_entry);
    lives.fill(30, 50, "b");
    lives.add("n", 3);
    lives.erase(key_of(3));
    lives.commit();
    for (int i = 0; i < 3; ++i) {  // recovering again is recovering once
      lives.die();
      lives.recover();
      CHECK(lives.store->recovered().log_start == lives.last_checkpoint.log_start);
      lives.check(lives.model, 50);
      CHECK(lives.read("n") == lives.model["n"]);
    }
    lives.close();
  }
}

TEST_CASE("entries of the checkpoint's version, and of no meaning, are passed over",
          "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.set("k", "a");
  lives.checkpoint();
  lives.set("k", "b");
  lives.commit();
  const uint64_t version = lives.last_checkpoint.version;
  lives.die();
  // What sessions may have written that had not yet heard of the next version, and others.
  const auto log_of = [&](const std::vector<std::tuple<LoggedKind, uint64_t, std::string>>& all) {
    AppendLogOptions options;
    options.ring = lives.options;
    options.ring.page_bits = lives.options.log_page_bits;
    options.ring.memory_bits = lives.options.log_memory_bits;
    options.ring.prefix = "db/aof";
    auto log = AppendLog::recover(lives.plain.runtime(), options);
    REQUIRE(log);
    for (const auto& [kind, entry_version, value] : all) {
      LoggedOperation operation{kind, entry_version, 1, 1, bytes_of("k"), bytes_of(value)};
      std::string text(kLoggedHead, '\0');
      encode_logged_head(operation, {reinterpret_cast<std::byte*>(text.data()), text.size()});
      REQUIRE((*log)->enqueue(bytes_of(text + "k" + value)));
    }
    REQUIRE((*log)->commit(0));
    (*log)->close();
  };
  log_of({{LoggedKind::upsert, version, "in the checkpoint"},
          {LoggedKind::erase, version, ""},
          {LoggedKind::nothing, version + 9, "never"}});
  lives.recover();
  CHECK(lives.read("k") == "b");
  CHECK(lives.store->version() == version + 2);
  lives.die();
  log_of({{LoggedKind::upsert, version + 4, "c"}});
  lives.recover();
  CHECK(lives.read("k") == "c");
  CHECK(lives.store->version() == version + 5);
  lives.close();
}

TEST_CASE("no checkpoint is removed, and nothing of the log", "[operation-log]") {
  StoreOptions options = logging_options();
  options.checkpoints_kept = 0;
  LoggingLives lives(options);
  lives.fill(0, 30, "a");
  const uint64_t first = lives.checkpoint();
  lives.fill(20, 40, "b");
  lives.checkpoint();
  lives.commit();
  lives.die();
  // From whichever checkpoint it begins, it comes to the same end.
  auto recovered = Store::recover(lives.plain.runtime(), options, lives.bugs, {first});
  REQUIRE(recovered);
  lives.store = std::move(*recovered);
  lives.session = started_session(*lives.store);
  lives.check(lives.model, 40);
  lives.close();
}

TEST_CASE("the log reaches back to the oldest checkpoint that is kept", "[operation-log]") {
  StoreOptions options = logging_options();
  options.checkpoints_kept = 2;
  LoggingLives lives(options);
  std::vector<uint64_t> tokens;
  for (const char* mark : {"a", "b", "c"}) {
    lives.fill(0, 40, mark);
    tokens.push_back(lives.checkpoint());
  }
  lives.fill(30, 50, "d");
  lives.commit();
  CHECK(lives.device().truncated > 0);
  lives.die();
  auto recovered = Store::recover(lives.plain.runtime(), options, lives.bugs, {tokens[1]});
  REQUIRE(recovered);
  lives.store = std::move(*recovered);
  lives.session = started_session(*lives.store);
  lives.check(lives.model, 50);
  lives.close();
}

TEST_CASE("going back without the log that it needs removes nothing", "[operation-log]") {
  StoreOptions options = logging_options();
  options.checkpoints_kept = 0;
  LoggingLives lives(options);
  lives.fill(0, 30, "a");
  const uint64_t first = lives.checkpoint();
  lives.fill(20, 40, "b");
  const uint64_t second = lives.checkpoint();
  lives.commit();
  lives.die();
  std::map<std::string, std::unique_ptr<PlainDevice>> log;
  for (const std::string& name : lives.names()) {
    if (name.starts_with("db/aof/")) log.insert(lives.plain.devices.extract(name));
  }
  REQUIRE(log.size() >= 2);
  const auto recovered = Store::recover(lives.plain.runtime(), options, lives.bugs, {first});
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == Errc::corrupt);
  lives.plain.devices.merge(log);
  lives.recover();
  CHECK(lives.store->recovered().token == second);
  lives.check(lives.model, 40);
  lives.close();
}

TEST_CASE("without the log that it needs a recovery changes nothing", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.fill(0, 60, "a");
  const uint64_t token = lives.checkpoint();
  lives.fill(20, 90, "b");
  lives.commit();
  lives.die();
  const std::vector<std::byte> main = lives.plain.device("db/hlog").bytes;
  const auto refused = [&](const StoreOptions& options, Errc code) {
    const auto recovered = Store::recover(lives.plain.runtime(), options, lives.bugs);
    REQUIRE_FALSE(recovered);
    CHECK(recovered.error().code == code);
    CHECK(lives.plain.device("db/hlog").bytes == main);
  };
  StoreOptions other = lives.options;
  other.log_page_bits = 8;
  refused(other, Errc::invalid);
  const std::string metadata(DeviceName::metadata("db", token).view());
  auto kept = lives.plain.devices.extract(metadata);
  refused(lives.options, Errc::corrupt);  // the log does not reach back to the beginning
  lives.plain.devices.insert(std::move(kept));
  lives.recover();
  lives.check(lives.model, 90);
  lives.close();
}

TEST_CASE("no session has the id of the replay", "[operation-log]") {
  LoggingLives lives(logging_options());
  SessionOptions options;
  options.id = UINT64_MAX;
  CHECK(lives.store->start_session(options).error().code == Errc::invalid);
  lives.close();
}

TEST_CASE("a log of operations is not begun over, and not left behind", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.set("k", "a");
  lives.commit();
  lives.die();
  StoreOptions without = lives.options;
  without.log_operations = false;
  for (const StoreOptions& options : {lives.options, without}) {
    const auto opened = Store::open(lives.plain.runtime(), options, lives.bugs);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == Errc::exists);
  }
  const auto recovered = Store::recover(lives.plain.runtime(), without, lives.bugs);
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == Errc::invalid);
  lives.recover();
  CHECK(lives.read("k") == "a");
  lives.close();
}

TEST_CASE("versions go on above all that was replayed", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.set("k", "a");
  lives.checkpoint();
  // The versions of these are used up, but no checkpoint of them will be found.
  for (int i = 0; i < 3; ++i) {
    lives.set("k", "b" + std::to_string(i));
    const auto ticket = lives.store->start_checkpoint({});
    REQUIRE(ticket);
    const std::string name(DeviceName::metadata("db", ticket->token).view());
    REQUIRE(lives.plain.runtime().storage.open(name, file_options(lives.options)));
    lives.plain.device(name).failing_writes = 1;
    CHECK_FALSE(lives.store->wait_checkpoint(*ticket));
  }
  const OpResult last = lives.set("k", "c");
  CHECK(last.version == 5);
  lives.commit();
  lives.die();
  lives.recover();
  CHECK(lives.store->recovered().version == 1);
  CHECK(lives.store->version() == 6);
  CHECK(lives.read("k") == "c");
  CHECK(lives.set("k", "d").version == 6);
  lives.checkpoint();
  CHECK(lives.last_checkpoint.version == 6);
  lives.die();
  lives.recover();
  CHECK(lives.read("k") == "d");
  lives.close();
}

TEST_CASE("a torn tail ends the replay, and a hole in what is durable is an error",
          "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.fill(0, 20, "a");
  lives.checkpoint();
  lives.fill(10, 30, "b");
  const LogAddr until = lives.commit();
  const LogAddr start = lives.last_checkpoint.log_start;
  lives.die();
  const std::vector<std::byte> whole = lives.device().bytes;
  // Behind what was committed there is whatever a crash left.
  lives.device().bytes.resize(whole.size() + 512, std::byte{0x5A});
  lives.recover();
  lives.check(lives.model, 30);
  lives.die();
  lives.device().bytes = whole;
  lives.device().bytes[static_cast<size_t>(start) + 40] ^= std::byte{1};
  CHECK(until > start + 40);
  const auto recovered = lives.try_recover();
  REQUIRE_FALSE(recovered);
  CHECK(recovered.error().code == Errc::corrupt);
  CHECK(recovered.error().where >= start);
  CHECK(recovered.error().where < until);
  CHECK(lives.plain.live_blocks == 0);
  CHECK(lives.plain.live_frames == 0);
}

TEST_CASE("a log that is gone, or too short, is told from one that never was", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.set("k", "a");
  lives.checkpoint();
  lives.die();
  StoreOptions without = lives.options;
  without.log_operations = false;
  CHECK(Store::recover(lives.plain.runtime(), without, lives.bugs).error().code == Errc::invalid);
  CHECK(Store::open(lives.plain.runtime(), lives.options, lives.bugs).error().code == Errc::exists);
  for (auto one = lives.plain.devices.begin(); one != lives.plain.devices.end();) {
    const bool of_log = one->first.find("/aof/") != std::string::npos;
    one = of_log ? lives.plain.devices.erase(one) : std::next(one);
  }
  CHECK(lives.try_recover().error().code == Errc::corrupt);
  CHECK(lives.plain.live_blocks == 0);
  CHECK(lives.plain.live_frames == 0);
}

TEST_CASE("a store may begin to log after a checkpoint", "[operation-log]") {
  StoreOptions without = logging_options();
  without.log_operations = false;
  Bugs bugs;
  PlainRuntime plain;
  {
    auto store = Store::open(plain.runtime(), without, bugs);
    REQUIRE(store);
    auto session = started_session(**store);
    CHECK(session->upsert(bytes_of("k"), bytes_of("a")).log_address == 0);
    CHECK((*store)->commit_log().error().code == Errc::invalid);
    const auto ticket = (*store)->start_checkpoint({});
    REQUIRE(ticket);
    REQUIRE((*store)->wait_checkpoint(*ticket));
    session->close();
  }
  for (int life = 0; life < 2; ++life) {
    auto store = Store::recover(plain.runtime(), logging_options(), bugs);
    REQUIRE(store);
    auto session = started_session(**store);
    std::array<std::byte, 1> output{};
    REQUIRE(session->read(bytes_of("k"), output).status == Status::ok);
    CHECK(text_of(output) == (life == 0 ? "a" : "b"));
    CHECK(session->upsert(bytes_of("k"), bytes_of("b")).log_address > 0);
    CHECK((*store)->commit_log());
    session->close();
  }
}

// It would be below the start of that index, which does not hold it.
TEST_CASE("a record allocated before an index checkpoint is not linked after it",
          "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.plain.queued = true;
  bool waited = false;
  int keys = 0;
  for (; !waited && keys < 200; ++keys) {
    lives.plain.held = true;  // until the log of operations has no room
    lives.plain.meanwhile = [&] {
      waited = true;
      lives.plain.held = false;
      lives.checkpoint({LogCheckpoint::none, true});
    };
    lives.set(key_of(keys), value_of(keys));
  }
  REQUIRE(waited);
  lives.plain.meanwhile = {};
  lives.plain.held = false;
  lives.checkpoint({LogCheckpoint::snapshot, false});
  REQUIRE(lives.last_checkpoint.index_token != 0);
  lives.die();
  lives.recover();
  lives.check(lives.model, keys);
  lives.close();
}
