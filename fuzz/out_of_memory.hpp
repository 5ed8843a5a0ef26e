// SPDX-License-Identifier: Apache-2.0
// What `new` cannot give is memory of the harness: traces, histories, rows. The engine under test
// gets its own from the world, which says no long before. So a process that has none left has a
// defect of the harness to tell, and nothing of the run that it is in.
#pragma once

namespace orrery::fuzz {

/// From now on this process, and those that it forks, say so in one line and end with
/// kHarnessFailure. Where a sanitizer allocates, it reports and ends the process itself.
void end_without_memory();

}  // namespace orrery::fuzz
