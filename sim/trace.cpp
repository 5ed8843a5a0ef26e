// SPDX-License-Identifier: Apache-2.0
#include "sim/trace.hpp"

#include <algorithm>

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

Decay::Kind decay_of(Ask ask) {
  switch (ask) {
    case Ask::rot: return Decay::Kind::flip;
    case Ask::cut: return Decay::Kind::cut;
    case Ask::directory: return Decay::Kind::gone;
    default: return Decay::Kind::none;
  }
}

bool is_made_by(const Event& decay, const Taken& taken) {
  const Decay::Kind kind = decay_of(taken.at.ask);
  return kind != Decay::Kind::none && decay.a == static_cast<int64_t>(kind) &&
         decay.c == static_cast<int64_t>(hash_of(file_at_rest(taken)));
}

std::string_view decayed_file(const Trace& trace, const Event& decay) {
  const auto made = std::find_if(trace.taken.begin(), trace.taken.end(),
                                 [&](const Taken& taken) { return is_made_by(decay, taken); });
  return made == trace.taken.end() ? "a file" : file_at_rest(*made);
}

}  // namespace orrery::sim
