// SPDX-License-Identifier: Apache-2.0
#include "engine/base/result.hpp"

namespace orrery::engine {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::ok: return "ok";
    case Errc::io: return "io";
    case Errc::no_space: return "no_space";
    case Errc::no_memory: return "no_memory";
    case Errc::not_found: return "not_found";
    case Errc::exists: return "exists";
    case Errc::corrupt: return "corrupt";
    case Errc::invalid: return "invalid";
    case Errc::cancelled: return "cancelled";
    case Errc::uncertain: return "uncertain";
    case Errc::too_large: return "too_large";
  }
  return "unknown";
}

}  // namespace orrery::engine
