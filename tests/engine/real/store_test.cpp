// SPDX-License-Identifier: Apache-2.0
// The engine on the machine: real threads, real files, and the judges of the simulated world.
//
// Every history must be linearizable; every checkpoint, read by the independent reader from its
// files, must be readable, free of flaws, and the state at its version. Bounded by operations.
#include "engine/store/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "scenarios/oracles/linearizable.hpp"
#include "scenarios/oracles/snapshot_reader.hpp"
#include "tests/engine/real/checkpoint_on_disk.hpp"
#include "tests/engine/real/io_methods.hpp"
#include "tests/engine/real/native_load.hpp"
#include "tests/engine/real/temporary_folder.hpp"

#include "tests/catch.hpp"  // last: its CHECK replaces ours

using namespace orrery;
using scenarios::Linearizability;
using tests::NativeLoad;
using tests::NativeRun;

namespace {

// A cache may lose any key as soon as anything was evicted: when is not known from outside. So the
// head passes everything at the start, and again at each instant, for writes of unknown address.
scenarios::Eviction eviction_of(const NativeLoad& load, const NativeRun& run,
                                std::vector<scenarios::HeadMove>& moves) {
  if (!load.options.main_is_null || !run.evicted) return {};
  moves.clear();
  const auto last = static_cast<int64_t>(run.operations.back().returned) + 1;
  for (int64_t step = 0; step <= last; ++step) {
    moves.push_back({static_cast<uint64_t>(step), engine::kAddrEnd + step});
  }
  return {true, moves};
}

// The serial of a session is the number of its operations that the checkpoint contains.
std::string judge_serials(const NativeRun& run, const tests::NativeCheckpoint& taken,
                          const scenarios::Checkpoint& checkpoint) {
  for (const scenarios::SessionMark& session : checkpoint.sessions) {
    uint64_t least = 0;
    uint64_t most = 0;
    for (const scenarios::Operation& operation : run.operations) {
      if (operation.client != session.id || operation.version > checkpoint.version) continue;
      if (operation.invoked > taken.written_by) continue;
      ++most;
      least += operation.returned < taken.written_by ? 1 : 0;
    }
    if (session.serial < least || session.serial > most) {
      return fmt::format("session {} has serial {}, but did {} to {}", session.id, session.serial,
                         least, most);
    }
  }
  return "ok";
}

/// Who wrote what was found, and where it was found: for whoever has to understand a failure.
std::string witnesses(const NativeRun& run, const scenarios::SnapshotReader& reader, uint64_t key) {
  const scenarios::Checkpoint& cut = reader.checkpoint();
  std::string text = fmt::format("; start {} snapshot {} flushed {} final {} head {}", cut.start,
                                 cut.snapshot_start, cut.flushed, cut.final, cut.head);
  std::optional<uint64_t> number;
  for (const scenarios::RecoveredEntry& entry : reader.entries()) {
    if (scenarios::decode_key(entry.key) != key) continue;
    number = scenarios::decode_value(entry.value);
    text += fmt::format("; found at {}", entry.address);
  }
  for (const scenarios::Operation& operation : run.operations) {
    if (operation.key != key || operation.version + 1 < cut.version) continue;
    if (operation.version > cut.version + 1) continue;
    text += fmt::format("\n{} {} by {} in {}: {}-{} at {} -> {}{}",
                        operation.result == number || operation.argument == number ? '*' : ' ',
                        static_cast<int>(operation.kind), operation.client, operation.version,
                        operation.invoked, operation.returned, operation.address,
                        scenarios::name_of_number(operation.result),
                        operation.outcome == scenarios::Outcome::ok ? "" : " (not found)");
  }
  return text;
}

std::string judge_checkpoint(const std::string& folder, const NativeLoad& load,
                             const NativeRun& run, const tests::NativeCheckpoint& taken) {
  tests::CheckpointOnDisk files;
  const bool readable =
      files.read(fmt::format("{}/{}", folder, load.options.prefix), taken.result.token);
  const scenarios::SnapshotReader& reader = files.reader();
  if (!readable) return "cannot be read: " + reader.findings()[0].text;
  if (!reader.findings().empty()) return "has a flaw: " + reader.findings()[0].text;
  if (reader.checkpoint().version != taken.result.info.version) return "is of another version";
  const std::string serials = judge_serials(run, taken, reader.checkpoint());
  if (serials != "ok") return serials;
  const auto found = files.found();
  if (!found) return "holds a key that nobody wrote";
  std::vector<scenarios::HeadMove> moves;
  const scenarios::Eviction eviction = eviction_of(load, run, moves);
  const scenarios::Cut cut{reader.checkpoint().version, taken.written_by};
  scenarios::LinearizabilityChecker checker(50'000'000);
  const auto report = checker.check_final(run.operations, eviction, cut, *found);
  if (report.verdict == Linearizability::ok) return "ok";
  return report.text + witnesses(run, reader, report.key);
}

// All was committed at the end: what is recovered is what was read last.
std::string judge_replay(engine::Machine& machine, const NativeLoad& load, const NativeRun& run) {
  for (const scenarios::Operation& now : recover_natively(machine, load)) {
    const auto last = std::find_if(run.operations.rbegin(), run.operations.rend(),
                                   [&](const auto& one) { return one.key == now.key; });
    if (last->outcome == now.outcome && last->result == now.result && !now.garbage) continue;
    return fmt::format("key {} is recovered as another", now.key);
  }
  return "ok";
}

/// "ok", or the first thing that was wrong.
std::string verdict_on(const engine::MachineOptions& options, const NativeLoad& load) {
  const std::string& folder = options.folder;
  auto machine = engine::Machine::open(options);
  if (!machine) return "no machine";
  const NativeRun run = play_natively(**machine, load);
  if (run.failures != 0) return fmt::format("{} things failed", run.failures);
  if ((*machine)->frames().live_count() != 0) return "a frame was left";
  scenarios::LinearizabilityChecker checker(50'000'000);
  std::vector<scenarios::HeadMove> moves;
  const auto report = checker.check(run.operations, eviction_of(load, run, moves));
  if (report.verdict != Linearizability::ok) return "not linearizable: " + report.text;
  if (run.checkpoints.size() != load.checkpoints) return "a checkpoint is missing";
  for (const tests::NativeCheckpoint& taken : run.checkpoints) {
    const std::string verdict = judge_checkpoint(folder, load, run, taken);
    if (verdict != "ok") return fmt::format("checkpoint {}: {}", taken.result.token, verdict);
  }
  return load.options.log_operations ? judge_replay(**machine, load, run) : "ok";
}

/// The same, in every way in which requests can be carried out.
std::string verdict_of(const NativeLoad& load, unsigned io_threads = 4) {
  for (const tests::IoWay& way : tests::io_ways()) {
    const tests::TemporaryFolder folder;
    const std::string verdict =
        verdict_on({folder.path(), io_threads, way.method, way.direct, false}, load);
    if (verdict != "ok") return fmt::format("{}: {}", way.name, verdict);
  }
  return "ok";
}

/// Sixteen small pages and few buckets: the ring turns, latches and chains are shared.
NativeLoad small_load() {
  NativeLoad load;
  load.options.page_bits = 10;
  load.options.memory_bits = 14;
  load.options.mutable_permille = 500;
  load.options.index_bits = 3;
  load.options.segment_bits = 24;
  load.options.epoch_slots = 32;
  load.options.parked_pages_max = 4;
  return load;
}

}  // namespace

TEST_CASE("natively: on a device, every history and every checkpoint is right", "[native]") {
  for (const bool barrier : {false, true}) {
    for (const int throttle_ms : {-1, 0}) {
      for (const bool keep_frames : {true, false}) {
        NativeLoad load = small_load();
        load.options.version_barrier = barrier;
        load.options.throttle_ms = throttle_ms;
        load.options.keep_frames = keep_frames;
        load.flush_every = keep_frames ? 100 : 0;
        INFO("barrier " << barrier << ", throttle " << throttle_ms << ", keep " << keep_frames);
        REQUIRE(verdict_of(load) == "ok");
      }
    }
  }
}

TEST_CASE("natively: a cache loses what it evicts, and nothing else is wrong", "[native]") {
  for (const bool barrier : {false, true}) {
    for (const int throttle_ms : {-1, 0}) {
      NativeLoad load = small_load();
      load.options.main_is_null = true;
      load.options.version_barrier = barrier;
      load.options.throttle_ms = throttle_ms;
      load.options.keep_frames = barrier;
      INFO("barrier " << barrier << ", throttle " << throttle_ms);
      REQUIRE(verdict_of(load) == "ok");
    }
  }
}

TEST_CASE("natively: what stays in memory is exact, also in a cache", "[native]") {
  for (const bool null_main : {false, true}) {
    NativeLoad load = small_load();
    load.options.memory_bits = 22;
    load.options.main_is_null = null_main;
    load.options.throttle_ms = 1;
    load.checkpoints = 2;
    load.keys = 8;  // everybody wants the same few
    load.value_max = 16;
    INFO("null " << null_main);
    REQUIRE(verdict_of(load) == "ok");
  }
}

TEST_CASE("natively: pages larger than a copy's piece, and one thread for requests", "[native]") {
  NativeLoad load = small_load();
  load.options.page_bits = 17;
  load.options.memory_bits = 20;
  load.value_max = 500;
  load.keys = 2000;
  load.options.index_bits = 8;
  REQUIRE(verdict_of(load, 1) == "ok");
}

TEST_CASE("natively: what is logged is recovered, with and without a checkpoint", "[native]") {
  for (const bool fast : {false, true}) {
    for (const uint64_t checkpoints : {uint64_t{0}, uint64_t{3}}) {
      NativeLoad load = small_load();
      load.options.log_operations = true;
      load.options.log_page_bits = 10;
      load.options.log_memory_bits = 13;
      load.options.log_fast_commit = fast;
      load.operations = 2'000;
      load.commit_every = 50;
      load.checkpoints = checkpoints;
      INFO("fast " << fast << ", checkpoints " << checkpoints);
      REQUIRE(verdict_of(load) == "ok");
    }
  }
}

TEST_CASE("natively: reads that copy change nothing that anybody can see", "[native]") {
  for (const bool null_main : {false, true}) {
    for (const auto copy : {engine::CopyReads::from_device, engine::CopyReads::from_immutable}) {
      NativeLoad load = small_load();
      load.options.main_is_null = null_main;
      load.options.copy_reads = copy;
      INFO("null " << null_main << ", copy " << static_cast<int>(copy));
      REQUIRE(verdict_of(load) == "ok");
    }
  }
}

TEST_CASE("natively: a store is emptied under its sessions, with a log and without", "[native]") {
  for (const bool logs : {false, true}) {
    NativeLoad load = small_load();
    load.options.copy_reads = engine::CopyReads::from_immutable;
    load.options.log_operations = logs;
    load.options.log_page_bits = 10;
    load.options.log_memory_bits = 13;
    load.operations = 2'000;
    load.flush_every = 100;
    load.commit_every = logs ? 50 : 0;
    load.checkpoints = 0;
    load.resets = 6;
    load.options.keep_frames = logs;  // without a log they are given back: nobody may look at them
    INFO("logs " << logs);
    REQUIRE(verdict_of(load) == "ok");
  }
}
