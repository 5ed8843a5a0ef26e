// SPDX-License-Identifier: Apache-2.0
#include "reports/sentences.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/store/boundaries.hpp"
#include "engine/store/checkpoint.hpp"
#include "engine/store/events.hpp"
#include "reports/engine_sentences.hpp"
#include "reports/log_sentences.hpp"
#include "reports/words.hpp"

namespace orrery::reports {
namespace {

using scenarios::Run;
using sim::Event;
using sim::Kind;
using sim::Taken;
namespace events = engine::events;

constexpr const char* kIoKinds[] = {"read", "write", "sync"};

std::string world_sentence(const Run& run, const Event& event);
std::string schedule_sentence(const Run& run, const Taken& taken);
std::string power_sentence(const Taken& taken);
std::string tear_sentence(const Taken& taken);
std::string image_sentence(const Taken& taken);
std::string edge_sentence(const Taken& taken);
const char* part_text(uint64_t landing);
std::string decay_sentence(const Taken& taken);
bool is_of_power_loss(sim::Ask ask);
std::string io_sentence(const Run& run, const Taken& taken);
std::string completion_sentence(const Run& run, const Event& e);
std::string submit_sentence(const Run& run, uint64_t request);
const char* error_way(uint64_t answer);
const char* kind_of_io(uint8_t kind) { return kind < 3 ? kIoKinds[kind] : "request"; }
size_t first_event_at(const Run& run, uint64_t step);
size_t submission_of(const Run& run, const Taken& taken);
bool is_request(const sim::IoRecord& record, const sim::ActorId& actor);

}  // namespace

std::string sentence_of(const Run& run, const Event& event) {
  std::string text = log_sentence(event);
  if (!text.empty()) return text;
  text = event.kind >= 1000 ? world_sentence(run, event) : engine_sentence(run, event);
  if (!text.empty()) return text;
  const std::string_view name = events::name_of(event.kind);
  return fmt::format("{} {} {} {}", name.empty() ? fmt::format("event {}", event.kind) : name,
                     event.a, event.b, event.c);
}

bool is_short(const Run& run, const Event& event) {
  const auto request = static_cast<uint64_t>(event.a);
  if (event.kind != static_cast<uint16_t>(Kind::io_completed)) return false;
  if (event.b != static_cast<int64_t>(engine::Errc::ok)) return false;
  if (request >= run.trace->requests.size()) return false;
  return static_cast<uint64_t>(event.c) < run.trace->requests[request].length;
}

std::string sentence_of(const Run& run, const Taken& taken) {
  switch (taken.at.ask) {
    case sim::Ask::preempt:
    case sim::Ask::next: return schedule_sentence(run, taken);
    case sim::Ask::allocate:
      return fmt::format("{} was refused memory, a frame or a task at its {} point",
                         name_of(taken.at.actor), ordinal(taken.at.occurrence + 1));
    case sim::Ask::name:
      return fmt::format("a name that {} worked on failed it at its {} point, {}",
                         name_of(taken.at.actor), ordinal(taken.at.occurrence + 1),
                         taken.value == 1 ? "without effect" : "after all of it");
    case sim::Ask::power: return power_sentence(taken);
    case sim::Ask::tear: return tear_sentence(taken);
    case sim::Ask::image: return image_sentence(taken);
    case sim::Ask::edge: return edge_sentence(taken);
    case sim::Ask::rot:
    case sim::Ask::cut:
    case sim::Ask::directory: return decay_sentence(taken);
    case sim::Ask::wake:
      return fmt::format(
          "{} was woken before the one that had waited longest, at the {} point of {}",
          name_of(taken.task), ordinal(taken.at.occurrence + 1), name_of(taken.at.actor));
    case sim::Ask::spurious:
      return fmt::format("a wait of {} ended for no reason at its {} point",
                         name_of(taken.at.actor), ordinal(taken.at.occurrence + 1));
    case sim::Ask::latency:
    case sim::Ask::transfer:
    case sim::Ask::delivery:
    case sim::Ask::error:
    case sim::Ask::shortfall: return io_sentence(run, taken);
  }
  return "something that has no name yet";
}

std::string address_text(const Run& run, int64_t address) {
  const auto bits = run.plan != nullptr ? run.plan->sizes.find("page_bits") : std::nullopt;
  if (!bits || *bits < 1 || *bits > 40 || address < 0) return grouped(address);
  const int64_t page = address >> *bits;
  const int64_t offset = address & ((int64_t{1} << *bits) - 1);
  if (offset == 0) return fmt::format("{} (page {})", grouped(address), grouped(page));
  return fmt::format("{} (page {} + {})", grouped(address), grouped(page), grouped(offset));
}

std::string request_text(const Run& run, uint64_t request) {
  const auto& requests = run.trace->requests;
  if (request >= requests.size()) return fmt::format("request {}", request);
  const sim::IoRecord& record = requests[request];
  const char* const kind = kind_of_io(record.kind);
  if (record.kind == static_cast<uint8_t>(engine::IoKind::sync)) {
    return fmt::format("the {} of {}", kind, record.device);
  }
  std::string text = fmt::format("the {} of {} at {} of {}", kind, counted(record.length, "byte"),
                                 grouped(record.offset), record.device);
  if (record.generation != 0 && record.generation <= run.trace->lifetimes.size()) {
    text += fmt::format(" (page {})", grouped(run.trace->lifetimes[record.generation - 1].page));
  }
  return text;
}

const char* boundary_name(int64_t which) {
  switch (static_cast<engine::Boundary>(which)) {
    case engine::Boundary::begin: return "begin";
    case engine::Boundary::head: return "head";
    case engine::Boundary::safe_head: return "safe_head";
    case engine::Boundary::closed: return "closed_until";
    case engine::Boundary::flushed: return "flushed_until";
    case engine::Boundary::safe_ro: return "safe_ro";
    case engine::Boundary::ro: return "ro";
  }
  return "a boundary without a name";
}

std::string phase_text(int64_t phase, int64_t version) {
  return fmt::format("{}({})", engine::name_of(static_cast<engine::Phase>(phase)), version);
}

std::string errc_text(int64_t code) {
  return std::string(engine::name_of(static_cast<engine::Errc>(code)));
}

bool is_by_device(const Event& event) {
  const auto kind = static_cast<Kind>(event.kind);
  return kind == Kind::io_transferred || kind == Kind::io_synced;
}

uint64_t request_of(const Run& run, const Taken& taken) {
  const size_t at = submission_of(run, taken);
  return at == kNoEvent ? UINT64_MAX : static_cast<uint64_t>(run.trace->events[at].a);
}

size_t event_of(const Run& run, const Taken& taken) {
  const auto& all = run.trace->events;
  Kind wanted = Kind::io_submitted;
  if (taken.at.ask == sim::Ask::preempt || taken.at.ask == sim::Ask::next) {
    wanted = Kind::task_switched;
  } else if (taken.at.ask == sim::Ask::allocate) {
    wanted = Kind::allocation_failed;
  } else if (taken.at.ask == sim::Ask::name) {
    wanted = Kind::name_failed;
  } else if (is_of_power_loss(taken.at.ask)) {
    wanted = Kind::crashed;
  } else if (sim::decay_of(taken.at.ask) != sim::Decay::Kind::none) {
    wanted = Kind::decayed;
  }
  if (wanted == Kind::io_submitted) return submission_of(run, taken);
  const size_t first = first_event_at(run, taken.step);
  for (size_t i = first; i < all.size() && all[i].step == taken.step; ++i) {
    if (all[i].kind != static_cast<uint16_t>(wanted)) continue;
    if (wanted != Kind::decayed || sim::is_made_by(all[i], taken)) return i;
  }
  return first < all.size() ? first : kNoEvent;
}

sim::Site site_of(const Run& run, const Taken& taken) {
  const size_t at = event_of(run, taken);
  if (at == kNoEvent) return {};
  const Event& event = run.trace->events[at];
  if (event.kind != static_cast<uint16_t>(Kind::task_switched)) return event.site;
  // The point where the task stopped stands right before, at the same step.
  for (size_t i = at; i-- > 0 && run.trace->events[i].step + 1 >= event.step;) {
    const Event& before = run.trace->events[i];
    if (before.task == event.task && is_known(before.site)) return before.site;
  }
  return {};
}

namespace {

std::string world_sentence(const Run& run, const Event& e) {
  const sim::Trace& trace = *run.trace;
  switch (static_cast<Kind>(e.kind)) {
    case Kind::task_spawned: return "starts " + name_of_task(trace, static_cast<uint32_t>(e.a));
    case Kind::task_ended: return name_of_task(trace, static_cast<uint32_t>(e.a)) + " ends";
    case Kind::task_switched:
      return fmt::format("stops; {} runs", name_of_task(trace, static_cast<uint32_t>(e.a)));
    case Kind::frame_acquired:
      return fmt::format("takes a frame for page {} (lifetime {})", grouped(e.a), e.b);
    case Kind::frame_retired:
      return fmt::format("retires the frame of page {} (lifetime {})", grouped(e.a), e.b);
    case Kind::io_submitted: return submit_sentence(run, static_cast<uint64_t>(e.a));
    case Kind::io_transferred:
      return fmt::format("request {} transfers {} at {}", e.a,
                         counted(static_cast<uint64_t>(e.c), "byte"), grouped(e.b));
    case Kind::io_completed: return completion_sentence(run, e);
    case Kind::io_synced: return fmt::format("request {} makes all accepted durable", e.a);
    case Kind::allocation_failed:
      return fmt::format("is refused {}", counted(static_cast<uint64_t>(e.a), "byte"));
    case Kind::name_failed: {
      constexpr const char* kCalls[] = {"opening a name", "removing a name", "syncing all names",
                                        "listing names"};
      const char* const call = e.a >= 0 && e.a < 4 ? kCalls[e.a] : "a call about names";
      return fmt::format("{} fails{}", call, e.b != 0 ? ", after all of it" : "");
    }
    case Kind::crashed: return e.a != 0 ? "the power is lost" : "the process dies";
    case Kind::decayed: {
      const std::string_view file = sim::decayed_file(trace, e);
      if (e.a == static_cast<int64_t>(sim::Decay::Kind::flip)) {
        return fmt::format("{} has another bit {}", file, grouped(e.b));
      }
      if (e.a == static_cast<int64_t>(sim::Decay::Kind::gone)) {
        return fmt::format("{} is gone, with {}", file,
                           counted(static_cast<uint64_t>(e.b), "file"));
      }
      return fmt::format("{} has {} left", file, counted(static_cast<uint64_t>(e.b), "byte"));
    }
    case Kind::point:
      return fmt::format("{} point of its actor", ordinal(static_cast<uint64_t>(e.a) + 1));
    default: return {};
  }
}

// The switch that it caused knows which task had to stop.
std::string schedule_sentence(const Run& run, const Taken& taken) {
  std::string stopped = "the one in turn";
  const size_t at = event_of(run, taken);
  if (at != kNoEvent) {
    const Event& event = run.trace->events[at];
    if (event.kind == static_cast<uint16_t>(Kind::task_switched) && event.step == taken.step) {
      stopped = name_of_task(*run.trace, static_cast<uint32_t>(event.b));
    }
  }
  const std::string point = ordinal(taken.at.occurrence + 1);
  if (taken.at.ask == sim::Ask::preempt) {
    return fmt::format("{} ran instead of {} at the {} point of {}", name_of(taken.task), stopped,
                       point, name_of(taken.at.actor));
  }
  return fmt::format(
      "{} ran instead of the longest waiter when {} stopped after the {} point of {}",
      name_of(taken.task), stopped, point, name_of(taken.at.actor));
}

std::string io_sentence(const Run& run, const Taken& taken) {
  const uint64_t request = request_of(run, taken);
  const std::string what =
      request == UINT64_MAX ? "the " + name_of(taken.at.actor) : request_text(run, request);
  const uint64_t value = taken.value;
  switch (taken.at.ask) {
    case sim::Ask::latency:
      if (value <= 8) return fmt::format("{} took {}/8 of its nominal latency", what, value);
      return fmt::format("{} took {} times its nominal latency", what,
                         grouped(uint64_t{1} << (value - 8)));
    case sim::Ask::transfer:
      if (value <= 7) {
        return fmt::format("{} was transferred {}/8 of its latency before it completed", what,
                           value);
      }
      return fmt::format(
          "{} was transferred in two parts, the first {}/8 of its latency before it"
          " completed",
          what, value - 7);
    case sim::Ask::delivery:
      return fmt::format("{} completed at once, inside the call that submitted it", what);
    case sim::Ask::error: return fmt::format("{} failed, {}", what, error_way(value));
    case sim::Ask::shortfall: return fmt::format("{} transferred fewer bytes than asked", what);
    default: return what;
  }
}

// The label says what it was that met its fate: a name, a request in flight, or a pending write.
std::string tear_sentence(const Taken& taken) {
  return fmt::format("of the write at {} of {}, which no sync covered, only {} outlived the power",
                     grouped(taken.at.actor.name.number), taken.at.actor.name.label,
                     part_text(taken.value));
}

std::string image_sentence(const Taken& taken) {
  if (taken.value <= 1) return "the loss of power took every write that no sync covered";
  const uint64_t spared = taken.value - 1;
  return fmt::format(
      "of the writes that no sync covered only the first {} to be accepted outlived"
      " the power",
      spared == 1 ? "one" : grouped(spared));
}

std::string edge_sentence(const Taken& taken) {
  return fmt::format(
      "of the last write to be accepted that outlived the power, which no sync"
      " covered, only {} did",
      part_text(taken.value));
}

const char* part_text(uint64_t landing) {
  constexpr const char* kParts[] = {"all of its sectors", "the first half of its sectors",
                                    "the last half of its sectors", "every other of its sectors"};
  return landing < std::size(kParts) ? kParts[landing] : "some of its sectors";
}

bool is_of_power_loss(sim::Ask ask) {
  return ask == sim::Ask::power || ask == sim::Ask::tear || ask == sim::Ask::image ||
         ask == sim::Ask::edge;
}

std::string decay_sentence(const Taken& taken) {
  const std::string_view file = sim::file_at_rest(taken);
  const uint64_t number = taken.value - 1;
  if (taken.at.ask == sim::Ask::directory) {
    return fmt::format("{} was gone when the power came back", file);
  }
  if (taken.at.ask == sim::Ask::rot) {
    return fmt::format("bit {} of byte {} of {} was another one when the power came back",
                       number % 8, grouped(number / 8), file);
  }
  if (number == 0) return fmt::format("{} was empty when the power came back", file);
  return fmt::format("only {} of {} {} left when the power came back",
                     number == 1 ? "the first sector" : "the first " + counted(number, "sector"),
                     file, number == 1 ? "was" : "were");
}

std::string power_sentence(const Taken& taken) {
  const std::string_view label = taken.at.actor.name.label;
  const auto what = [&](std::string_view prefix) { return label.substr(prefix.size()); };
  if (label.starts_with("made:")) {
    return fmt::format("the name {}, not yet synced, was lost with the power", what("made:"));
  }
  if (label.starts_with("removed:")) {
    return fmt::format("the removal of {}, not yet synced, was undone by the loss of power",
                       what("removed:"));
  }
  const uint64_t offset = taken.at.actor.name.number;
  if (label.starts_with("write:")) {
    return fmt::format("the write at {} of {}, in flight at the crash, landed {}", grouped(offset),
                       what("write:"), taken.value == 1 ? "by half" : "wholly");
  }
  return fmt::format("the pending write at {} of {} was lost with the power", grouped(offset),
                     label);
}

std::string completion_sentence(const Run& run, const Event& e) {
  const std::string text = fmt::format("request {} completes: {}", e.a, errc_text(e.b));
  return is_short(run, e) ? fmt::format("{}, but with {} only", text,
                                        counted(static_cast<uint64_t>(e.c), "byte"))
                          : text;
}

std::string submit_sentence(const Run& run, uint64_t request) {
  if (request >= run.trace->requests.size()) return fmt::format("submits request {}", request);
  const sim::IoRecord& record = run.trace->requests[request];
  std::string_view device = record.device;
  device.remove_prefix(device.rfind('/') == std::string_view::npos ? 0 : device.rfind('/') + 1);
  if (record.kind == static_cast<uint8_t>(engine::IoKind::sync)) {
    return fmt::format("submits request {}: sync {}", request, device);
  }
  return fmt::format("submits request {}: {} {} at {} of {}", request, kind_of_io(record.kind),
                     counted(record.length, "byte"), grouped(record.offset), device);
}

// The answers of faults/io_error.cpp.
const char* error_way(uint64_t answer) {
  switch (answer) {
    case 1: return "refused at submit";
    case 2: return "before it had any effect";
    case 3: return "after half of its effect";
    case 4: return "after all of its effect";
    default: return "in a way that has no name yet";
  }
}

size_t first_event_at(const Run& run, uint64_t step) {
  const auto& all = run.trace->events;
  const auto found = std::partition_point(all.begin(), all.end(),
                                          [&](const Event& event) { return event.step < step; });
  return static_cast<size_t>(found - all.begin());
}

// The latest event that submitted the request of an I/O choice: it was asked about right then.
size_t submission_of(const Run& run, const Taken& taken) {
  const auto& requests = run.trace->requests;
  for (size_t i = first_event_at(run, taken.step + 1); i-- > 0;) {
    const Event& event = run.trace->events[i];
    if (event.kind != static_cast<uint16_t>(Kind::io_submitted)) continue;
    const auto request = static_cast<uint64_t>(event.a);
    if (request < requests.size() && is_request(requests[request], taken.at.actor)) return i;
  }
  return kNoEvent;
}

bool is_request(const sim::IoRecord& record, const sim::ActorId& actor) {
  const std::string_view label = actor.name.label;
  const std::string_view kind = kind_of_io(record.kind);
  return label.size() > kind.size() && label.starts_with(kind) && label[kind.size()] == ':' &&
         label.substr(kind.size() + 1) == record.device && record.offset == actor.name.number &&
         record.repeat == actor.repeat;
}

}  // namespace
}  // namespace orrery::reports
