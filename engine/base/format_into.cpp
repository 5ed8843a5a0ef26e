// SPDX-License-Identifier: Apache-2.0
#include "engine/base/format_into.hpp"

namespace orrery::engine {

size_t vformat_into(std::span<char> room, fmt::string_view format, fmt::format_args values) {
  return fmt::vformat_to_n(room.data(), room.size(), format, values).size;
}

}  // namespace orrery::engine
