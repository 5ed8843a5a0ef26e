// SPDX-License-Identifier: Apache-2.0
// Every figure. To add one: a function in a file of this folder, a declaration and a row here.
#include "bench/figure.hpp"
#include "sim/fiber.hpp"

namespace orrery::bench {

// scheduler_steps.cpp
double bare_step_rotating();
double bare_step_drawn();
double point_seeded();
double point_calm();
double point_replayed();
// world_costs.cpp
double violation_caught();
double begin_in_place();
double begin_share();
// campaigns.cpp
double campaign_points();
double campaign_points_guarded();
double seeds_to_385();
double seeds_to_385_worst();
double shrunk_385();
double shrunk_385_seconds();
// recoveries.cpp
double slowest_points();
double recoveries();
// fuzzing.cpp
double schedule_executions();
// workers.cpp
double two_workers();
double two_workers_unguarded();
double two_workers_cpu();
// native_heart.cpp
double native_heart();
double native_heart_large();
double native_heart_announced();
double native_hooks();
double native_hooks_announced();
// fiber_switch.cpp
double bare_boost();
double bare_own();
double bare_ratio();
double loop_boost();
double loop_own();
double loop_ratio();
double deep_boost();
double deep_own();
double deep_ratio();

namespace {

constexpr Wanted kAtMost = Wanted::at_most;
constexpr Wanted kAtLeast = Wanted::at_least;
constexpr Wanted kNothing = Wanted::nothing;

// A build with AddressSanitizer has a goal of its own: what fuzzers find is played with it as well.
#if ORRERY_ASAN
constexpr double kScheduleGoal = 600;
#else
constexpr double kScheduleGoal = 2000;
#endif

constexpr Figure kFigures[] = {
    {"step-rotating", "bare scheduler step, 8 fibers, digest on, in turns", "ns", kAtMost, 20,
     &bare_step_rotating},
    {"step-drawn", "the same, drawn and recorded as a deviation each time", "ns", kNothing, 0,
     &bare_step_drawn},
    {"point-seeded", "a point, no engine work, digest on, seeded source", "ns", kAtMost, 12,
     &point_seeded},
    {"point-calm", "the same, calm source", "ns", kAtMost, 12, &point_calm},
    {"point-replayed", "the same, replaying a tape of 20", "ns", kAtMost, 12, &point_replayed},
    {"violation", "an access violation made a verdict", "us", kNothing, 0, &violation_caught},
    {"begin", "reset in place after a run of snapshot-full-cache", "us", kNothing, 0,
     &begin_in_place},
    {"begin-share", "the same, as a share of that run", "%", kAtMost, 2, &begin_share},
    {"points", "snapshot-full-cache, all oracles, seeded", "M/s", kAtLeast, 30, &campaign_points},
    {"points-guarded", "the same, every run guarded by mprotect", "M/s", kAtLeast, 12,
     &campaign_points_guarded},
    {"points-slowest", "the slowest scenario with checkpoints, crashes or resets", "M/s", kAtLeast,
     10, &slowest_points},
    {"recoveries", "crash, recovery and life of a small store", "/s", kAtLeast, 5000, &recoveries},
    {"find-385", "seeds until garnet-385, median of 20 campaigns", "", kAtMost, 100, &seeds_to_385},
    {"find-385-worst", "the same, the worst of 20", "", kAtMost, 2000, &seeds_to_385_worst},
    {"shrunk-385", "deviations of its shrunk tape, median of 20", "", kAtMost, 4, &shrunk_385},
    {"shrink-385", "time to shrink it, median of 20", "s", kAtMost, 1, &shrunk_385_seconds},
    {"schedule", "executions of fuzz target schedule, of 5,000 points", "/s", kAtLeast,
     kScheduleGoal, &schedule_executions},
    {"workers", "two worker processes over one, wall time; 2 idle cores", "", kAtLeast, 1.9,
     &two_workers},
    {"workers-unguarded", "the same, no run behind guard pages", "", kAtLeast, 1.9,
     &two_workers_unguarded},
    {"workers-cpu", "CPU time of two worker processes over one", "", kAtMost, 1.05,
     &two_workers_cpu},
    {"heart", "native, in memory, 100,000 keys of 8 bytes, values too, 50:50 uniform", "M/s",
     kAtLeast, 3, &native_heart},
    {"heart-large", "the same, 1,000,000 keys: twice what memory takes, and some", "M/s", kNothing,
     0, &native_heart_large},
    {"heart-announced", "the same, 16 keys announced at a time", "M/s", kAtLeast, 3,
     &native_heart_announced},
    {"heart-hooks", "what the hooks cost heart-large, beside a build without", "%", kAtMost, 5,
     &native_hooks},
    {"heart-hooks-announced", "what they cost heart-announced", "%", kAtMost, 5,
     &native_hooks_announced},
    {"bare-boost", "two switches of Boost.Context", "ns", kNothing, 0, &bare_boost},
    {"bare-own", "two switches of our own", "ns", kNothing, 0, &bare_own},
    {"bare-ratio", "own / Boost", "", kNothing, 0, &bare_ratio},
    {"loop-boost", "scheduler-like step, Boost.Context", "ns", kNothing, 0, &loop_boost},
    {"loop-own", "scheduler-like step, our own switch", "ns", kNothing, 0, &loop_own},
    {"loop-ratio", "own / Boost", "", kNothing, 0, &loop_ratio},
    {"deep-boost", "the same under three calls, Boost.Context", "ns", kNothing, 0, &deep_boost},
    {"deep-own", "the same under three calls, our own switch", "ns", kNothing, 0, &deep_own},
    {"deep-ratio", "own / Boost", "", kNothing, 0, &deep_ratio},
};

}  // namespace

std::span<const Figure> all_figures() { return kFigures; }

}  // namespace orrery::bench
