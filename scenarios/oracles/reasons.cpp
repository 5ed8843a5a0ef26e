// SPDX-License-Identifier: Apache-2.0
// An error has a cause: a call of a client ends in one only if the world has failed the engine
// before, in a way that can lead to it; and with a code that it can lead to.
//
// What a life of the store knows of failures it has seen itself: the next one begins with what is
// on the disk, and no bytes there say that a request failed. So what fails a request or a name may
// be why a later call of the same life ends with io, and memory that was refused why one ends with
// no_memory. A recovery reads the main log again, as often as its policy says, before one read that
// failed is a cause. How long a failure may have its effect, nobody asks: a log that could not be
// written stays as it is. Of the other codes a few are refusals that a call may answer with at any
// time, and the rest is believed as soon as anything has failed in the whole run. What a recovery
// says of damage is for those who know what is on the disk, and that it finds nothing, too.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "scenarios/ledger.hpp"
#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

using engine::Errc;
using sim::Kind;

/// What has failed so far.
struct Causes {
  bool other = false;      // a request or a name, but for reads of the main log; in this life
  bool memory = false;     // in this life
  bool cancelled = false;  // a request was; in this life
  bool any = false;        // in the run
  bool begun = false;      // a log may have been, in the run

  std::map<uint64_t, int64_t> main_reads;  // how often, by their offset; in this life

  /// Any request or name.
  bool request() const { return other || !main_reads.empty(); }
  void take(const sim::Trace& trace, const sim::Event& event);
  void take_request(const sim::Trace& trace, const sim::Event& completed);
  bool explain(Errc code) const;
  bool explain_recovery(const Sizes& sizes) const;
};

bool is_short(const sim::Trace& trace, const sim::Event& completed);
bool may_refuse(const Run& run, ledger::Call call, Errc code, bool begun);

}  // namespace

Judgement judge_reasons(const Run& run, OracleScratch&) {
  const bool intact = !is_voided(run, sim::Promise::integrity);
  const auto& all = run.trace->events;
  Causes causes;
  for (size_t i = 0; i < all.size(); ++i) {
    causes.take(*run.trace, all[i]);
    if (all[i].kind != ledger::kFailed) continue;
    const auto call = static_cast<ledger::Call>(all[i].a);
    const auto code = static_cast<Errc>(all[i].b);
    const bool of_damage = code == Errc::corrupt || code == Errc::invalid;
    if (of_damage && (call == ledger::Call::recover || !intact)) continue;
    const bool tries_again = call == ledger::Call::recover && code == Errc::io;
    const bool explained =
        tries_again ? causes.explain_recovery(run.plan->sizes) : causes.explain(code);
    if (may_refuse(run, call, code, causes.begun) || explained) continue;
    Finding finding = finding_at(run, "reasons", i);
    finding.label = fmt::format("{} failed without a cause", ledger::name_of(call));
    finding.text =
        fmt::format("it ended with {}, and nothing that had failed until then can lead to that",
                    engine::name_of(code));
    if (call == ledger::Call::operation) {
      finding.operations.push_back(static_cast<size_t>(all[i].c));
    }
    return finding;
  }
  return {};
}

namespace {

void Causes::take(const sim::Trace& trace, const sim::Event& event) {
  switch (event.kind) {
    case static_cast<uint16_t>(Kind::io_completed): take_request(trace, event); break;
    case static_cast<uint16_t>(Kind::name_failed): other = true; break;
    case static_cast<uint16_t>(Kind::allocation_failed): memory = true; break;
    case ledger::kOpened: begun = true; break;
    case static_cast<uint16_t>(Kind::crashed):
      begun = true;
      other = memory = cancelled = false;
      main_reads.clear();
      break;
    default: break;
  }
  any = any || request() || memory;
}

void Causes::take_request(const sim::Trace& trace, const sim::Event& completed) {
  cancelled = cancelled || completed.b == static_cast<int64_t>(Errc::cancelled);
  if (completed.b != static_cast<int64_t>(Errc::io) && !is_short(trace, completed)) return;
  const auto number = static_cast<size_t>(completed.a);
  const sim::IoRecord* const asked =
      number < trace.requests.size() ? &trace.requests[number] : nullptr;
  const bool main_read = asked != nullptr &&
                         asked->kind == static_cast<uint8_t>(engine::IoKind::read) &&
                         std::string_view(asked->device).ends_with("/hlog");
  if (main_read) {
    ++main_reads[asked->offset];
  } else {
    other = true;
  }
}

bool Causes::explain_recovery(const Sizes& sizes) const {
  const int64_t attempts = sizes.find("io_attempts").value_or(1);
  return other || std::any_of(main_reads.begin(), main_reads.end(),
                              [&](const auto& read) { return read.second >= attempts; });
}

bool Causes::explain(Errc code) const {
  switch (code) {
    case Errc::io: return request();
    case Errc::no_memory: return memory;
    case Errc::cancelled: return cancelled;
    case Errc::not_found:
    case Errc::exists:
    case Errc::corrupt:
    case Errc::invalid:
    case Errc::uncertain: return any;
    case Errc::ok:
    case Errc::no_space:   // no disk is ever full
    case Errc::too_large:  // sizes of which nothing fits are unfit
      return false;
  }
  return false;
}

bool is_short(const sim::Trace& trace, const sim::Event& completed) {
  if (completed.b != static_cast<int64_t>(Errc::ok)) return false;
  const auto request = static_cast<size_t>(completed.a);
  if (request >= trace.requests.size()) return false;
  return static_cast<uint64_t>(completed.c) < trace.requests[request].length;
}

// Whatever happened: it is no failure.
bool may_refuse(const Run& run, ledger::Call call, Errc code, bool begun) {
  if (call == ledger::Call::recover) return code == Errc::not_found;
  // Somebody asks for a new log where one may have been begun.
  if (call == ledger::Call::open_log && code == Errc::exists && begun) {
    return run.plan->sizes.find("newcomers_permille").value_or(0) > 0;
  }
  if (call != ledger::Call::start_checkpoint) return false;
  // A cache cannot be folded over, and no checkpoint is started while a store is emptied.
  if (code == Errc::invalid) return run.plan->scenario->is_cache(run.plan->sizes);
  return code == Errc::exists && run.plan->sizes.find("resets").value_or(0) > 0;
}

}  // namespace
}  // namespace orrery::scenarios
