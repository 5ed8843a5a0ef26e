// SPDX-License-Identifier: Apache-2.0
// How this binary was built: what --version and doctor say.
#pragma once

#include <string>

namespace orrery::cli {

/// "g++ 12.2.0", "clang 19.1.7"
std::string compiler_text();
/// "address, undefined", or "none"
std::string sanitizers_text();
/// One line: version, revision, compiler, sanitizers.
std::string version_text();

}  // namespace orrery::cli
