// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.hpp"

#include <algorithm>

#include "sim/media.hpp"

namespace orrery::sim {

void Trace::clear() {
  events.clear();
  tasks.clear();
  lifetimes.clear();
  requests.clear();
  taken.clear();
}

std::string_view file_at_rest(const Taken& taken) {
  std::string_view file = taken.at.actor.name.label;
  if (file.starts_with(kAtRest)) file.remove_prefix(kAtRest.size());
  return file;
}

bool is_made_by(const Event& decay, const Taken& taken) {
  if (decay.c != static_cast<int64_t>(hash_of(file_at_rest(taken)))) return false;
  switch (static_cast<Decay::Kind>(decay.a)) {
    case Decay::Kind::flip: return taken.at.ask == Ask::rot;
    case Decay::Kind::cut: return taken.at.ask == Ask::cut;
    case Decay::Kind::gone: return taken.at.ask == Ask::directory;
    case Decay::Kind::none: break;
  }
  return false;
}

std::string_view decayed_file(const Trace& trace, const Event& decay) {
  const auto made = std::find_if(trace.taken.begin(), trace.taken.end(),
                                 [&](const Taken& taken) { return is_made_by(decay, taken); });
  return made == trace.taken.end() ? "a file" : file_at_rest(*made);
}

}  // namespace orrery::sim
