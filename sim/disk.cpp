// SPDX-License-Identifier: Apache-2.0
// The names of a world's devices, and what a crash does to all of them.
#include <algorithm>
#include <set>
#include <string>

#include "sim/device.hpp"
#include "sim/failure.hpp"

namespace orrery::sim {
namespace {

constexpr size_t kNameMax = 200;
constexpr engine::Error kNameError{engine::Errc::io, "a name could not be worked on"};

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax &&
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
  accepted_ = 0;
  inline_depth_ = 0;
  // The devices of the run before are kept for their memory, and empty.
  for (auto& [name, device] : devices_) put_aside(std::move(device));
  devices_.clear();
  for (auto& device : removed_) put_aside(std::move(device));
  removed_.clear();
}

void Disk::put_aside(std::unique_ptr<SimDevice> device) {
  device->begin({});
  idle_.push_back(std::move(device));
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
  const NameFate fate = fate_of(NameCall::open);
  if (fate == NameFate::refused) return kNameError;
  if (const auto known = devices_.find(name); known != devices_.end()) {
    if (fate != NameFate::normal) return kNameError;
    known->second->closed_ = false;
    return static_cast<engine::Device*>(known->second.get());
  }
  if (options.must_exist) return engine::Error{engine::Errc::not_found, "no such device"};
  const char* const label = parts_.labels.intern(name);
  const auto idle = std::find_if(idle_.begin(), idle_.end(),
                                 [&](const auto& other) { return other->name() == label; });
  std::unique_ptr<SimDevice> device;
  if (idle != idle_.end()) {
    device = std::move(*idle);
    idle_.erase(idle);
  } else {
    device = std::make_unique<SimDevice>(*this, label);
  }
  device->begin(options);
  SimDevice* const opened = device.get();
  devices_.emplace(std::string(name), std::move(device));
  scheduler.changed_names();
  if (fate != NameFate::normal) {
    opened->closed_ = true;
    return kNameError;
  }
  return static_cast<engine::Device*>(opened);
}

NameFate Disk::fate_of(NameCall call) {
  const NameFate fate = parts_.scheduler.fate_of_name();
  if (fate != NameFate::normal) {
    parts_.scheduler.record(Kind::name_failed, static_cast<int64_t>(call),
                            fate == NameFate::done ? 1 : 0);
  }
  return fate;
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
  const NameFate fate = fate_of(NameCall::remove);
  if (fate == NameFate::refused) return kNameError;
  known->second->closed_ = true;
  // Until the names are synced, a loss of power may bring it back.
  removed_.push_back(std::move(known->second));
  devices_.erase(known);
  scheduler.changed_names();
  if (fate != NameFate::normal) return kNameError;
  return {};
}

// The visitor may switch tasks, and others may open and remove meanwhile: so the way goes from name
// to name, and the name lies on the caller's stack.
engine::Result<void> Disk::list(std::string_view prefix, void (*visit)(void*, std::string_view),
                                void* argument) {
  Scheduler& scheduler = parts_.scheduler;
  scheduler.point(Site::current());
  {
    // It has no effect that a failure could spare.
    const Scheduler::Harness harness(scheduler);
    if (fate_of(NameCall::list) != NameFate::normal) return kNameError;
  }
  FixedText<kNameMax + 1> name;
  const auto next = [&](auto at) {
    const Scheduler::Harness harness(scheduler);
    const bool found = at != devices_.end() && at->first.starts_with(prefix);
    if (found) name.assign(at->first);
    return found;
  };
  for (bool more = next(devices_.lower_bound(prefix)); more;
       more = next(devices_.upper_bound(name.view()))) {
    visit(argument, name.view());
  }
  return {};
}

engine::Result<void> Disk::sync_names() {
  Scheduler& scheduler = parts_.scheduler;
  scheduler.point(Site::current());
  const Scheduler::Harness harness(scheduler);
  const NameFate fate = fate_of(NameCall::sync);
  if (fate == NameFate::refused) return kNameError;
  for (const auto& [name, device] : devices_) device->name_durable_ = true;
  for (auto& device : removed_) put_aside(std::move(device));
  removed_.clear();
  scheduler.changed_names();
  if (fate != NameFate::normal) return kNameError;
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
  // What nobody was told of yet comes last.
  ++accepted_;
  for (const auto& [name, device] : devices_) device->media_.accept_all(accepted_);
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
  lose_names();
  std::vector<Fate> fates = pending_writes();
  if (!fates.empty()) decide(fates);
  auto next = fates.begin();
  for (auto& [name, device] : devices_) {
    device->media_.lose_power([&](uint64_t) { return (next++)->landing; },
                              device->options_.sector_size);
    device->name_durable_ = true;
  }
  CHECK(next == fates.end(), "a pending write of no device");
  lose_directories();
  if (laws_.may_decay == nullptr) return;
  for (auto& [name, device] : devices_) {
    if (device->media_.size() > 0 && laws_.may_decay(name)) decay(*device);
  }
}

// Of each device its oldest first.
std::vector<Disk::Fate> Disk::pending_writes() const {
  std::vector<Fate> fates;
  for (const auto& [name, device] : devices_) {
    const size_t count = device->media_.pending_count();
    for (size_t i = 0; i < count; ++i) fates.push_back({device.get(), i});
  }
  return fates;
}

void Disk::decide(std::vector<Fate>& fates) {
  Address address;
  const uint32_t incarnation = parts_.scheduler.incarnation();
  address.actor = parts_.labels.identify({"pending-writes", 0}, incarnation, address.key);
  SimDevice::AskerAt asker(parts_.scheduler, address);
  std::optional<uint64_t> spared;
  Landing edge = Landing::whole;
  for (Fault* fault : faults_) {
    if (!spared) spared = fault->on_image(asker, fates.size());
    if (edge == Landing::whole) edge = fault->on_edge(asker);
  }
  std::vector<Fate*> by_turn;
  for (Fate& fate : fates) {
    by_turn.push_back(&fate);
    if (spared) continue;
    const uint64_t offset = fate.device->media_.pending_offset(fate.write);
    fate.landing = landing({fate.device->name_, offset}, edge == Landing::whole);
  }
  // They lie in one vector, in the order in which they were found.
  std::sort(by_turn.begin(), by_turn.end(), [](const Fate* a, const Fate* b) {
    return a->turn() != b->turn() ? a->turn() < b->turn() : a < b;
  });
  if (spared) {
    for (size_t i = *spared; i < by_turn.size(); ++i) by_turn[i]->landing = Landing::lost;
  }
  const auto last = std::find_if(by_turn.rbegin(), by_turn.rend(),
                                 [](const Fate* fate) { return fate->landing != Landing::lost; });
  if (edge != Landing::whole && last != by_turn.rend()) (*last)->landing = edge;
}

Landing Disk::landing(engine::Name name, bool may_tear) {
  if (is_lost(name)) return Landing::lost;
  if (!may_tear) return Landing::whole;
  Address address;
  address.actor = parts_.labels.identify(name, parts_.scheduler.incarnation(), address.key);
  SimDevice::AskerAt asker(parts_.scheduler, address);
  Landing landing = Landing::whole;
  for (Fault* fault : faults_) {
    if (landing == Landing::whole) landing = fault->on_landing(asker);
  }
  return landing;
}

bool Disk::any_says(bool (Fault::*hook)(Asker&), engine::Name name) {
  Address address;
  address.actor = parts_.labels.identify(name, parts_.scheduler.incarnation(), address.key);
  SimDevice::AskerAt asker(parts_.scheduler, address);
  return std::any_of(faults_.begin(), faults_.end(),
                     [&](Fault* fault) { return (fault->*hook)(asker); });
}

bool Disk::is_lost(engine::Name name) { return any_says(&Fault::on_power_loss, name); }

void Disk::lose_directories() {
  if (laws_.may_vanish == nullptr) return;
  std::set<std::string> directories;
  for (const auto& [name, device] : devices_) {
    const size_t end = name.rfind('/');
    if (end == std::string::npos) continue;
    std::string directory = name.substr(0, end);
    if (laws_.may_vanish(directory)) directories.insert(std::move(directory));
  }
  for (const std::string& directory : directories) {
    const std::string inside = directory + "/";
    const auto is_inside = [&](Devices::iterator at) {
      return at != devices_.end() && at->first.starts_with(inside);
    };
    auto at = devices_.lower_bound(inside);
    if (!is_inside(at) || !is_gone(directory)) continue;
    int64_t files = 0;
    for (; is_inside(at); ++files) {
      put_aside(std::move(at->second));
      at = devices_.erase(at);
    }
    parts_.scheduler.record(Kind::decayed, static_cast<int64_t>(Decay::Kind::gone), files,
                            static_cast<int64_t>(hash_of(directory)));
  }
}

bool Disk::is_gone(const std::string& directory) {
  const char* const label = parts_.labels.intern(std::string(kAtRest) + directory);
  return any_says(&Fault::on_directory, {label, 0});
}

void Disk::decay(SimDevice& device) {
  Address address;
  const uint32_t incarnation = parts_.scheduler.incarnation();
  address.actor = parts_.labels.identify({device.rest_label_, 0}, incarnation, address.key);
  SimDevice::AskerAt asker(parts_.scheduler, address);
  for (Fault* fault : faults_) {
    const uint32_t sector = device.options_.sector_size;
    const Decay decay = fault->on_rest(asker, (device.media_.size() + sector - 1) / sector, sector);
    if (decay.kind == Decay::Kind::none) continue;
    device.media_.decay(decay);
    parts_.scheduler.record(Kind::decayed, static_cast<int64_t>(decay.kind),
                            static_cast<int64_t>(decay.at),
                            static_cast<int64_t>(hash_of(device.name_)));
    if (device.media_.size() == 0) return;
  }
}

// A folder's entry was made, removed, or both, and no sync has covered that. Of several devices
// that had one name, the newest whose making survived is there, unless a removal did as well.
void Disk::lose_names() {
  for (auto at = devices_.begin(); at != devices_.end();) {
    SimDevice& device = *at->second;
    if (device.name_durable_ || !is_lost({device.made_label_, 0})) {
      ++at;
      continue;
    }
    put_aside(std::move(at->second));
    at = devices_.erase(at);
  }
  while (!removed_.empty()) {
    std::unique_ptr<SimDevice> device = std::move(removed_.back());
    removed_.pop_back();
    const bool was_made = device->name_durable_ || !is_lost({device->made_label_, 0});
    const bool comes_back = was_made && is_lost({device->removed_label_, 0});
    if (!comes_back || devices_.contains(device->name())) {
      put_aside(std::move(device));
      continue;
    }
    const std::string name = device->name();
    devices_.emplace(name, std::move(device));
  }
}

}  // namespace orrery::sim
