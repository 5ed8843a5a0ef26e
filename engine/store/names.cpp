// SPDX-License-Identifier: Apache-2.0
#include "engine/store/names.hpp"

#include <fmt/format.h>

#include "engine/base/check.hpp"

namespace orrery::engine {

DeviceName DeviceName::main_log(std::string_view prefix) {
  DeviceName name;
  name.size_ = fmt::format_to_n(name.text_.data(), name.text_.size(), "{}/hlog", prefix).size;
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

DeviceName DeviceName::snapshot(std::string_view prefix, uint64_t token) {
  DeviceName name;
  name.size_ = fmt::format_to_n(name.text_.data(), name.text_.size(),
                                "{}/cpr-checkpoints/{:016x}/snapshot.dat", prefix, token)
                   .size;
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

DeviceName DeviceName::metadata(std::string_view prefix, uint64_t token) {
  DeviceName name;
  name.size_ = fmt::format_to_n(name.text_.data(), name.text_.size(),
                                "{}/cpr-checkpoints/{:016x}/info.dat", prefix, token)
                   .size;
  CHECK(name.size_ <= name.text_.size(), "a device name of {} characters", name.size_);
  return name;
}

}  // namespace orrery::engine
