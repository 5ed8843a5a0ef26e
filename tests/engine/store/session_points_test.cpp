// SPDX-License-Identifier: Apache-2.0
// A client finds out after a crash which of its operations are there, whenever it comes back and
// whatever its session was doing when the checkpoint was taken.
#include "tests/engine/store/store_fixture.hpp"

using namespace orrery::engine;
using namespace orrery::engine::testing;

namespace {

struct Clients {
  explicit Clients(const StoreOptions& some_options) : options(some_options) {
    take(Store::open(plain.runtime(), options, bugs));
  }
  void take(Result<Owned<Store>> opened) {
    INFO((opened ? "" : opened.error().what));
    REQUIRE(opened);
    store = std::move(*opened);
  }
  Owned<Session> start(uint64_t id) {
    SessionOptions wanted;
    wanted.id = id;
    auto started = store->start_session(wanted);
    REQUIRE(started);
    return std::move(*started);
  }
  static void work(Session& session, int operations) {
    for (int i = 0; i < operations; ++i) {
      REQUIRE(session.upsert(bytes_of(key_of(i)), bytes_of(value_of(i))).status == Status::ok);
    }
  }
  /// A session that does so much and closes.
  void visit(uint64_t id, int operations) {
    const Owned<Session> session = start(id);
    work(*session, operations);
    session->close();
  }
  void checkpoint() {
    const auto ticket = store->start_checkpoint();
    REQUIRE(ticket);
    REQUIRE(store->wait_checkpoint(*ticket));
  }
  void crash_and_recover() {
    store->close();
    store = {};
    take(Store::recover(plain.runtime(), options, bugs));
  }

  StoreOptions options;
  Bugs bugs;
  PlainRuntime plain;
  Owned<Store> store;
};

}  // namespace

TEST_CASE("a session that was closed before the checkpoint is in it, and counts on") {
  Clients clients(small_options(false));
  clients.visit(1, 10);
  clients.visit(1, 2);
  CHECK(clients.store->session_serial(1) == 12);
  clients.checkpoint();
  clients.visit(1, 5);
  clients.crash_and_recover();
  CHECK(clients.store->session_serial(1) == 12);
  CHECK(clients.store->session_serial(2) == 0);
  clients.store->close();
}

TEST_CASE("a session that has not come back is in the next checkpoint all the same") {
  Clients clients(small_options(false));
  clients.visit(1, 10);
  clients.checkpoint();
  clients.crash_and_recover();
  clients.visit(2, 3);
  clients.checkpoint();
  clients.crash_and_recover();
  CHECK(clients.store->session_serial(1) == 10);
  CHECK(clients.store->session_serial(2) == 3);
  clients.store->close();
}

TEST_CASE(
    "of a session that comes and goes in the next version the checkpoint has what was before") {
  Clients clients(small_options(false));
  const Owned<Session> sleeper = clients.start(9);  // steps the checkpoint along
  clients.visit(1, 10);
  const Owned<Session> late = clients.start(2);
  Clients::work(*late, 4);
  const auto ticket = clients.store->start_checkpoint();
  REQUIRE(ticket);
  while (late->version() == ticket->version) late->refresh();
  Clients::work(*late, 7);
  late->close();
  clients.visit(2, 1);
  clients.visit(1, 6);
  REQUIRE(clients.store->wait_checkpoint(*ticket));
  CHECK(clients.store->session_serial(1) == 16);
  CHECK(clients.store->session_serial(2) == 12);
  CHECK(clients.store->session_committed(1) == 10);
  CHECK(clients.store->session_committed(2) == 4);
  sleeper->close();
  clients.crash_and_recover();
  CHECK(clients.store->session_committed(1) == 10);
  CHECK(clients.store->session_serial(1) == 10);
  CHECK(clients.store->session_serial(2) == 4);
  clients.store->close();
}

TEST_CASE("no checkpoint holds anything of a session once the store is emptied") {
  StoreOptions options = small_options(false);
  options.log_page_bits = 9;
  options.log_memory_bits = 11;
  for (const bool logged : {false, true}) {
    INFO("with a log of operations: " << logged);
    options.log_operations = logged;
    Clients clients(options);
    clients.visit(1, 10);
    clients.checkpoint();
    CHECK(clients.store->session_committed(1) == 10);
    REQUIRE(clients.store->reset());
    CHECK(clients.store->session_committed(1) == 0);
    CHECK(clients.store->session_serial(1) == 10);
    clients.visit(1, 2);
    CHECK(clients.store->session_committed(1) == 0);
    clients.checkpoint();
    CHECK(clients.store->session_committed(1) == 12);
    clients.store->close();
  }
}

TEST_CASE("what is replayed from the log of operations is counted") {
  StoreOptions options = small_options(false);
  options.log_operations = true;
  options.log_page_bits = 9;
  options.log_memory_bits = 11;
  Clients clients(options);
  clients.visit(1, 10);
  clients.checkpoint();
  clients.visit(1, 5);
  clients.visit(2, 3);
  REQUIRE(clients.store->commit_log());
  for (int i = 0; i < 2; ++i) {
    clients.crash_and_recover();
    CHECK(clients.store->session_serial(1) == 15);
    CHECK(clients.store->session_serial(2) == 3);
  }
  clients.checkpoint();
  clients.crash_and_recover();
  CHECK(clients.store->session_serial(1) == 15);
  clients.store->close();
}

TEST_CASE("a session that is forgotten begins anew, and one that is open is not forgotten") {
  Clients clients(small_options(false));
  const Owned<Session> open = clients.start(1);
  Clients::work(*open, 3);
  REQUIRE_FALSE(clients.store->forget_session(1));
  open->close();
  REQUIRE(clients.store->forget_session(1));
  REQUIRE(clients.store->forget_session(77));
  CHECK(clients.store->session_serial(1) == 0);
  clients.visit(1, 2);
  CHECK(clients.store->session_serial(1) == 2);
  for (uint64_t id = 2; id < 40; ++id) clients.visit(id, 1);
  clients.checkpoint();
  clients.crash_and_recover();
  CHECK(clients.store->session_serial(1) == 2);
  CHECK(clients.store->session_serial(39) == 1);
  clients.store->close();
}

TEST_CASE("every operation that was called and has its answer counts, whatever it is") {
  Fixture world(small_options(false));
  for (int number = 0; number < 200; ++number) world.upsert(key_of(number), value_of(number));
  constexpr uint64_t id = 1;
  uint64_t count = 200;
  const auto counts = [&](const std::string& answer, const std::string& wanted) {
    CHECK(answer == wanted);
    CHECK(world.store->session_serial(id) == ++count);
  };
  const auto upsert = [&](const std::string& key, const std::string& value) {
    const OpResult result = world.upsert(key, value);
    return result.status == Status::ok ? std::string("ok")
                                       : std::string(name_of(result.error.code));
  };
  counts(upsert("", "no key"), "invalid");
  counts(upsert(std::string(600, 'k'), "v"), "too_large");
  counts(upsert("k", std::string(600, 'v')), "too_large");
  counts(upsert("k", std::string(500, 'v')), "too_large");  // found out inside
  for (const char* label : {"pending read", "read buffer"}) {
    world.plain.failing_label = label;
    world.plain.failing_allocations = 1;
    counts(world.read(key_of(3)), "<no_memory>");
  }
  world.plain.device("db/hlog").failing_reads = 3;  // as often as it is tried
  counts(world.read(key_of(3)), "<io>");
  counts(world.read(key_of(3)), value_of(3));
  counts(world.read("nobody"), "<none>");
  world.close();
}
