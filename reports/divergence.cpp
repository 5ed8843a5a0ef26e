// SPDX-License-Identifier: Apache-2.0
#include "reports/divergence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>
#include <tuple>

#include "reports/words.hpp"

namespace orrery::reports {
namespace {

constexpr auto kPoint = static_cast<uint16_t>(sim::Kind::point);

bool same_event(const Witness& one, const Witness& other, size_t index);
std::string_view name_of_event(const Witness& witness, const sim::Event& event);
std::string event_text(const Witness& witness, size_t index);

}  // namespace

Witness::Witness(const scenarios::Run& run)
    : verdict(run.verdict),
      signature(run.finding ? run.finding->signature : ""),
      digest(run.digest),
      steps(run.steps),
      events(run.trace->events) {
  for (uint32_t task = 0; task < run.trace->tasks.size(); ++task) {
    tasks.push_back(name_of_task(*run.trace, task));
  }
}

bool agree(const Witness& one, const Witness& other) {
  return one.digest == other.digest && one.steps == other.steps && one.verdict == other.verdict &&
         one.signature == other.signature;
}

std::optional<Divergence> first_divergence(const Witness& one, const Witness& other) {
  const size_t both = std::min(one.events.size(), other.events.size());
  std::optional<size_t> point;  // the last one that agreed
  for (size_t i = 0; i < both; ++i) {
    if (!same_event(one, other, i)) return Divergence{i, false};
    if (one.events[i].kind != kPoint) continue;
    // The digest of a point is that of all before it: what differs happened after the point before.
    if (one.events[i].b != other.events[i].b) return Divergence{point.value_or(i), true};
    point = i;
  }
  if (one.events.size() != other.events.size()) return Divergence{both, false};
  // Nothing but the digest: what was seen after the last point.
  if (one.digest != other.digest && both > 0) return Divergence{point.value_or(both - 1), true};
  return std::nullopt;
}

std::string divergence_place(const Witness& one, const Witness& other) {
  const auto found = first_divergence(one, other);
  if (!found) return {};
  const Witness& longer = found->event < one.events.size() ? one : other;
  nlohmann::ordered_json json;
  json["event"] = found->event;
  json["in_value"] = found->in_value;
  if (found->event < longer.events.size()) {
    const sim::Event& event = longer.events[found->event];
    json["step"] = event.step;
    json["task"] = std::string(name_of_event(longer, event));
    json["kind"] = std::string(kind_text(event.kind));
    json["site"] = nullptr;
    if (is_known(event.site)) json["site"] = place_of(event.site);
  }
  return json.dump();
}

std::string divergence_text(const Witness& one, const Witness& other, const char* one_name,
                            const char* other_name) {
  std::string text;
  if (const auto found = first_divergence(one, other)) {
    text += fmt::format("  they agree for {}, then\n", counted(found->event, "event"));
    text += fmt::format("  {:<12}  {}\n", one_name, event_text(one, found->event));
    text += fmt::format("  {:<12}  {}\n", other_name, event_text(other, found->event));
    if (found->in_value) text += "  there both are at the same place, and see another value\n";
    if (found->event > 0) {
      text += fmt::format("  {:<12}  {}\n", "before that", event_text(one, found->event - 1));
    }
  } else if (agree(one, other)) {
    return {};
  }
  for (const auto& [name, witness] : {std::pair{one_name, &one}, std::pair{other_name, &other}}) {
    text += fmt::format("  {:<12}  {} after {}, digest {}\n", name,
                        scenarios::name_of(witness->verdict), counted(witness->steps, "step"),
                        hex64(witness->digest));
  }
  return text;
}

namespace {

// The digest of a point is looked at apart. A place in the source is no part of what happens, but
// when two plays are at different places they have parted.
bool same_event(const Witness& one, const Witness& other, size_t index) {
  const sim::Event& a = one.events[index];
  const sim::Event& b = other.events[index];
  const bool point = a.kind == kPoint;
  const auto values = [point](const sim::Event& event) {
    return std::tuple(event.step, event.now_ns, event.kind, event.a, point ? 0 : event.b, event.c,
                      event.site.line());
  };
  return values(a) == values(b) && name_of_event(one, a) == name_of_event(other, b) &&
         std::strcmp(a.site.file_name(), b.site.file_name()) == 0;
}

std::string_view name_of_event(const Witness& witness, const sim::Event& event) {
  if (event.task >= witness.tasks.size()) return "the world";
  return witness.tasks[event.task];
}

std::string event_text(const Witness& witness, size_t index) {
  if (index >= witness.events.size()) return "has ended";
  const sim::Event& event = witness.events[index];
  std::string text = fmt::format("step {}  {}  {}", grouped(event.step),
                                 name_of_event(witness, event), kind_text(event.kind));
  if (event.kind != kPoint) text += fmt::format(" {} {} {}", event.a, event.b, event.c);
  if (is_known(event.site)) text += "  " + place_and_function(event.site);
  return text;
}

}  // namespace
}  // namespace orrery::reports
