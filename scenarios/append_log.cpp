// SPDX-License-Identifier: Apache-2.0
// Append, commit, read, give up, die, recover, again: an append-only log under crashes and losses
// of power at any step, also while it recovers.
//
// Several clients append entries that say who wrote them; they commit each on its own, now and
// then, or leave it to one who commits for all. Readers follow the tail. Each time the log is
// opened again all of it is read back before anybody goes on: what was acknowledged must be there.
#include <algorithm>
#include <array>

#include "engine/store/append_log_iterator.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/store_stage.hpp"

namespace orrery::scenarios {
namespace {

constexpr int kAttempts = 4;  // at what a fault has ended
constexpr int64_t kWritersMax = 8;
constexpr size_t kPayloadMax = 1024;
constexpr uint64_t kNobody = 0;  // no number of an entry

constexpr auto kSizes = std::to_array<SizeRow>({
    {"page_bits", 6, 20, 9, "a page is 2^page_bits bytes"},
    {"ring_bits", 1, 10, 3, "the ring has 2^ring_bits pages"},
    {"empty_pages", 0, 1023, 0, "pages of the ring that are kept unused"},
    {"mutable_permille", 0, 1000, 900, "share of the pages in memory that stay mutable"},
    {"sector_bits", 3, 12, 9, "a sector is 2^sector_bits bytes"},
    {"segment_bits", 6, 30, 12, "the device gives up 2^segment_bits bytes at once"},
    {"keep_frames", 0, 1, 1, "1: frames are renewed in place; 0: given back and unmapped"},
    {"null_main", 0, 1, 0, "1: the log is a stream without a device"},
    {"fast_commit", 0, 1, 0, "1: commits are records among the entries"},
    {"file_interval", 1, 1000000, 4, "in the fast mode, every so many commits get a file"},
    {"tolerant", 0, 1, 0, "1: the log gives up what it cannot write, and goes on"},
    {"io_attempts", 1, 16, 3, "how often a request to the main log is made before it has failed"},
    {"retry_us", 0, 1000000, 0, "virtual microseconds between two of these attempts"},
    {"writers", 1, kWritersMax, 2, "clients that append"},
    {"entries", 0, 100'000, 40, "of each client, in each life"},
    {"payload_max", 8, kPayloadMax, 48, "bytes of the largest entry"},
    {"commit_every", 0, 1000, 4, "entries between two commits of a client; 0: one commits for all"},
    {"give_up_permille", 0, 1000, 30, "share of the entries after which something is given up"},
    {"readers", 0, 3, 3, "1 reads what is committed, 2 also what is not, 3: both kinds"},
    {"openings", 1, 8, 1, "how often each life opens the log"},
    {"crashes", 0, 16, 1, "how often the process dies"},
    {"crash_steps", 1, 10'000'000, 10'000, "a life ends within so many steps"},
    {"power_permille", 0, 1000, 500, "share of the crashes that are losses of power"},
    {"point_ns", 1, 1000, 20, "virtual time of one point"},
    {"io_points", 1, 1000000, 100, "nominal latency of a request, in points"},
    {"step_budget", 1000, 1000000000, 4000000, "steps after which faults stop and turns are fair"},
    {"script", 0, INT64_MAX, 1, "names the clients' workload"},
});
constexpr std::array kFaults{"power-loss",     "torn-write",    "io-error",
                             "short-transfer", "alloc-failure", "name-error"};

engine::AppendLogOptions log_options(const Sizes& sizes) {
  engine::AppendLogOptions options;
  const auto u32 = [&](const char* name) { return static_cast<uint32_t>(sizes[name]); };
  options.ring.page_bits = u32("page_bits");
  options.ring.memory_bits = options.ring.page_bits + u32("ring_bits");
  options.ring.empty_pages = u32("empty_pages");
  options.ring.mutable_permille = u32("mutable_permille");
  options.ring.sector_size = uint32_t{1} << u32("sector_bits");
  options.ring.segment_bits = u32("segment_bits");
  options.ring.keep_frames = sizes["keep_frames"] != 0;
  options.ring.main_is_null = sizes["null_main"] != 0;
  options.ring.main_io = retries_of(sizes);
  options.ring.epoch_slots = 32;
  options.ring.prefix = "aof";
  options.fast_commit = sizes["fast_commit"] != 0;
  options.file_interval = u32("file_interval");
  options.tolerant = sizes["tolerant"] != 0;
  return options;
}

/// What everybody who works on an opened log shares.
struct Load {
  Stage& stage;
  engine::AppendLog& log;
  uint64_t opening = 0;  // of all lives
  engine::Atomic<uint32_t> writing{0};
};

struct Writer {
  Load* load = nullptr;
  uint32_t id = 0;
  engine::LogAddr uncommitted_from = 0;  // the lowest own entry that no commit has covered
  uint64_t cookie = 0;                   // the number that it was set to last
  engine::LogAddr given_up = 0;          // what no commit has covered since; 0: nothing
  std::array<engine::LogAddr, 8> recent{};
};

struct Reader {
  Load* load = nullptr;
  bool uncommitted = false;
};

engine::Result<engine::Owned<engine::AppendLog>> begin_life(Stage& stage);
engine::Result<engine::Owned<engine::AppendLog>> open_or_recover(Stage& stage);
void read_everything(Stage& stage, engine::AppendLog& log);
void work(Load& load);
void writer_ended(Load& load);
void write(void* argument);
void commit_for_all(void* argument);
void read(void* argument);

class AppendLogScenario final : public Scenario {
 public:
  const char* name() const override { return "append-log"; }
  const char* sentence() const override {
    return "an append-only log is written, committed, read and truncated, dies and recovers";
  }
  bool reaches(std::string_view bug) const override { return bug == "spec-d24"; }
  std::span<const SizeRow> sizes() const override { return kSizes; }
  std::span<const char* const> faults() const override { return kFaults; }
  bool loses_power() const override { return true; }
  bool is_cache(const Sizes& sizes) const override { return sizes["null_main"] != 0; }

  sim::Laws laws(const Sizes& sizes) const override {
    sim::Laws laws;
    laws.pace.point_ns = sizes["point_ns"];
    laws.pace.step_budget = static_cast<uint64_t>(sizes["step_budget"]);
    // A recovery is one operation, however many entries there are to look at.
    laws.pace.patience +=
        kPointsOfRecord * static_cast<uint64_t>(sizes["entries"] * sizes["writers"]);
    laws.disk.nominal_ns = sizes["point_ns"] * sizes["io_points"];
    return laws;
  }

  std::string unfit(const Sizes& sizes) const override {
    if (engine::entry_size(static_cast<size_t>(sizes["payload_max"])) > int64_t{1}
                                                                            << sizes["page_bits"]) {
      return "an entry of payload_max and its header must fit a page";
    }
    const engine::Result<void> valid = engine::validate(log_options(sizes).ring);
    return valid ? std::string() : std::string(valid.error().what);
  }

  std::optional<Crash> crash(const Sizes& sizes, uint32_t life) const override {
    if (life >= sizes["crashes"]) return std::nullopt;
    const auto script = static_cast<uint64_t>(sizes["script"]);
    const auto range = static_cast<uint64_t>(sizes["crash_steps"]);
    const auto power = static_cast<uint64_t>(sizes["power_permille"]);
    return Crash{1 + sim::below(sim::mix(script, 0xDEAD, life), range),
                 sim::below(sim::mix(script, 0x9039, life), 1000) < power};
  }

  void play(Stage& stage) const override {
    for (int64_t n = 0; n < stage.sizes["openings"]; ++n) {
      auto begun = begin_life(stage);
      if (!begun) return;
      engine::Owned<engine::AppendLog> log = std::move(begun).value();
      const auto opening = static_cast<uint64_t>(stage.life * stage.sizes["openings"] + n);
      Load load{stage, *log, opening, {}};
      work(load);
      log->close();
      engine::note(ledger::kClosed);
    }
  }

  void draw(uint64_t seed, Sizes& sizes) const override {
    Draw draw(seed, 0xA0F);
    const int64_t page_bits = draw.between(6, 9);
    sizes.set("page_bits", page_bits);
    sizes.set("ring_bits", draw.between(1, 3));
    sizes.set("empty_pages", draw.odds(1, 4) ? 1 : 0);
    sizes.set("mutable_permille", draw.between(0, 9) * 100);
    sizes.set("sector_bits", draw.odds(2, 3) ? draw.between(3, 4) : draw.between(3, 9));
    const int64_t least = std::max(page_bits, sizes["sector_bits"]);
    sizes.set("segment_bits", draw.odds(1, 5) ? 20 : least + draw.between(0, 1));
    sizes.set("keep_frames", draw.between(0, 1));
    sizes.set("null_main", draw.odds(1, 12) ? 1 : 0);
    sizes.set("fast_commit", draw.odds(2, 3) ? 1 : 0);
    sizes.set("file_interval", draw.odds(2, 3) ? 1000 : draw.log_uniform(0, 6));
    sizes.set("tolerant", draw.odds(1, 3) ? 1 : 0);
    sizes.set("writers", draw.between(1, 4));
    const int64_t page = int64_t{1} << page_bits;
    sizes.set("payload_max", draw.between(8, std::min<int64_t>(page - 16, 80)));
    sizes.set("entries", draw.log_uniform(2, 6));
    sizes.set("commit_every", draw.odds(1, 4) ? 0 : draw.odds(1, 2) ? 1 : draw.log_uniform(0, 4));
    sizes.set("give_up_permille", draw.odds(1, 4) ? 0 : draw.log_uniform(6, 9));
    sizes.set("readers", draw.between(0, 3));
    sizes.set("openings", draw.odds(1, 3) ? 2 : 1);
    sizes.set("crashes", draw.between(1, 4));
    sizes.set("crash_steps", draw.log_uniform(8, 14));
    sizes.set("power_permille", draw.odds(2, 3) ? 1000 : 500);
    sizes.set("point_ns", 20);
    sizes.set("io_points", draw.log_uniform(5, 10));
    sizes.set("step_budget", 4'000'000);
    sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
    draw_retries(sizes);
    draw_fair_turns(sizes);
    if (draw.odds(1, 5)) make_tight(draw, sizes);
    if (draw.odds(1, 8)) end_often(draw, sizes);
  }

 private:
  // Pages that come and go under their readers, and some of them are lost.
  static void make_tight(Draw& draw, Sizes& sizes) {
    sizes.set("page_bits", 6);
    sizes.set("sector_bits", 3);
    sizes.set("segment_bits", draw.between(6, 8));
    sizes.set("ring_bits", 1);
    sizes.set("null_main", 0);
    sizes.set("payload_max", draw.between(8, 40));
    sizes.set("writers", 4);
    sizes.set("entries", draw.between(24, 48));
    sizes.set("give_up_permille", draw.odds(1, 2) ? 0 : draw.log_uniform(6, 9));
    sizes.set("readers", 3);
    sizes.set("tolerant", 1);
    sizes.set("io_attempts", 1);
  }

  // The last entry of a log is one that nobody commits, and readers wait for it.
  static void end_often(Draw& draw, Sizes& sizes) {
    sizes.set("openings", 8);
    sizes.set("crashes", 0);
    sizes.set("readers", 3);
    sizes.set("commit_every", 3);
    sizes.set("entries", draw.between(1, 3) * 3 + 1);
  }
};

// The number that an entry says, or 0.
int64_t number_in(engine::Bytes payload) {
  return static_cast<int64_t>(decode_value(payload).value_or(kNobody));
}

engine::Result<engine::Owned<engine::AppendLog>> begin_life(Stage& stage) {
  for (int attempt = 1;; ++attempt) {
    auto made = open_or_recover(stage);
    if (made) {
      read_everything(stage, **made);
      return made;
    }
    const engine::Errc code = made.error().code;
    const bool transient =
        code == engine::Errc::io || code == engine::Errc::no_memory || code == engine::Errc::exists;
    if (!transient || attempt == kAttempts) return made;
  }
}

engine::Result<engine::Owned<engine::AppendLog>> open_or_recover(Stage& stage) {
  engine::AppendLogOptions options = log_options(stage.sizes);
  options.bugs = &stage.bugs;
  auto recovered = engine::AppendLog::recover(stage.runtime, options);
  const engine::Errc code = recovered ? engine::Errc::ok : recovered.error().code;
  if (recovered) {
    const engine::LogAddr begin = (*recovered)->begin();
    engine::note(ledger::kRecovered, 0, begin, (*recovered)->committed_until());
    engine::note(ledger::kCookieRecovered, number_in((*recovered)->marks().cookie()));
    return recovered;
  }
  engine::note(ledger::kRecovered, static_cast<int64_t>(code));
  if (code != engine::Errc::not_found) return recovered;
  auto opened = engine::AppendLog::open(stage.runtime, options);
  if (opened) engine::note(ledger::kOpened, 0, (*opened)->begin());
  return opened;
}

void read_everything(Stage& stage, engine::AppendLog& log) {
  engine::AppendLogIterator iterator(stage.runtime, log, {});
  engine::Result<void> ready = iterator.initialise();
  engine::Errc code = ready ? engine::Errc::ok : ready.error().code;
  int failures = 0;
  while (ready) {
    const auto next = iterator.get_next();
    code = next ? engine::Errc::ok : next.error().code;
    if (next && !next->has_value()) break;
    if (next) {
      engine::note(ledger::kReadBack, number_in((*next)->payload), (*next)->address, (*next)->end);
    } else if (code == engine::Errc::corrupt || ++failures == kAttempts) {
      break;
    }
  }
  engine::note(ledger::kReadBackEnded, static_cast<int64_t>(code), iterator.next());
}

void work(Load& load) {
  Stage& stage = load.stage;
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
    spawn({"reader", i}, &read, &readers[i]);
  }
  if (stage.sizes["commit_every"] == 0) commit_for_all(&load);
  for (size_t i = 0; i < running; ++i) stage.runtime.tasks.join(joins[i]);
}

// Whatever the clients had appended so far gets durable together.
void commit_for_all(void* argument) {
  Load& load = *static_cast<Load*>(argument);
  engine::LogAddr from = load.log.committed_until();
  for (uint64_t round = 0; load.writing.load() > 0; ++round) {
    const engine::Actor actor({"commit-for-all", round});
    const auto until = load.log.commit(from);
    if (until) engine::note(ledger::kAcknowledged, from, *until);
    from = load.log.committed_until();
    load.stage.runtime.tasks.yield();
  }
}

// True if there was an entry, and nothing that ends a client for good.
bool append(Writer& writer, Draw& draw, uint64_t number, engine::Written& written) {
  Load& load = *writer.load;
  std::array<std::byte, kPayloadMax> room;
  const auto size = static_cast<size_t>(draw.between(8, load.stage.sizes["payload_max"]));
  const engine::Bytes payload = encode_value(number, size, room);
  const bool patient = draw.odds(3, 4);
  engine::note(ledger::kAsked, static_cast<int64_t>(number));
  if (!patient) {
    const auto tried = load.log.try_enqueue(payload);
    if (tried && tried->has_value()) {
      written = **tried;
      engine::note(ledger::kAppended, static_cast<int64_t>(number), written.address, written.end);
      return true;
    }
  }
  const auto appended = load.log.enqueue(payload);
  if (!appended) {
    engine::note(ledger::kRefused, static_cast<int64_t>(number));
    return false;
  }
  written = *appended;
  engine::note(ledger::kAppended, static_cast<int64_t>(number), written.address, written.end);
  return true;
}

void commit(Writer& writer, const engine::Written& written, uint64_t n) {
  Load& load = *writer.load;
  const auto every = static_cast<uint64_t>(load.stage.sizes["commit_every"]);
  if (writer.uncommitted_from == 0) writer.uncommitted_from = written.address;
  if (every == 0) {
    const auto durable = load.log.wait_commit(written);
    if (durable) engine::note(ledger::kAcknowledged, written.address, written.end);
    return;
  }
  if (n % every != 0) return;
  const engine::LogAddr from = std::exchange(writer.uncommitted_from, 0);
  const auto until = load.log.commit(from);
  if (!until) return;
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
  Load& load = *writer.load;
  engine::LogAddr address = writer.recent[static_cast<size_t>(draw.between(0, 7))];
  if (draw.odds(1, 4)) address = load.log.committed_until();
  if (address == 0) return;
  engine::note(ledger::kGivingUp, address);
  const auto given_up = load.log.truncate_until(address);
  CHECK(given_up, "an address of the log is none");
  writer.given_up = std::max(writer.given_up, address);
}

void write(void* argument) {
  Writer& writer = *static_cast<Writer*>(argument);
  Load& load = *writer.load;
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
    commit(writer, written, n);
    load.stage.scheduler.made_progress();
    if (draw.odds(static_cast<uint64_t>(sizes["give_up_permille"]), 1000)) give_up(writer, draw);
  }
  writer_ended(load);
}

// The last one sends the readers home.
void writer_ended(Load& load) {
  if (load.writing.fetch_sub(1) == 1) load.log.end_waits();
}

// Follows the tail until nobody writes any more.
void read(void* argument) {
  const Reader& reader = *static_cast<Reader*>(argument);
  Load& load = *reader.load;
  engine::IteratorOptions options;
  options.uncommitted = reader.uncommitted;
  options.from = load.log.begin();
  engine::AppendLogIterator iterator(load.stage.runtime, load.log, options);
  if (!iterator.initialise()) return;
  engine::note(ledger::kReaderBegins, reader.uncommitted ? 1 : 0, options.from);
  const uint16_t kind = reader.uncommitted ? ledger::kReadUncommitted : ledger::kReadCommitted;
  for (uint64_t n = 0, failures = 0; failures < 20; ++n) {
    const engine::Actor actor({"follow", n});
    const bool last = load.writing.load() == 0;
    const auto next = iterator.get_next();
    if (next && next->has_value()) {
      engine::note(kind, number_in((*next)->payload), (*next)->address, (*next)->end);
      load.stage.scheduler.made_progress();
    } else if (next && last) {
      return;
    } else if (next) {
      if (!iterator.wait_for_more()) ++failures;
    } else if (next.error().code == engine::Errc::corrupt) {
      engine::note(ledger::kReaderFailed, reader.uncommitted ? 1 : 0, next.error().where);
      return;
    } else {
      ++failures;
    }
  }
}

constexpr AppendLogScenario kScenario;

}  // namespace

const Scenario& append_log() { return kScenario; }

}  // namespace orrery::scenarios
