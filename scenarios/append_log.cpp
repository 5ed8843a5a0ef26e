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
#include "scenarios/append_log.hpp"
#include "scenarios/append_log_load.hpp"
#include "scenarios/catalogue.hpp"
#include "scenarios/ledger.hpp"
#include "scenarios/store_stage.hpp"

namespace orrery::scenarios {
namespace {

constexpr int kLogAttempts = 4;  // at what a fault has ended

constexpr auto kAppendLogSizes = std::to_array<SizeRow>({
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
    {"shown_permille", 0, 1000, 0, "share of the entries that are shown to reader 2 at once"},
    {"openings", 1, 8, 1, "how often each life opens the log"},
    {"newcomers_permille", 0, 1000, 0, "share of the openings by who asks for a new log"},
    {"crashes", 0, 16, 1, "how often the process dies"},
    {"crash_steps", 1, 10'000'000, 10'000, "a life ends within so many steps"},
    {"power_permille", 0, 1000, 500, "share of the crashes that are losses of power"},
    {"point_ns", 1, 1000, 20, "virtual time of one point"},
    {"io_points", 1, 1000000, 100, "nominal latency of a request, in points"},
    {"step_budget", 1000, 1000000000, 4000000, "steps after which faults stop and turns are fair"},
    {"script", 0, INT64_MAX, 1, "names the clients' workload"},
});
constexpr std::array kAppendLogFaults{"power-loss",     "torn-write",    "io-error",
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

engine::AppendLogOptions log_options(const Stage& stage) {
  engine::AppendLogOptions options = log_options(stage.sizes);
  options.bugs = &stage.bugs;
  return options;
}

engine::Result<engine::Owned<engine::AppendLog>> begin_life(Stage& stage, bool newcomer);
engine::Result<engine::Owned<engine::AppendLog>> open_or_recover(Stage& stage);
engine::Result<engine::Owned<engine::AppendLog>> open_new(Stage& stage,
                                                          const engine::AppendLogOptions& options);
bool is_newcomer(const Stage& stage, int64_t opening);
void read_everything(Stage& stage, engine::AppendLog& log);
void make_tight(Draw& draw, Sizes& sizes);
void end_often(Draw& draw, Sizes& sizes);
void show(Draw& draw, Sizes& sizes);
void die_often(Draw& draw, Sizes& sizes);

class TheAppendLog final : public AppendLogScenario {
 public:
  const char* name() const override { return "append-log"; }
  const char* sentence() const override {
    return "an append-only log is written, committed, read and truncated, dies and recovers";
  }
};

}  // namespace

const Scenario& append_log() {
  static constexpr TheAppendLog scenario;
  return scenario;
}

std::span<const SizeRow> AppendLogScenario::sizes() const { return kAppendLogSizes; }
std::span<const char* const> AppendLogScenario::faults() const { return kAppendLogFaults; }

sim::Laws AppendLogScenario::laws(const Sizes& sizes) const {
  sim::Laws laws;
  laws.pace.point_ns = sizes["point_ns"];
  laws.pace.step_budget = static_cast<uint64_t>(sizes["step_budget"]);
  // A recovery is one operation, however many entries there are to look at.
  laws.pace.patience +=
      kPointsOfRecord * static_cast<uint64_t>(sizes["entries"] * sizes["writers"]);
  laws.disk.nominal_ns = sizes["point_ns"] * sizes["io_points"];
  return laws;
}

std::string AppendLogScenario::unfit(const Sizes& sizes) const {
  if (engine::entry_size(static_cast<size_t>(sizes["payload_max"])) > int64_t{1}
                                                                          << sizes["page_bits"]) {
    return "an entry of payload_max and its header must fit a page";
  }
  const bool reads_all = (sizes["readers"] & 2) != 0 && sizes["null_main"] == 0 &&
                         sizes["tolerant"] == 0 && sizes["give_up_permille"] == 0;
  if (sizes["shown_permille"] != 0 && !reads_all) {
    return "who shows entries needs a reader that misses none: with shown_permille, readers must "
           "be 2 or 3, and null_main, tolerant and give_up_permille 0";
  }
  const engine::Result<void> valid = engine::validate(log_options(sizes).ring);
  return valid ? std::string() : std::string(valid.error().what);
}

std::optional<Crash> AppendLogScenario::crash(const Sizes& sizes, uint32_t life) const {
  if (life >= sizes["crashes"]) return std::nullopt;
  const auto script = static_cast<uint64_t>(sizes["script"]);
  const auto range = static_cast<uint64_t>(sizes["crash_steps"]);
  const auto power = static_cast<uint64_t>(sizes["power_permille"]);
  return Crash{1 + sim::below(sim::mix(script, 0xDEAD, life), range),
               sim::below(sim::mix(script, 0x9039, life), 1000) < power};
}

void AppendLogScenario::play(Stage& stage) const {
  for (int64_t n = 0; n < stage.sizes["openings"]; ++n) {
    auto begun = begin_life(stage, is_newcomer(stage, n));
    if (!begun) return;
    engine::Owned<engine::AppendLog> log = std::move(begun).value();
    const auto opening = static_cast<uint64_t>(stage.life * stage.sizes["openings"] + n);
    play_append_load(stage, *log, opening);
    log->close();
    engine::note(ledger::kClosed);
  }
}

void AppendLogScenario::draw(uint64_t seed, Sizes& sizes) const {
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
  sizes.set("shown_permille", 0);
  sizes.set("openings", draw.odds(1, 3) ? 2 : 1);
  sizes.set("newcomers_permille", Draw(seed, 0xA10).odds(1, 6) ? 300 : 0);
  sizes.set("crashes", draw.between(1, 4));
  sizes.set("crash_steps", draw.log_uniform(8, 14));
  sizes.set("power_permille", draw.odds(2, 3) ? 1000 : 500);
  sizes.set("point_ns", 20);
  sizes.set("io_points", draw.log_uniform(5, 10));
  sizes.set("step_budget", 4'000'000);
  sizes.set("script", static_cast<int64_t>(draw.word() >> 2));
  draw_retries(sizes);
  draw_fair_turns(sizes);
  if (draw.odds(1, 4)) make_tight(draw, sizes);
  if (draw.odds(1, 8)) end_often(draw, sizes);
  if (draw.odds(1, 8)) show(draw, sizes);
  if (draw.odds(1, 12)) die_often(draw, sizes);
}

namespace {

// Pages that come and go under their readers, and some of them are lost.
void make_tight(Draw& draw, Sizes& sizes) {
  sizes.set("page_bits", 6);
  sizes.set("sector_bits", 3);
  sizes.set("segment_bits", draw.between(6, 8));
  sizes.set("ring_bits", 1);
  sizes.set("null_main", 0);
  sizes.set("payload_max", draw.between(8, 40));
  sizes.set("writers", draw.between(4, 8));
  sizes.set("entries", draw.between(24, 60));
  sizes.set("give_up_permille", draw.odds(1, 2) ? 0 : draw.log_uniform(6, 9));
  sizes.set("readers", 3);
  sizes.set("tolerant", 1);
  sizes.set("io_attempts", 1);
}

// The last entry of a log is one that nobody commits, and readers wait for it.
void end_often(Draw& draw, Sizes& sizes) {
  sizes.set("openings", 8);
  sizes.set("crashes", 0);
  sizes.set("readers", 3);
  sizes.set("commit_every", 3);
  sizes.set("entries", draw.between(1, 3) * 3 + 1);
}

// Where all entries are shown, nobody but the one who appends wakes the reader in the end.
void show(Draw& draw, Sizes& sizes) {
  sizes.set("shown_permille", draw.odds(1, 2) ? 1000 : draw.between(1, 3) * 250);
  sizes.set("readers", draw.between(2, 3));
  sizes.set("null_main", 0);
  sizes.set("tolerant", 0);
  sizes.set("give_up_permille", 0);
  if (sizes["commit_every"] == 0) sizes.set("commit_every", 1);
}

// What a life leaves behind its end fits what the next one writes, entry by entry.
void die_often(Draw& draw, Sizes& sizes) {
  sizes.set("null_main", 0);
  sizes.set("fast_commit", 1);
  sizes.set("payload_max", 8);
  sizes.set("writers", 4);
  sizes.set("entries", draw.between(12, 60));
  sizes.set("commit_every", 6);
  sizes.set("openings", 1);
  sizes.set("crashes", draw.between(8, 16));
  sizes.set("crash_steps", draw.between(1000, 3000));
  sizes.set("power_permille", 500);
}

engine::Result<engine::Owned<engine::AppendLog>> begin_life(Stage& stage, bool newcomer) {
  if (newcomer) {
    auto opened = open_new(stage, log_options(stage));
    if (opened) return opened;
  }
  for (int attempt = 1;; ++attempt) {
    auto made = open_or_recover(stage);
    if (made) {
      read_everything(stage, **made);
      return made;
    }
    const engine::Errc code = made.error().code;
    const bool transient =
        code == engine::Errc::io || code == engine::Errc::no_memory || code == engine::Errc::exists;
    if (!transient || attempt == kLogAttempts) return made;
  }
}

engine::Result<engine::Owned<engine::AppendLog>> open_or_recover(Stage& stage) {
  const engine::AppendLogOptions options = log_options(stage);
  auto recovered = engine::AppendLog::recover(stage.runtime, options);
  const engine::Errc code = recovered ? engine::Errc::ok : recovered.error().code;
  if (recovered) {
    const engine::LogAddr begin = (*recovered)->begin();
    engine::note(ledger::kRecovered, 0, begin, (*recovered)->committed_until());
    engine::note(ledger::kCookieRecovered, number_of_entry((*recovered)->marks().cookie()));
    return recovered;
  }
  engine::note(ledger::kRecovered, static_cast<int64_t>(code));
  ledger::note_failure(ledger::Call::recover, code);
  if (code != engine::Errc::not_found) return recovered;
  return open_new(stage, options);
}

engine::Result<engine::Owned<engine::AppendLog>> open_new(Stage& stage,
                                                          const engine::AppendLogOptions& options) {
  auto opened = engine::AppendLog::open(stage.runtime, options);
  if (ledger::succeeded(ledger::Call::open_log, opened)) {
    engine::note(ledger::kOpened, 0, (*opened)->begin());
  }
  return opened;
}

bool is_newcomer(const Stage& stage, int64_t opening) {
  const auto script = static_cast<uint64_t>(stage.sizes["script"]);
  const auto nth = static_cast<uint64_t>(stage.life * stage.sizes["openings"] + opening);
  const auto share = static_cast<uint64_t>(stage.sizes["newcomers_permille"]);
  return sim::below(sim::mix(script, 0x4E3C, nth), 1000) < share;
}

void read_everything(Stage& stage, engine::AppendLog& log) {
  engine::AppendLogIterator iterator(stage.runtime, log, {});
  const engine::Result<void> ready = iterator.initialise();
  (void)ledger::succeeded(ledger::Call::read_log, ready);
  engine::Errc code = ready ? engine::Errc::ok : ready.error().code;
  int failures = 0;
  while (ready) {
    const auto next = iterator.get_next();
    (void)ledger::succeeded(ledger::Call::read_log, next);
    code = next ? engine::Errc::ok : next.error().code;
    if (next && !next->has_value()) break;
    if (next) {
      engine::note(ledger::kReadBack, number_of_entry((*next)->payload), (*next)->address,
                   (*next)->end);
    } else if (code == engine::Errc::corrupt || ++failures == kLogAttempts) {
      break;
    }
  }
  engine::note(ledger::kReadBackEnded, static_cast<int64_t>(code), iterator.next());
}

}  // namespace
}  // namespace orrery::scenarios
