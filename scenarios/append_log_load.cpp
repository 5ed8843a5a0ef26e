// SPDX-License-Identifier: Apache-2.0
#include "scenarios/append_log_load.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "engine/base/check.hpp"
#include "engine/runtime/sync.hpp"
#include "engine/store/append_log_iterator.hpp"
#include "scenarios/history.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/sizes.hpp"

namespace orrery::scenarios {
namespace {

using ledger::succeeded;

// Where a reader is that is gone: nobody waits for it.
constexpr engine::LogAddr kNowhere = std::numeric_limits<engine::LogAddr>::max();

/// What everybody who works on an opened log shares.
struct AppendLogLoad {
  Stage& stage;
  engine::AppendLog& log;
  engine::Event reader_moved;  // the one of what is not committed
  uint64_t opening = 0;        // of all lives
  engine::Atomic<uint32_t> writing{0};
  engine::Atomic<engine::LogAddr> read_until{0};  // by that reader, where entries are shown to it
};

struct Writer {
  AppendLogLoad* load = nullptr;
  uint32_t id = 0;
  engine::LogAddr uncommitted_from = 0;  // the lowest own entry that no commit has covered
  uint64_t cookie = 0;                   // the number that it was set to last
  engine::LogAddr given_up = 0;          // what no commit has covered since; 0: nothing
  std::array<engine::LogAddr, 8> recent{};
};

struct Reader {
  AppendLogLoad* load = nullptr;
  bool uncommitted = false;
};

void writer_ended(AppendLogLoad& load);
void write(void* argument);
void commit_for_all(void* argument);
void read(void* argument);
void follow(const Reader& reader);
void reader_is_at(AppendLogLoad& load, engine::LogAddr end);

}  // namespace

void play_append_load(Stage& stage, engine::AppendLog& log, uint64_t opening) {
  AppendLogLoad load{stage, log, engine::Event(stage.runtime.tasks), opening, {}, {}};
  std::array<Writer, kWritersMax> writers;
  std::array<Reader, 2> readers;
  std::array<engine::TaskId, kWritersMax + 3> joins;
  size_t running = 0;
  const auto spawn = [&](engine::Name name, void (*run)(void*), void* argument) {
    const auto spawned = stage.runtime.tasks.spawn(name, run, argument);
    if (spawned) joins[running++] = *spawned;
    return spawned.has_value();
  };
  const int64_t count = stage.sizes["writers"];
  load.writing.store(static_cast<uint32_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    Writer& writer = writers[static_cast<size_t>(i)];
    writer.load = &load;
    writer.id = static_cast<uint32_t>(i);
    const engine::Name name{"writer", static_cast<uint64_t>(i)};
    if (!spawn(name, &write, &writer)) writer_ended(load);
  }
  for (size_t i = 0; i < readers.size(); ++i) {
    if ((stage.sizes["readers"] >> i & 1) == 0) continue;
    readers[i] = {&load, i == 1};
    if (!spawn({"reader", i}, &read, &readers[i]) && i == 1) reader_is_at(load, kNowhere);
  }
  if (stage.sizes["commit_every"] == 0) commit_for_all(&load);
  for (size_t i = 0; i < running; ++i) stage.runtime.tasks.join(joins[i]);
}

int64_t number_of_entry(engine::Bytes payload) {
  return static_cast<int64_t>(decode_value(payload).value_or(0));
}

namespace {

// Whatever the clients had appended so far gets durable together.
void commit_for_all(void* argument) {
  AppendLogLoad& load = *static_cast<AppendLogLoad*>(argument);
  engine::LogAddr from = load.log.committed_until();
  for (uint64_t round = 0; load.writing.load() > 0; ++round) {
    const engine::Actor actor({"commit-for-all", round});
    const auto until = load.log.commit(from);
    if (succeeded(ledger::Call::commit, until)) engine::note(ledger::kAcknowledged, from, *until);
    from = load.log.committed_until();
    load.stage.runtime.tasks.yield();
  }
}

// True if there was an entry, and nothing that ends a client for good.
bool append(Writer& writer, Draw& draw, uint64_t number, engine::Written& written) {
  AppendLogLoad& load = *writer.load;
  std::array<std::byte, kPayloadMax> room;
  const auto size = static_cast<size_t>(draw.between(8, load.stage.sizes["payload_max"]));
  const engine::Bytes payload = encode_value(number, size, room);
  const bool patient = draw.odds(3, 4);
  engine::note(ledger::kAsked, static_cast<int64_t>(number));
  if (!patient) {
    const auto tried = load.log.try_enqueue(payload);
    if (succeeded(ledger::Call::append, tried) && tried->has_value()) {
      written = **tried;
      engine::note(ledger::kAppended, static_cast<int64_t>(number), written.address, written.end);
      return true;
    }
  }
  const auto appended = load.log.enqueue(payload);
  if (!succeeded(ledger::Call::append, appended)) {
    engine::note(ledger::kRefused, static_cast<int64_t>(number));
    return false;
  }
  written = *appended;
  engine::note(ledger::kAppended, static_cast<int64_t>(number), written.address, written.end);
  return true;
}

void commit(Writer& writer, const engine::Written& written, uint64_t n) {
  AppendLogLoad& load = *writer.load;
  const auto every = static_cast<uint64_t>(load.stage.sizes["commit_every"]);
  if (writer.uncommitted_from == 0) writer.uncommitted_from = written.address;
  if (every == 0) {
    const auto durable = load.log.wait_commit(written);
    if (succeeded(ledger::Call::commit, durable)) {
      engine::note(ledger::kAcknowledged, written.address, written.end);
    }
    return;
  }
  if (n % every != 0) return;
  const engine::LogAddr from = std::exchange(writer.uncommitted_from, 0);
  const auto until = load.log.commit(from);
  if (!succeeded(ledger::Call::commit, until)) return;
  engine::note(ledger::kAcknowledged, from, *until);
  if (writer.cookie != 0) {
    engine::note(ledger::kCookieAcknowledged, static_cast<int64_t>(writer.cookie));
  }
  const engine::LogAddr given_up = std::exchange(writer.given_up, 0);
  if (given_up != 0) engine::note(ledger::kGivenUp, given_up);
}

// One client alone, so that it is known which cookie is the last.
void set_cookie(Writer& writer, uint64_t number) {
  std::array<std::byte, kEncodedSizeMin> room;
  engine::note(ledger::kCookieAsked, static_cast<int64_t>(number));
  const auto set = writer.load->log.set_cookie(encode_value(number, room.size(), room));
  CHECK(set, "a cookie of {} bytes is too large", room.size());
  writer.cookie = number;
}

// Something that this client wrote a while ago, or all that is durable.
void give_up(Writer& writer, Draw& draw) {
  AppendLogLoad& load = *writer.load;
  engine::LogAddr address = writer.recent[static_cast<size_t>(draw.between(0, 7))];
  if (draw.odds(1, 4)) address = load.log.committed_until();
  if (address == 0) return;
  engine::note(ledger::kGivingUp, address);
  const auto given_up = load.log.truncate_until(address);
  CHECK(given_up, "an address of the log is none");
  writer.given_up = std::max(writer.given_up, address);
}

// Before its writer commits it, which would wake the reader too.
void show_if_due(AppendLogLoad& load, const engine::Written& written, uint64_t word) {
  if (sim::below(word, 1000) >= static_cast<uint64_t>(load.stage.sizes["shown_permille"])) return;
  for (;;) {
    const uint32_t ticket = load.reader_moved.ticket();
    if (load.read_until.load() >= written.end) return;
    load.reader_moved.wait(ticket);
  }
}

void write(void* argument) {
  Writer& writer = *static_cast<Writer*>(argument);
  AppendLogLoad& load = *writer.load;
  const Sizes& sizes = load.stage.sizes;
  const auto script = static_cast<uint64_t>(sizes["script"]);
  const auto entries = static_cast<uint64_t>(sizes["entries"]);
  for (uint64_t n = 1; n <= entries; ++n) {
    Draw draw(sim::mix(script, writer.id, load.opening), n);
    const uint64_t number = number_of(writer.id, load.opening << 20 | n);
    const engine::Actor actor({"append", uint64_t{writer.id} << 32 | n});
    engine::Written written;
    if (!append(writer, draw, number, written)) continue;
    writer.recent[n % writer.recent.size()] = written.address;
    if (writer.id == 0 && draw.odds(1, 3)) set_cookie(writer, load.opening << 20 | n);
    show_if_due(load, written, sim::mix(script, writer.id, number));
    commit(writer, written, n);
    load.stage.scheduler.made_progress();
    if (draw.odds(static_cast<uint64_t>(sizes["give_up_permille"]), 1000)) give_up(writer, draw);
  }
  writer_ended(load);
}

// The last one sends the readers home.
void writer_ended(AppendLogLoad& load) {
  if (load.writing.fetch_sub(1) == 1) load.log.end_waits();
}

void read(void* argument) {
  const Reader& reader = *static_cast<Reader*>(argument);
  follow(reader);
  if (reader.uncommitted) reader_is_at(*reader.load, kNowhere);
}

void reader_is_at(AppendLogLoad& load, engine::LogAddr end) {
  if (load.stage.sizes["shown_permille"] == 0) return;
  load.read_until.store(end);
  load.reader_moved.set();
}

// Reads up to the tail until nobody writes any more.
void follow(const Reader& reader) {
  AppendLogLoad& load = *reader.load;
  engine::IteratorOptions options;
  options.uncommitted = reader.uncommitted;
  options.from = load.log.begin();
  engine::AppendLogIterator iterator(load.stage.runtime, load.log, options);
  if (!succeeded(ledger::Call::read_log, iterator.initialise())) return;
  engine::note(ledger::kReaderBegins, reader.uncommitted ? 1 : 0, options.from);
  const uint16_t kind = reader.uncommitted ? ledger::kReadUncommitted : ledger::kReadCommitted;
  for (uint64_t n = 0, failures = 0; failures < 20; ++n) {
    const engine::Actor actor({"follow", n});
    const bool last = load.writing.load() == 0;
    const auto next = iterator.get_next();
    (void)succeeded(ledger::Call::read_log, next);
    if (next && next->has_value()) {
      engine::note(kind, number_of_entry((*next)->payload), (*next)->address, (*next)->end);
      if (reader.uncommitted) reader_is_at(load, (*next)->end);
      load.stage.scheduler.made_progress();
    } else if (next && last) {
      return;
    } else if (next) {
      // Who passed over an entry is for the oracles, and nobody is to wait for him.
      if (reader.uncommitted) reader_is_at(load, iterator.next());
      if (!succeeded(ledger::Call::read_log, iterator.wait_for_more())) ++failures;
    } else if (next.error().code == engine::Errc::corrupt) {
      engine::note(ledger::kReaderFailed, reader.uncommitted ? 1 : 0, next.error().where);
      return;
    } else {
      ++failures;
    }
  }
}

}  // namespace
}  // namespace orrery::scenarios
