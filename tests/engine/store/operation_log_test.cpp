// SPDX-License-Identifier: Apache-2.0
// Every update is in the log of operations before anybody can act on it; what cannot be logged has
// no effect.
#include "tests/engine/store/logging_lives.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

TEST_CASE("what is logged says what was done", "[operation-log]") {
  LoggedOperation operation;
  operation.kind = LoggedKind::upsert;
  operation.version = 7;
  operation.session = 12;
  operation.key = bytes_of("key");
  operation.value = bytes_of("a value");
  std::string text(kLoggedHead, '\0');
  encode_logged_head(operation, {reinterpret_cast<std::byte*>(text.data()), text.size()});
  text += "keya value";
  const auto read = decode_logged(bytes_of(text));
  REQUIRE(read);
  CHECK(read->kind == LoggedKind::upsert);
  CHECK(read->version == 7);
  CHECK(read->session == 12);
  CHECK(text_of(read->key) == "key");
  CHECK(text_of(read->value) == "a value");
  for (size_t size = 0; size < kLoggedHead + 3; ++size) {
    CHECK_FALSE(decode_logged(bytes_of(text.substr(0, size))));
  }
  for (const auto& [place, byte] :
       std::map<size_t, char>{{0, 0}, {0, 4}, {1, 1}, {4, 99}, {4, 0}, {15, -1}}) {
    std::string other = text;
    other[place] = byte;
    CHECK(decode_logged(bytes_of(other)).error().code == Errc::corrupt);
  }
  text[0] = static_cast<char>(LoggedKind::erase);
  CHECK_FALSE(decode_logged(bytes_of(text)));  // it has a value
}

TEST_CASE("a checkpoint makes the log durable, and gives up what is below its place",
          "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.fill(0, 100, "a");
  lives.checkpoint();
  const LogAddr start = lives.last_checkpoint.log_start;
  lives.set("x", "b");
  lives.commit();
  CHECK(lives.device().truncated > 0);
  lives.die();
  lives.recover();
  lives.check(lives.model, 100);
  CHECK(lives.read("x") == "b");
  // The next one goes on from there; nothing below is needed, and nothing above is gone.
  lives.fill(50, 90, "c");
  lives.checkpoint();
  CHECK(lives.last_checkpoint.log_start > start);
  lives.die();
  lives.recover();
  lives.check(lives.model, 100);
  lives.close();
}

TEST_CASE("a full log is waited for outside the store", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.plain.queued = true;  // requests end when somebody waits
  lives.fill(0, 200, "a");
  lives.fill(0, 200, "b");
  for (int i = 0; i < 50; ++i) lives.add("n", 4);
  lives.commit();
  lives.die();
  lives.recover();
  lives.check(lives.model, 200);
  CHECK(lives.read("n") == lives.model["n"]);
  lives.close();
}

TEST_CASE("a log that has failed refuses operations before they do anything", "[operation-log]") {
  LoggingLives lives(logging_options());
  lives.set("k", "a");
  lives.add("n", 1);
  lives.commit();
  lives.device().failing_writes = 1000;
  CHECK(lives.store->commit_log());  // nothing new
  lives.set("k", "b");
  CHECK(lives.store->commit_log().error().code == Errc::io);
  CHECK(lives.session->upsert(bytes_of("k"), bytes_of("c")).error.code == Errc::io);
  CHECK(lives.session->upsert(bytes_of("new"), bytes_of("c")).error.code == Errc::io);
  CHECK(lives.session->upsert(bytes_of("k"), bytes_of("longer than before")).error.code ==
        Errc::io);
  CHECK(lives.session->erase(bytes_of("k")).error.code == Errc::io);
  Adder adder(1);
  CHECK(lives.session->rmw(bytes_of("n"), adder).error.code == Errc::io);
  CHECK(lives.read("k") == "b");
  CHECK(lives.read("new") == "<none>");
  CHECK(lives.read("n") == lives.model["n"]);
  // Nor does a checkpoint end well that would need it.
  const auto ticket = lives.store->start_checkpoint({});
  REQUIRE(ticket);
  CHECK(lives.store->wait_checkpoint(*ticket).error().code == Errc::io);
  lives.die();
  lives.device().failing_writes = 0;
  lives.recover();
  CHECK(lives.read("k") == "a");
  lives.close();
}

TEST_CASE("what does not fit a page of the log has no effect", "[operation-log]") {
  StoreOptions options = logging_options();
  options.log_page_bits = 7;
  options.log_memory_bits = 9;
  LoggingLives lives(options);
  CHECK(lives.session->upsert(bytes_of("k"), bytes_of(std::string(100, 'v'))).error.code ==
        Errc::too_large);
  CHECK(lives.read("k") == "<none>");
  lives.set("k", "v");
  CHECK(lives.session->upsert(bytes_of("k"), bytes_of(std::string(100, 'v'))).error.code ==
        Errc::too_large);
  CHECK(lives.read("k") == "v");
  CHECK(lives.session->upsert_zeros(bytes_of("k"), 8).error.code == Errc::invalid);
  lives.close();
}
