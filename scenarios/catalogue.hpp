// SPDX-License-Identifier: Apache-2.0
// The scenarios by function, so that each is one file with one row in catalogue.cpp and nothing
// else.
#pragma once

#include "scenarios/scenario.hpp"

namespace orrery::scenarios {

const Scenario& snapshot_full_cache();
const Scenario& snapshot_at_rest();
const Scenario& late_flush();
const Scenario& many_sessions();
const Scenario& checkpoint_under_load();
const Scenario& copy_reads();
const Scenario& crash_loop();
const Scenario& fold_over();
const Scenario& recover_smaller();
const Scenario& reset_with_io();
const Scenario& short_lives();
const Scenario& dispose_with_io();
const Scenario& operation_log();
const Scenario& append_log();
const Scenario& damaged_log();
const Scenario& canary();
const Scenario& pointer_canary();
const Scenario& static_canary();
const Scenario& garnet_385_40g();

}  // namespace orrery::scenarios
