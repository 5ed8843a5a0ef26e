// SPDX-License-Identifier: Apache-2.0
#include "engine/store/names.hpp"

#include <charconv>

#include "engine/base/check.hpp"
#include "engine/base/format_into.hpp"

namespace orrery::engine {
namespace {

constexpr std::string_view kLogFolder = "/cpr-checkpoints/";
constexpr std::string_view kIndexFolder = "/index-checkpoints/";
constexpr size_t kTokenDigits = 16;

uint64_t token_in(std::string_view name, std::string_view prefix, std::string_view folder);

}  // namespace

DeviceName DeviceName::main_log(std::string_view prefix) {
  DeviceName name;
  name.size_ = format_into(name.text_, "{}/hlog", prefix);
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

DeviceName DeviceName::in_folder(std::string_view prefix, std::string_view folder, uint64_t token,
                                 std::string_view file) {
  DeviceName name;
  name.size_ = format_into(name.text_, "{}{}{:016x}/{}", prefix, folder, token, file);
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

DeviceName DeviceName::snapshot(std::string_view prefix, uint64_t token) {
  return in_folder(prefix, kLogFolder, token, "snapshot.dat");
}

DeviceName DeviceName::page_table(std::string_view prefix, uint64_t token) {
  return in_folder(prefix, kLogFolder, token, "pages.dat");
}

DeviceName DeviceName::metadata(std::string_view prefix, uint64_t token) {
  return in_folder(prefix, kLogFolder, token, "info.dat");
}

DeviceName DeviceName::index_table(std::string_view prefix, uint64_t token) {
  return in_folder(prefix, kIndexFolder, token, "ht.dat");
}

DeviceName DeviceName::index_metadata(std::string_view prefix, uint64_t token) {
  return in_folder(prefix, kIndexFolder, token, "info.dat");
}

uint64_t token_of_checkpoint(std::string_view name, std::string_view prefix) {
  return token_in(name, prefix, kLogFolder);
}

uint64_t token_of_index(std::string_view name, std::string_view prefix) {
  return token_in(name, prefix, kIndexFolder);
}

namespace {

uint64_t token_in(std::string_view name, std::string_view prefix, std::string_view folder) {
  if (!name.starts_with(prefix)) return 0;
  name.remove_prefix(prefix.size());
  if (!name.starts_with(folder)) return 0;
  name.remove_prefix(folder.size());
  if (name.size() < kTokenDigits) return 0;
  uint64_t token = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + kTokenDigits, token, 16);
  return parsed.ptr == name.data() + kTokenDigits && token != UINT64_MAX ? token : 0;
}

}  // namespace
}  // namespace orrery::engine
