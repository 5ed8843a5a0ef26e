// SPDX-License-Identifier: Apache-2.0
// An error has a cause: a call of a client ends in one only if the world has failed the engine
// before, in a way that can lead to it; and with a code that it can lead to.
//
// What a life of the store knows of failures it has seen itself: the next one begins with what is
// on the disk, and no bytes there say that a request failed. So what fails a request or a name may
// be why a later call of the same life ends with io, and memory that was refused why one ends with
// no_memory. How long such a failure may have its effect, nobody asks: a log that could not be
// written stays as it is. Of the other codes a few are refusals that a call may answer with at any
// time, and the rest is believed as soon as anything has failed in the whole run. What a recovery
// says of damage is for those who know what is on the disk, and that it finds nothing, too.
#include <fmt/format.h>

#include "scenarios/ledger.hpp"
#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

using engine::Errc;
using ledger::Call;
using sim::Kind;

/// What has failed so far.
struct Causes {
  bool request = false;    // or a name; in this life
  bool memory = false;     // in this life
  bool cancelled = false;  // a request was; in this life
  bool any = false;        // in the run

  void take(const sim::Trace& trace, const sim::Event& event);
  bool explain(Errc code) const;
};

bool is_short(const sim::Trace& trace, const sim::Event& completed);
bool may_refuse(const Run& run, Call call, Errc code);

}  // namespace

Judgement judge_reasons(const Run& run, OracleScratch&) {
  const bool intact = !is_voided(run, sim::Promise::integrity);
  const auto& all = run.trace->events;
  Causes causes;
  for (size_t i = 0; i < all.size(); ++i) {
    causes.take(*run.trace, all[i]);
    if (all[i].kind != ledger::kFailed) continue;
    const auto call = static_cast<Call>(all[i].a);
    const auto code = static_cast<Errc>(all[i].b);
    const bool of_damage = code == Errc::corrupt || code == Errc::invalid;
    if (of_damage && (call == Call::recover || !intact)) continue;
    if (may_refuse(run, call, code) || causes.explain(code)) continue;
    Finding finding = finding_at(run, "reasons", i);
    finding.label = fmt::format("{} failed without a cause", ledger::name_of(call));
    finding.text =
        fmt::format("it ended with {}, and nothing that had failed until then can lead to that",
                    engine::name_of(code));
    if (call == Call::operation) finding.operations.push_back(static_cast<size_t>(all[i].c));
    return finding;
  }
  return {};
}

namespace {

void Causes::take(const sim::Trace& trace, const sim::Event& event) {
  switch (event.kind) {
    case static_cast<uint16_t>(Kind::io_completed):
      request = request || event.b == static_cast<int64_t>(Errc::io) || is_short(trace, event);
      cancelled = cancelled || event.b == static_cast<int64_t>(Errc::cancelled);
      break;
    case static_cast<uint16_t>(Kind::name_failed): request = true; break;
    case static_cast<uint16_t>(Kind::allocation_failed): memory = true; break;
    case static_cast<uint16_t>(Kind::crashed): request = memory = cancelled = false; break;
    default: break;
  }
  any = any || request || memory;
}

bool Causes::explain(Errc code) const {
  switch (code) {
    case Errc::io: return request;
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
bool may_refuse(const Run& run, Call call, Errc code) {
  if (call == Call::recover) return code == Errc::not_found;
  if (call != Call::start_checkpoint) return false;
  // A cache cannot be folded over, and no checkpoint is started while a store is emptied.
  if (code == Errc::invalid) return run.plan->scenario->is_cache(run.plan->sizes);
  return code == Errc::exists && run.plan->sizes.find("resets").value_or(0) > 0;
}

}  // namespace
}  // namespace orrery::scenarios
