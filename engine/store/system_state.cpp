// SPDX-License-Identifier: Apache-2.0
#include "engine/store/system_state.hpp"

#include "engine/base/check.hpp"

namespace orrery::engine {
std::string_view name_of(Phase phase) {
  switch (phase) {
    case Phase::in_progress: return "IN_PROGRESS";
    case Phase::wait_index_checkpoint: return "WAIT_INDEX_CHECKPOINT";
    case Phase::wait_flush: return "WAIT_FLUSH";
    case Phase::persistence_callback: return "PERSISTENCE_CALLBACK";
    case Phase::rest: return "REST";
    case Phase::prep_index_checkpoint: return "PREP_INDEX_CHECKPOINT";
    case Phase::wait_index_only_checkpoint: return "WAIT_INDEX_ONLY_CHECKPOINT";
    case Phase::prepare: return "PREPARE";
    case Phase::reset: return "RESET";
  }
  return "a phase without a name";
}

SystemState SystemState::next(const CheckpointRequest& machine) const {
  const bool log = machine.log != LogCheckpoint::none;
  switch (phase) {
    case Phase::rest:
      return {machine.index ? Phase::prep_index_checkpoint : Phase::prepare, version};
    case Phase::prep_index_checkpoint:
      return {log ? Phase::prepare : Phase::wait_index_only_checkpoint, version};
    case Phase::wait_index_only_checkpoint: return {Phase::rest, version};
    case Phase::prepare: return {Phase::in_progress, version + 1};
    case Phase::in_progress:
      return {machine.index ? Phase::wait_index_checkpoint : Phase::wait_flush, version};
    case Phase::wait_index_checkpoint: return {Phase::wait_flush, version};
    case Phase::wait_flush: return {Phase::persistence_callback, version};
    case Phase::persistence_callback: return {Phase::rest, version};
    case Phase::reset: break;
  }
  CHECK(false, "no phase has the number {}", static_cast<int>(phase));
  return {};
}

}  // namespace orrery::engine
