// SPDX-License-Identifier: Apache-2.0
#include "scenarios/sizes.hpp"

#include "engine/base/check.hpp"

namespace orrery::scenarios {

int64_t Sizes::operator[](std::string_view name) const {
  const std::optional<int64_t> value = find(name);
  CHECK(value.has_value(), "the size {} was never drawn", name);
  return *value;
}

std::optional<int64_t> Sizes::find(std::string_view name) const {
  for (const sim::Size& size : all_) {
    if (size.name == name) return size.value;
  }
  return std::nullopt;
}

void Sizes::set(std::string_view name, int64_t value) {
  for (sim::Size& size : all_) {
    if (size.name == name) {
      size.value = value;
      return;
    }
  }
  all_.push_back({std::string(name), value});
}

}  // namespace orrery::scenarios
