// SPDX-License-Identifier: Apache-2.0
// Every contract. To add one: a body in a file of this folder, a declaration and a row here.
#include "tests/engine/runtime/contract.hpp"

namespace orrery::tests {

using engine::Runtime;

// tasks_contract.cpp
void waits_for_deadline(const Runtime& runtime, Expect& expect);
void runs_and_joins(const Runtime& runtime, Expect& expect);
void knows_itself(const Runtime& runtime, Expect& expect);
void looks_before_it_waits(const Runtime& runtime, Expect& expect);
void wakes_who_waits(const Runtime& runtime, Expect& expect);
void wakes_everybody(const Runtime& runtime, Expect& expect);
void yields_to_others(const Runtime& runtime, Expect& expect);
// sync_contract.cpp
void mutex_excludes(const Runtime& runtime, Expect& expect);
void condition_passes_on(const Runtime& runtime, Expect& expect);
void condition_wakes_all(const Runtime& runtime, Expect& expect);
void condition_has_deadline(const Runtime& runtime, Expect& expect);
void event_releases_tickets(const Runtime& runtime, Expect& expect);
void latch_opens(const Runtime& runtime, Expect& expect);
void semaphore_counts(const Runtime& runtime, Expect& expect);
void released_may_destroy(const Runtime& runtime, Expect& expect);
// memory_contract.cpp
void frames_begin_as_zeros(const Runtime& runtime, Expect& expect);
void frames_have_lifetimes(const Runtime& runtime, Expect& expect);
void frames_lie_apart(const Runtime& runtime, Expect& expect);
void frames_serve_many(const Runtime& runtime, Expect& expect);
void memory_begins_as_zeros(const Runtime& runtime, Expect& expect);
void memory_lies_apart(const Runtime& runtime, Expect& expect);
// device_contract.cpp
void device_keeps(const Runtime& runtime, Expect& expect);
void device_reads_zeros(const Runtime& runtime, Expect& expect);
void device_refuses(const Runtime& runtime, Expect& expect);
void device_finishes_once(const Runtime& runtime, Expect& expect);
void device_cancels(const Runtime& runtime, Expect& expect);
void device_cancels_what_waits(const Runtime& runtime, Expect& expect);
void device_lets_go(const Runtime& runtime, Expect& expect);
void device_takes_chains(const Runtime& runtime, Expect& expect);
void device_keeps_requests_of_the_gone(const Runtime& runtime, Expect& expect);
void device_serves_many(const Runtime& runtime, Expect& expect);
void device_closes(const Runtime& runtime, Expect& expect);
void device_truncates(const Runtime& runtime, Expect& expect);
void device_resets_under_requests(const Runtime& runtime, Expect& expect);
void null_device_stores_nothing(const Runtime& runtime, Expect& expect);
// storage_contract.cpp
void storage_names_devices(const Runtime& runtime, Expect& expect);
void storage_refuses(const Runtime& runtime, Expect& expect);
void storage_removes(const Runtime& runtime, Expect& expect);
void storage_serves_many(const Runtime& runtime, Expect& expect);

namespace {

constexpr uint64_t kSyncSeeds = 1500;  // a lost wake-up may need a rare schedule

constexpr Contract kContracts[] = {
    {"a wait with a deadline does not end early, and time never goes back", &waits_for_deadline},
    {"a task runs once, and its end is seen by who joins it", &runs_and_joins},
    {"each task has an identity of its own", &knows_itself},
    {"a wait looks first, and one that is over says so", &looks_before_it_waits},
    {"a change followed by a wake is never lost", &wakes_who_waits, kSyncSeeds},
    {"a wake for everybody wakes everybody", &wakes_everybody, kSyncSeeds},
    {"a spin that yields lets others on", &yields_to_others},
    {"a mutex lets one task in at a time", &mutex_excludes, kSyncSeeds},
    {"a condition passes each item on, and none twice", &condition_passes_on, kSyncSeeds},
    {"notify_all wakes everybody who waits", &condition_wakes_all, kSyncSeeds},
    {"a wait on a condition ends at its deadline and holds the mutex", &condition_has_deadline},
    {"an event releases every ticket taken before it was set", &event_releases_tickets, kSyncSeeds},
    {"a latch opens for those who wait and for those who come later", &latch_opens, kSyncSeeds},
    {"a semaphore lets in as many as it counts, and loses none", &semaphore_counts, kSyncSeeds},
    {"whoever was released may destroy what released him", &released_may_destroy, kSyncSeeds},
    {"a frame reads zeros in each of its lifetimes", &frames_begin_as_zeros, 20},
    {"each holding of a frame is a lifetime of its own", &frames_have_lifetimes},
    {"frames are aligned and lie apart", &frames_lie_apart},
    {"many tasks have frames at once", &frames_serve_many},
    {"memory is zeros, aligned as asked", &memory_begins_as_zeros, 20},
    {"blocks of memory lie apart", &memory_lies_apart, 20},
    {"what was written is read", &device_keeps},
    {"what was never written reads as zeros", &device_reads_zeros},
    {"what breaks the rules of a device is refused inline, without effect", &device_refuses},
    {"each request is finished exactly once", &device_finishes_once, 1500},
    {"a cancelled request has no effect", &device_cancels, 1500},
    {"a request that waits behind many is cancelled", &device_cancels_what_waits, 20, true},
    {"a request may be freed by its completion", &device_lets_go},
    {"a completion may submit the next request", &device_takes_chains},
    {"a request does not end with the task that made it", &device_keeps_requests_of_the_gone},
    {"many tasks use a device at once", &device_serves_many},
    {"a device closes over its requests, and opens again", &device_closes},
    {"a truncated or emptied device keeps the rest", &device_truncates},
    {"a device is emptied under its requests", &device_resets_under_requests},
    {"the null device takes all, and stores nothing", &null_device_stores_nothing},
    {"a name is one device, listed in alphabetical order", &storage_names_devices},
    {"a name or a sector that is none is invalid", &storage_refuses},
    {"what is removed is gone, and its name is free again", &storage_removes},
    {"many tasks make and remove names at once", &storage_serves_many},
};

}  // namespace

std::span<const Contract> all_contracts() { return kContracts; }

}  // namespace orrery::tests
