// SPDX-License-Identifier: Apache-2.0
#include "tests/engine/real/checkpoint_on_disk.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace orrery::tests {
namespace {

constexpr const char* kFolder = "cpr-checkpoints";

std::vector<std::byte> contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const auto* const start = reinterpret_cast<const std::byte*>(bytes.data());
  return {start, start + bytes.size()};
}

}  // namespace

bool CheckpointOnDisk::read(const std::string& store, uint64_t token) {
  const std::string own = fmt::format("{}/{}/{:016x}/", store, kFolder, token);
  info_ = contents(own + "info.dat");
  snapshot_ = contents(own + "snapshot.dat");
  log_ = contents(store + "/hlog");
  table_ = contents(own + "pages.dat");
  return reader_.read({info_, scenarios::FileView(snapshot_), scenarios::FileView(log_),
                       scenarios::FileView(table_)});
}

std::optional<std::vector<scenarios::Found>> CheckpointOnDisk::found() const {
  std::vector<scenarios::Found> all;
  for (const scenarios::RecoveredEntry& entry : reader_.entries()) {
    const auto key = scenarios::decode_key(entry.key);
    if (!key) return std::nullopt;
    const auto value = scenarios::decode_value(entry.value);
    all.push_back({*key, true, !value.has_value(), value.value_or(0)});
  }
  return all;
}

std::vector<uint64_t> checkpoint_tokens(const std::string& store) {
  std::vector<uint64_t> tokens;
  std::error_code ignored;  // no checkpoint was begun yet
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(store) / kFolder, ignored)) {
    tokens.push_back(std::stoull(entry.path().filename().string(), nullptr, 16));
  }
  return tokens;
}

}  // namespace orrery::tests
