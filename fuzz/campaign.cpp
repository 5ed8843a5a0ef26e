// SPDX-License-Identifier: Apache-2.0
#include "fuzz/campaign.hpp"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "engine/base/check.hpp"
#include "fuzz/counts.hpp"
#include "fuzz/interrupts.hpp"
#include "fuzz/run_order.hpp"
#include "fuzz/worker_slot.hpp"
#include "reports/words.hpp"

namespace orrery::fuzz {
namespace {

using reports::RunRow;
using Moment = std::chrono::steady_clock::time_point;

constexpr int kTickMs = 100;
constexpr int kEndMs = 2;              // between looks at one that is about to end
constexpr int64_t kOwnPauseMs = 1000;  // a tick that took longer: this process did not run
// What closes its pipe has ended, or does so in a moment. If it does not, it has lost its pipe.
constexpr int64_t kMuteMs = 1000;
constexpr uint64_t kEarlierRun = kNoRun - 1;  // in place of a run: one before what it plays now
// A worker that cannot be started (no process, no descriptor, no memory to be had) is tried again
// for two seconds; the others go on meanwhile.
constexpr int64_t kRetryMs = 200;
constexpr unsigned kTriesMax = 10;
// Rows are taken in many at a time: a supervisor that woke for each would take the time of a core.
constexpr int kPipeSize = 1 << 20;
constexpr size_t kRowsAtOnce = 256;
constexpr timespec kBetweenReads{0, 2'000'000};

// The line that tells most of what it said, behind a colon; nothing if it said nothing.
std::string said_by(const Worker& worker) {
  const std::string line = heart_of(worker.last_words.text(), 1);
  return line.empty() ? "" : ": " + line.substr(0, line.find('\n'));
}

class Supervisor {
 public:
  Supervisor(const CampaignOrder& order, Watcher& watcher)
      : order_(order),
        watcher_(watcher),
        workers_(order.workers),
        end_(order.runs_max < UINT64_MAX - order.first ? order.first + order.runs_max : kNoRun),
        runs_(order.first) {
    memory_.shared().next = order.first;
    raise_limit();
  }
  Campaign run();

 private:
  void start(unsigned number, uint64_t again);
  bool fork_worker(unsigned number, uint64_t again);
  void not_started(unsigned number, uint64_t again);
  void start_late();
  void kill_hung();
  void wait_for_news();
  bool receive(unsigned number);
  void arrived(unsigned number, const RunRow& row, std::string last_words = {});
  void ended(unsigned number);
  void take_in(unsigned number);
  void kill_mute(unsigned number);
  int patience_ms() const;
  void died(unsigned number, int status);
  void verdict_of_death(unsigned number, uint64_t index, int death);
  void add_defect(uint64_t index, std::string text);
  void hand_on(bool all);
  void lose_what_nobody_plays();
  void raise_limit();
  void blame_losses();
  bool ends_campaign(const RunRow& row) const;
  void interrupted();
  void stop();
  void kill_all();
  double seconds() const;
  bool any_left() const;

  const CampaignOrder& order_;
  Watcher& watcher_;
  SharedMemory memory_;
  Interrupts interrupts_;
  int64_t last_tick_ms_ = steady_ms();
  Moment begun_ = std::chrono::steady_clock::now();
  std::vector<Worker> workers_;
  const uint64_t end_;
  RunOrder runs_;  // to be handed on
  bool over_ = false;
  bool stopped_ = false;
  bool short_of_workers_ = false;
  Campaign campaign_;
};

}  // namespace

Campaign run_campaign(const CampaignOrder& order, Watcher& watcher) {
  CHECK(order.workers >= 1 && order.workers <= kWorkersMax, "{} workers", order.workers);
  CHECK(order.ahead_max > 0, "no worker may begin a run");
  return Supervisor(order, watcher).run();
}

namespace {

Campaign Supervisor::run() {
  const double cpu_before = cpu_seconds();
  // Whoever started this may have ignored the ends of children, and then none of ours is heard of.
  signal(SIGCHLD, SIG_DFL);
  for (unsigned number = 0; number < order_.workers; ++number) start(number, kNoRun);
  while (any_left() && !over_) wait_for_news();
  if (over_) kill_all();
  hand_on(true);
  const Shared& shared = memory_.shared();
  if (!over_) {
    runs_.lose_up_to(std::min(shared.next.load(), end_));
    if (!stopped_ && runs_.next() < end_) campaign_.broke_off = true;
  }
  blame_losses();
  // A Ctrl-C that came while the last rows were read. What had ended by itself is not interrupted.
  if (!over_ && !stopped_ && interrupts_.came()) interrupted();
  campaign_.sometimes = sometimes_by_label(memory_.sometimes());
  campaign_.next = runs_.next();
  campaign_.wall_s = seconds();
  campaign_.cpu_s = cpu_seconds() - cpu_before;
  return campaign_;
}

// `again`: a run that is played once more; kNoRun: what is next.
void Supervisor::start(unsigned number, uint64_t again) {
  Worker& worker = workers_[number];
  memory_.shared().since[number] = steady_ms();
  memory_.shared().now[number] = again;
  worker.held = 0;
  worker.last_words.clear();
  worker.killed_in = kNoRun;
  worker.mute_killed = false;
  if (!fork_worker(number, again)) return not_started(number, again);
  worker.tries = 0;
  worker.wanted = false;
}

bool Supervisor::fork_worker(unsigned number, uint64_t again) {
  Worker& worker = workers_[number];
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return false;
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  fcntl(ends[0], F_SETPIPE_SZ, kPipeSize);  // a smaller one does as well
  const pid_t supervisor = getpid();
  const pid_t process = fork();
  if (process < 0) {
    const int why = errno;
    for (const int end : ends) close(end);
    errno = why;
    return false;
  }
  if (process == 0) {
    if (!dies_with(supervisor)) _exit(kHarnessFailure);
    close(ends[0]);
    for (const Worker& other : workers_) {
      if (other.pipe >= 0) close(other.pipe);
    }
    work({number, again, end_, ends[1], order_.hang_after_ms / 2}, memory_, worker.last_words,
         order_.player);
  }
  close(ends[1]);
  worker.process = process;
  worker.pipe = ends[0];
  return true;
}

// The machine has no more to give, so it is told once. What this worker owes is owed to the reader
// of the results as well: in the end it is a defect of its own.
void Supervisor::not_started(unsigned number, uint64_t again) {
  const int why = errno;
  Worker& worker = workers_[number];
  memory_.shared().now[number] = kNoRun;
  if (!std::exchange(short_of_workers_, true)) {
    add_defect(kNoRun, fmt::format("a worker cannot be started: {}", strerror(why)));
  }
  worker.owed = again;
  worker.wanted = ++worker.tries < kTriesMax;
  worker.retry_ms = steady_ms() + kRetryMs;
  if (worker.wanted || again == kNoRun) return;
  runs_.add(again);
  add_defect(again, "its worker died, and no other could be started");
}

void Supervisor::start_late() {
  for (unsigned number = 0; number < workers_.size(); ++number) {
    Worker& worker = workers_[number];
    if (!worker.wanted || steady_ms() < worker.retry_ms) continue;
    const bool idle = stopped_ || memory_.shared().next >= end_;
    if (worker.owed == kNoRun && idle) {
      worker.wanted = false;
    } else {
      start(number, worker.owed);
    }
  }
}

void Supervisor::wait_for_news() {
  std::vector<pollfd> watched;
  std::vector<unsigned> numbers;
  for (unsigned number = 0; number < workers_.size(); ++number) {
    if (workers_[number].pipe < 0) continue;
    watched.push_back({workers_[number].pipe, POLLIN, 0});
    numbers.push_back(number);
  }
  const int ready = poll(watched.data(), watched.size(), patience_ms());
  if (interrupts_.came() && !campaign_.interrupted) interrupted();
  for (size_t i = 0; ready > 0 && i < numbers.size(); ++i) {
    if (watched[i].revents != 0 && !receive(numbers[i])) ended(numbers[i]);
  }
  for (unsigned number = 0; number < workers_.size(); ++number) {
    if (workers_[number].process >= 0 && workers_[number].pipe < 0) take_in(number);
  }
  hand_on(false);
  if (ready >= 0) lose_what_nobody_plays();
  start_late();
  kill_hung();
  if (seconds() * 1000 >= static_cast<double>(order_.time_max_ms)) stop();
  campaign_.next = runs_.next();
  watcher_.on_tick(campaign_, seconds());
  if (watcher_.gives_up()) campaign_.given_up = over_ = true;
  if (ready > 0 && !over_ && any_left()) nanosleep(&kBetweenReads, nullptr);
}

// Takes all that is there. False at the end of the pipe. The buffer stays as it is: to make it anew
// and clear it for each look would take more time than the rows.
bool Supervisor::receive(unsigned number) {
  Worker& worker = workers_[number];
  worker.bytes.resize(kRowsAtOnce * sizeof(RunRow));
  for (;;) {
    const ssize_t got =
        read(worker.pipe, worker.bytes.data() + worker.held, worker.bytes.size() - worker.held);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return true;
    if (got <= 0) return false;
    worker.held += static_cast<size_t>(got);
    size_t used = 0;
    for (; worker.held - used >= sizeof(RunRow); used += sizeof(RunRow)) {
      RunRow row;
      memcpy(static_cast<void*>(&row), worker.bytes.data() + used, sizeof row);
      arrived(number, row);
    }
    worker.held -= used;
    memmove(worker.bytes.data(), worker.bytes.data() + used, worker.held);
  }
}

void Supervisor::arrived(unsigned number, const RunRow& row, std::string last_words) {
  Worker& worker = workers_[number];
  if (worker.died_in == row.index) {
    // A worker died there, and its successor did not: nobody knows why. What this one saw counts.
    worker.died_in = kNoRun;
    add_defect(row.index, fmt::format("a worker {} in this run, and another did not{}",
                                      death_text(worker.death), worker.said));
  }
  if (runs_.is_over(row.index)) return;  // a run that two had claimed
  Over& over = runs_.add(row.index);
  over.row = row;
  over.last_words = std::move(last_words);
  // A run that came out differently may yet turn out to be something that ends nothing.
  if (!order_.keep_going && row.verdict == scenarios::Verdict::failed) {
    auto& last = memory_.shared().last;
    last = std::min(last.load(), row.index);
  }
}

void Supervisor::ended(unsigned number) {
  Worker& worker = workers_[number];
  close(worker.pipe);
  worker.pipe = -1;
  worker.mute_ms = steady_ms();
  worker.mute_in = memory_.shared().now[number];
}

// Waits for nothing: others may hang meanwhile, and there is Ctrl-C.
void Supervisor::take_in(unsigned number) {
  Worker& worker = workers_[number];
  int status = 0;
  const pid_t waited = waitpid(worker.process, &status, WNOHANG);
  if (waited == 0) return kill_mute(number);
  worker.process = -1;
  if (waited < 0) status = kUnheard;
  if (worker.mute_killed && status == SIGKILL) status = kMute;
  // One that has nothing left to play says so before it ends well. In a run it has no business to.
  if (status != 0 || memory_.shared().now[number] != kNoRun) died(number, status);
}

// One that begins another run has not ended, and that run would be lost as well.
void Supervisor::kill_mute(unsigned number) {
  Worker& worker = workers_[number];
  const uint64_t now = memory_.shared().now[number];
  const bool goes_on = now != worker.mute_in && now != kNoRun;
  const int64_t may_take = std::min(kMuteMs, order_.hang_after_ms);
  if (worker.mute_killed || (!goes_on && steady_ms() - worker.mute_ms < may_take)) return;
  worker.mute_killed = true;
  if (goes_on) worker.killed_in = kEarlierRun;
  kill(worker.process, SIGKILL);
}

// Until there is something to do. One that has just closed its pipe has ended at any moment.
int Supervisor::patience_ms() const {
  const int64_t now = steady_ms();
  const bool ends = std::any_of(workers_.begin(), workers_.end(), [&](const Worker& worker) {
    return worker.process >= 0 && worker.pipe < 0 && now - worker.mute_ms < kTickMs;
  });
  return ends ? kEndMs : kTickMs;
}

void Supervisor::died(unsigned number, int status) {
  Worker& worker = workers_[number];
  Shared& shared = memory_.shared();
  const uint64_t index = shared.now[number];
  const bool by_harness =
      status == kUnheard || (WIFEXITED(status) && WEXITSTATUS(status) == kHarnessFailure);
  const bool by_us = worker.killed_in != kNoRun;
  const bool hung = by_us && worker.killed_in == index;
  const int death = hung ? kHung : status;
  if (index == kNoRun || runs_.is_over(index)) {
    if (!by_us) {
      add_defect(kNoRun, fmt::format("a worker {} between two runs{}", death_text(status),
                                     said_by(worker)));
    }
    if (!stopped_) start(number, kNoRun);
    return;
  }
  // Killed when it had just begun another run: that one is not to blame.
  if (by_us && !hung) return start(number, index);
  const bool again = worker.died_in == index;
  if (!again) {
    worker.died_in = index;
    worker.death = death;
    worker.said = said_by(worker);
    return start(number, index);
  }
  worker.died_in = kNoRun;
  if (death == worker.death && !by_harness && death != kMute) {
    verdict_of_death(number, index, death);
  } else {
    runs_.add(index);
    add_defect(index, fmt::format("a worker {} in this run{}", death_text(death), said_by(worker)));
  }
  start(number, kNoRun);
}

// The same death twice.
void Supervisor::verdict_of_death(unsigned number, uint64_t index, int death) {
  const std::string words = workers_[number].last_words.text();
  RunRow row;
  row.index = index;
  row.seed = order_.seed_of(index);
  row.on = order_.on;
  if (death == kHung) {
    row.verdict = scenarios::Verdict::inconclusive;
    row.signature.format("hung: not over after {} ms, twice", order_.hang_after_ms);
  } else {
    row.verdict = scenarios::Verdict::failed;
    row.oracle = "memory";
    row.signature.format("memory: {} (worker)", death_label(death, words));
  }
  arrived(number, row, words);
}

// Whether a worker is stopped, blocked, or lost in the harness: its run is over when its time is.
void Supervisor::kill_hung() {
  Shared& shared = memory_.shared();
  const int64_t now = steady_ms();
  const int64_t gap = now - std::exchange(last_tick_ms_, now);
  if (gap >= kOwnPauseMs) {
    // A job that was stopped (Ctrl-Z), a laptop that slept, a machine with no time for anybody: the
    // workers did not run either.
    for (auto& since : shared.since) since += gap;
    for (Worker& worker : workers_) worker.mute_ms += gap;
    return;
  }
  for (unsigned number = 0; number < workers_.size(); ++number) {
    Worker& worker = workers_[number];
    const uint64_t index = shared.now[number];
    if (worker.pipe < 0 || worker.killed_in != kNoRun || index == kNoRun) continue;
    if (now - shared.since[number] < order_.hang_after_ms || runs_.is_over(index)) continue;
    worker.killed_in = index;
    kill(worker.process, SIGKILL);
  }
}

void Supervisor::add_defect(uint64_t index, std::string text) {
  campaign_.defects.push_back({index, std::move(text)});
  if (campaign_.defects.size() < kDefectsMax) return;
  stop();
  campaign_.broke_off = true;
}

// Rows in order of index. `all`: nothing more will come, so what is missing is lost.
void Supervisor::hand_on(bool all) {
  while (!over_) {
    std::optional<Over> over = runs_.take(all);
    if (!over) return;
    if (!over->row) continue;
    watcher_.settle(*over->row);
    const RunRow& row = *over->row;
    count(row, campaign_);
    if (!over->last_words.empty()) watcher_.on_last_words(row, over->last_words);
    watcher_.on_row(row);
    if (ends_campaign(row) || (!order_.keep_going && watcher_.has_found())) over_ = true;
    if (watcher_.gives_up()) campaign_.given_up = over_ = true;
  }
}

// Whatever happened, a campaign that was not played whole does not end well.
void Supervisor::blame_losses() {
  if (runs_.lost() > 0) {
    add_defect(runs_.first_lost(),
               fmt::format("{} from here on were begun, and nothing came of them",
                           reports::counted(runs_.lost(), "run")));
  }
  if (campaign_.broke_off && campaign_.defects.empty()) {
    add_defect(kNoRun, "all workers ended before all runs were played");
  }
}

// The others would wait for ever for a run of which nothing will come. Whoever has claimed a run
// says so before it, and sends its row before it plays another.
void Supervisor::lose_what_nobody_plays() {
  const Shared& shared = memory_.shared();
  uint64_t played = shared.next;
  for (unsigned number = 0; number < workers_.size(); ++number) {
    played = std::min(played, shared.now[number].load());
    if (workers_[number].wanted) played = std::min(played, workers_[number].owed);
  }
  runs_.lose_below(played);
  hand_on(false);
  raise_limit();
}

void Supervisor::raise_limit() {
  const uint64_t next = runs_.next();
  memory_.shared().limit = next < kNoRun - order_.ahead_max ? next + order_.ahead_max : kNoRun;
}

bool Supervisor::ends_campaign(const RunRow& row) const {
  return !order_.keep_going &&
         (row.verdict == scenarios::Verdict::failed || row.rerun == reports::Rerun::differs);
}

void Supervisor::interrupted() {
  campaign_.interrupted = true;
  stop();
}

// A worker may have written anything to the memory that is shared: whether to stop is not read
// there.
void Supervisor::stop() { memory_.shared().stop = stopped_ = true; }

void Supervisor::kill_all() {
  for (Worker& worker : workers_) {
    if (worker.process < 0) continue;
    kill(worker.process, SIGKILL);
    while (waitpid(worker.process, nullptr, 0) < 0 && errno == EINTR) {
    }
    worker.process = -1;
    if (worker.pipe >= 0) close(worker.pipe);
    worker.pipe = -1;
  }
}

double Supervisor::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
}

// Running, or wanted and not yet started.
bool Supervisor::any_left() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.process >= 0 || worker.wanted; });
}

}  // namespace
}  // namespace orrery::fuzz
