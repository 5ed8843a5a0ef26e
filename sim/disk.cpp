// SPDX-License-Identifier: Apache-2.0
// The names of a world's devices, and what a crash does to all of them.
#include <algorithm>

#include "sim/device.hpp"

namespace orrery::sim {
namespace {

bool is_valid_name(std::string_view name) {
  constexpr size_t kLengthMax = 200;
  return !name.empty() && name.size() <= kLengthMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '/' ||
                  c == '-';
         });
}

}  // namespace

void Disk::begin(const DiskLaws& laws, std::span<Fault* const> faults) {
  laws_ = laws;
  faults_ = faults;
  submitted_ = 0;
  inline_depth_ = 0;
  // The devices of the run before are kept for their memory, and empty.
  for (auto& [name, device] : devices_) {
    device->begin({});
    idle_.insert_or_assign(name, std::move(device));
  }
  devices_.clear();
}

engine::Result<engine::Device*> Disk::open(std::string_view name,
                                           const engine::DeviceOptions& options) {
  Scheduler& scheduler = parts_.scheduler;
  scheduler.point(Site::current());
  const Scheduler::Harness harness(scheduler);
  if (!is_valid_name(name)) return engine::Error{engine::Errc::invalid, "not a device name"};
  const uint32_t sector = options.sector_size;
  if (sector < 8 || (sector & (sector - 1)) != 0) {
    return engine::Error{engine::Errc::invalid, "a sector is a power of two from 8"};
  }
  if (const auto known = devices_.find(name); known != devices_.end()) {
    known->second->closed_ = false;
    return static_cast<engine::Device*>(known->second.get());
  }
  std::unique_ptr<SimDevice> device;
  if (const auto idle = idle_.find(name); idle != idle_.end()) {
    device = std::move(idle->second);
    idle_.erase(idle);
  } else {
    device = std::make_unique<SimDevice>(*this, parts_.labels.intern(name));
  }
  device->begin(options);
  SimDevice* const opened = device.get();
  devices_.emplace(std::string(name), std::move(device));
  return static_cast<engine::Device*>(opened);
}

engine::Result<void> Disk::remove(std::string_view name) {
  Scheduler& scheduler = parts_.scheduler;
  scheduler.point(Site::current());
  const auto known = devices_.find(name);
  if (known == devices_.end()) return engine::Error{engine::Errc::not_found, "no such device"};
  // The engine's mistake, so outside of the harness: a verdict.
  CHECK(known->second->in_flight() == 0, "a device was removed with {} requests in flight",
        known->second->in_flight());
  const Scheduler::Harness harness(scheduler);
  known->second->begin({});
  idle_.insert_or_assign(known->first, std::move(known->second));
  devices_.erase(known);
  return {};
}

void Disk::list(std::string_view prefix, void (*visit)(void*, std::string_view), void* argument) {
  parts_.scheduler.point(Site::current());
  for (auto at = devices_.lower_bound(prefix);
       at != devices_.end() && at->first.starts_with(prefix); ++at) {
    visit(argument, at->first);
  }
}

engine::Result<void> Disk::sync_names() {
  Scheduler& scheduler = parts_.scheduler;
  scheduler.point(Site::current());
  const Scheduler::Harness harness(scheduler);
  for (const auto& [name, device] : devices_) device->name_durable_ = true;
  return {};
}

const SimDevice* Disk::find(std::string_view name) const {
  const auto known = devices_.find(name);
  return known == devices_.end() ? nullptr : known->second.get();
}

size_t Disk::in_flight() const {
  size_t count = 0;
  for (const auto& [name, device] : devices_) count += device->in_flight();
  return count;
}

void Disk::settle_requests() {
  inline_depth_ = 0;  // whoever was inside a completion is gone
  // In order of submission: which place a request took depends on earlier runs.
  std::vector<SimDevice::Request*> open;
  for (const auto& [name, device] : devices_) {
    for (const auto& request : device->requests_) {
      if (request->io != nullptr) open.push_back(request.get());
    }
  }
  std::sort(open.begin(), open.end(),
            [](const auto* a, const auto* b) { return a->number < b->number; });
  for (SimDevice::Request* request : open) {
    SimDevice& device = *request->device;
    if (request->asked.kind == engine::IoKind::write && !request->ended) device.settle(*request);
    request->io = nullptr;
    --device.in_flight_;
  }
}

void SimDevice::settle(Request& request) {
  Address at = request.at;
  at.ask = Ask::power;
  // 1: half of it; 2: all of it. Calm: what was transferred so far.
  const uint64_t fate = disk_.parts_.scheduler.choose(at, 3);
  // Nobody could catch an access violation here.
  const bool refused = !disk_.laws_.check_buffers && !judge_buffer(request).label.empty();
  if (fate == 0 || refused) return;
  const size_t end = request.transfer_end;
  transfer(request, fate == 1 ? engine::round_down(end / 2, options_.sector_size) : end);
}

void Disk::lose_power() {
  for (auto at = devices_.begin(); at != devices_.end();) {
    SimDevice& device = *at->second;
    device.media_.lose_power([&](uint64_t offset) {
      Address address;
      address.actor = parts_.labels.identify({device.name_, offset}, parts_.scheduler.incarnation(),
                                             address.key);
      SimDevice::AskerAt asker(parts_.scheduler, address);
      return std::none_of(faults_.begin(), faults_.end(),
                          [&](Fault* fault) { return fault->on_power_loss(asker); });
    });
    if (device.name_durable_) {
      ++at;
      continue;
    }
    device.begin({});
    idle_.insert_or_assign(at->first, std::move(at->second));
    at = devices_.erase(at);
  }
}

}  // namespace orrery::sim
