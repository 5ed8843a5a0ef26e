// SPDX-License-Identifier: Apache-2.0
#include "scenarios/oracles/index_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/crc32c.hpp"
#include "engine/store/events.hpp"
#include "engine/store/hash_index.hpp"
#include "engine/store/metadata.hpp"
#include "engine/store/names.hpp"
#include "engine/store/options.hpp"
#include "scenarios/oracles/file_view.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

namespace events = engine::events;

using Moment = FileView::Moment;

uint32_t checksum_of(const FileView& table, uint64_t bytes);
std::string flaw_of(const sim::Disk& disk, std::string_view prefix, uint64_t token);

}  // namespace

std::optional<Finding> judge_index_files(const Run& run) {
  const auto& all = run.trace->events;
  std::set<uint64_t> judged;
  for (size_t i = 0; i < all.size(); ++i) {
    const bool alone = all[i].kind == events::kIndexCommitted;
    const bool with_log = all[i].kind == events::kCheckpointDone &&
                          all[i].b == static_cast<int64_t>(engine::Errc::ok);
    if (!alone && !with_log) continue;
    const auto token = static_cast<uint64_t>(alone ? all[i].a : all[i].c);
    if (!judged.insert(token).second) continue;
    const std::string flaw = flaw_of(run.world->disk(), engine::StoreOptions{}.prefix, token);
    if (flaw.empty()) continue;
    Finding finding = finding_at(run, "snapshot-cut", i);
    finding.label = "the index of a committed checkpoint cannot be loaded";
    finding.text = fmt::format("token {}: {}", token, flaw);
    return finding;
  }
  return std::nullopt;
}

namespace {

// Empty if the checkpoint has no index, or a whole one.
std::string flaw_of(const sim::Disk& disk, std::string_view prefix, uint64_t token) {
  const auto find = [&](const engine::DeviceName& name) {
    return disk.find(std::string(name.view()));
  };
  const sim::SimDevice* const about = find(engine::DeviceName::index_metadata(prefix, token));
  if (about == nullptr) return {};
  const FileView file(about->media(), Moment::now);
  std::vector<std::byte> bytes(file.size());
  file.read(0, bytes);
  const auto info = engine::decode_index_metadata(bytes);
  if (!info) return fmt::format("its metadata is damaged: {}", info.error().what);
  const sim::SimDevice* const table = find(engine::DeviceName::index_table(prefix, token));
  if (table == nullptr) return "there is no file of its table";
  const uint64_t buckets = (uint64_t{1} << info->index_bits) + info->overflow;
  const uint32_t sum =
      checksum_of(FileView(table->media(), Moment::now), buckets * sizeof(engine::Bucket));
  if (sum == info->checksum) return {};
  return fmt::format("the checksum of its {} buckets is {:08x}, and its metadata says {:08x}",
                     buckets, sum, info->checksum);
}

// Chunks of the table are whole sectors, and so is all of it but the last.
uint32_t checksum_of(const FileView& table, uint64_t bytes) {
  constexpr uint64_t kPart = 4096;
  std::vector<std::byte> part(kPart);
  uint32_t sum = 0;
  for (uint64_t at = 0; at < bytes; at += kPart) {
    const uint64_t size = std::min(kPart, bytes - at);
    table.read(at, {part.data(), size});
    sum = engine::crc32c({part.data(), size}, sum);
  }
  return sum;
}

}  // namespace
}  // namespace orrery::scenarios
