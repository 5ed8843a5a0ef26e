// SPDX-License-Identifier: Apache-2.0
// Values as people type them: seeds, counts, lengths of time. Each that reads one returns what is
// wrong in one line, empty if nothing is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace orrery::cli {

/// A seed: 0x and hex digits, decimal, a 40-digit git hash (folded), or @FILE that holds one.
std::string read_seed(std::string_view text, uint64_t& seed);

/// A whole number from `least` on; `what` names it in the message.
std::string read_count(std::string_view what, std::string_view text, uint64_t least,
                       uint64_t& count);

/// A length of time: 30, 30s, 5m, 2h, 500ms.
std::string read_time(std::string_view text, int64_t& ms);

/// " --hang-after T" as it was given, for a printed command that plays as long; empty if it was
/// not. A finding's command to shrink has none: there every try that stands still waits for it.
std::string hang_after_again(const std::optional<std::string>& given);

/// A signed whole number.
bool read_number(std::string_view text, int64_t& number);

}  // namespace orrery::cli
