// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/watched_storage.hpp"

namespace orrery::tests {

engine::Result<engine::Device*> WatchedStorage::open(std::string_view name,
                                                     const engine::DeviceOptions& options) {
  visit_();
  TRY_ASSIGN(engine::Device* const device, storage_.open(name, options));
  return static_cast<engine::Device*>(&devices_.emplace_back(*device, visit_));
}

engine::Result<void> WatchedStorage::remove(std::string_view name) {
  visit_();
  return storage_.remove(name);
}

engine::Result<void> WatchedStorage::list(std::string_view prefix,
                                          void (*visit)(void*, std::string_view), void* argument) {
  visit_();
  return storage_.list(prefix, visit, argument);
}

engine::Result<void> WatchedStorage::sync_names() {
  visit_();
  return storage_.sync_names();
}

// Nothing of the request is looked at afterwards: whoever was told of its end may have freed it.
void WatchedStorage::Watched::submit(engine::Io& io, engine::Site site) {
  visit_();
  device_.submit(io, site);
  visit_();
}

void WatchedStorage::Watched::truncate_until(uint64_t offset) {
  visit_();
  device_.truncate_until(offset);
}

void WatchedStorage::Watched::reset() {
  visit_();
  device_.reset();
}

}  // namespace orrery::tests
