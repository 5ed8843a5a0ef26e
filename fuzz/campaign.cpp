// SPDX-License-Identifier: Apache-2.0
#include "fuzz/campaign.hpp"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "engine/base/check.hpp"

namespace orrery::fuzz {
namespace {

using reports::RunRow;
using Moment = std::chrono::steady_clock::time_point;

constexpr int kTickMs = 100;
constexpr int kHarnessFailure = 5;
constexpr size_t kDefectsMax = 3;

/// Takes Ctrl-C and SIGTERM out of the hands of the default for as long as it lives, and tells of
/// them through a descriptor: no handler, no global.
class Interrupts {
 public:
  Interrupts();
  ~Interrupts();
  int descriptor() const { return descriptor_; }
  bool take();

 private:
  sigset_t before_{};
  int descriptor_ = -1;
};

struct Worker {
  pid_t process = -1;
  int pipe = -1;
  std::vector<std::byte> bytes;  // the beginning of a row that has not arrived whole
  uint64_t died_in = kNoRun;     // the run in which this worker's predecessor died
  int death = 0;                 // how: its wait status
};

class Supervisor {
 public:
  Supervisor(const CampaignOrder& order, Watcher& watcher) : order_(order), watcher_(watcher) {}
  Campaign run();

 private:
  void start(unsigned number, uint64_t first);
  void wait_for_news();
  bool receive(unsigned number);
  void arrived(unsigned number, const RunRow& row);
  void ended(unsigned number);
  void died(unsigned number, int status);
  void add_defect(uint64_t index, std::string text);
  void hand_on(bool all);
  void count(const RunRow& row);
  void interrupted();
  void kill_all();
  void finish();
  uint64_t next_run(uint64_t after) const { return after + order_.workers; }
  double seconds() const;
  bool any_running() const;

  const CampaignOrder& order_;
  Watcher& watcher_;
  SharedMemory memory_;
  Interrupts interrupts_;
  Moment begun_ = std::chrono::steady_clock::now();
  std::vector<Worker> workers_;
  std::map<uint64_t, std::optional<RunRow>> waiting_;  // by index; nothing: a defect
  uint64_t next_ = 0;
  bool over_ = false;
  Campaign campaign_;
};

std::string death_text(int status);
double cpu_seconds();

}  // namespace

Campaign run_campaign(const CampaignOrder& order, Watcher& watcher) {
  CHECK(order.workers >= 1 && order.workers <= kWorkersMax, "{} workers", order.workers);
  return Supervisor(order, watcher).run();
}

namespace {

Campaign Supervisor::run() {
  const double cpu_before = cpu_seconds();
  workers_.resize(order_.workers);
  for (unsigned number = 0; number < order_.workers; ++number) start(number, number);
  while (any_running() && !over_) wait_for_news();
  if (over_) kill_all();
  hand_on(true);
  finish();
  campaign_.wall_s = seconds();
  campaign_.cpu_s = cpu_seconds() - cpu_before;
  return campaign_;
}

void Supervisor::start(unsigned number, uint64_t first) {
  int ends[2];
  CHECK(pipe(ends) == 0, "no pipe for a worker: {}", strerror(errno));
  const pid_t supervisor = getpid();
  const pid_t process = fork();
  CHECK(process >= 0, "no worker process: {}", strerror(errno));
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor) _exit(kHarnessFailure);
    close(ends[0]);
    for (const Worker& other : workers_) {
      if (other.pipe >= 0) close(other.pipe);
    }
    work({number, first, order_.workers, order_.runs_max, ends[1]}, memory_, order_.player);
  }
  close(ends[1]);
  Worker& worker = workers_[number];
  worker.process = process;
  worker.pipe = ends[0];
  worker.bytes.clear();
}

void Supervisor::wait_for_news() {
  std::vector<pollfd> watched{{interrupts_.descriptor(), POLLIN, 0}};
  std::vector<unsigned> numbers;
  for (unsigned number = 0; number < workers_.size(); ++number) {
    if (workers_[number].pipe < 0) continue;
    watched.push_back({workers_[number].pipe, POLLIN, 0});
    numbers.push_back(number);
  }
  poll(watched.data(), watched.size(), kTickMs);
  if ((watched[0].revents & POLLIN) != 0 && interrupts_.take()) interrupted();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (watched[i + 1].revents != 0 && !receive(numbers[i])) ended(numbers[i]);
  }
  hand_on(false);
  if (seconds() * 1000 >= static_cast<double>(order_.time_max_ms)) memory_.shared().stop = true;
  watcher_.on_tick(campaign_, seconds());
}

// False at the end of the pipe.
bool Supervisor::receive(unsigned number) {
  std::vector<std::byte>& bytes = workers_[number].bytes;
  const size_t before = bytes.size();
  bytes.resize(before + 64 * sizeof(RunRow));
  const ssize_t got = read(workers_[number].pipe, bytes.data() + before, bytes.size() - before);
  if (got < 0 && errno == EINTR) {
    bytes.resize(before);
    return true;
  }
  bytes.resize(before + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  size_t used = 0;
  for (; bytes.size() - used >= sizeof(RunRow); used += sizeof(RunRow)) {
    RunRow row;
    memcpy(static_cast<void*>(&row), bytes.data() + used, sizeof row);
    arrived(number, row);
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(used));
  return got > 0;
}

void Supervisor::arrived(unsigned number, const RunRow& row) {
  Worker& worker = workers_[number];
  if (worker.died_in == row.index) {
    // It died there, and its successor did not: nobody knows why.
    const std::string text =
        fmt::format("a worker {} in this run, and another did not", death_text(worker.death));
    worker.died_in = kNoRun;
    return add_defect(row.index, text);
  }
  waiting_[row.index] = row;
  if (row.verdict == scenarios::Verdict::failed && !order_.keep_going) {
    auto& last = memory_.shared().last;
    last = std::min(last.load(), row.index);
  }
}

void Supervisor::ended(unsigned number) {
  Worker& worker = workers_[number];
  close(worker.pipe);
  worker.pipe = -1;
  int status = 0;
  while (waitpid(worker.process, &status, 0) < 0 && errno == EINTR) {
  }
  worker.process = -1;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) died(number, status);
}

void Supervisor::died(unsigned number, int status) {
  Worker& worker = workers_[number];
  Shared& shared = memory_.shared();
  const uint64_t index = shared.now[number];
  if (index == kNoRun || waiting_.contains(index) || index < next_) {
    add_defect(kNoRun, fmt::format("a worker {} between two runs", death_text(status)));
    if (index != kNoRun && !shared.stop) start(number, next_run(index));
    return;
  }
  const bool again = worker.died_in == index;
  const bool by_harness = WIFEXITED(status) && WEXITSTATUS(status) == kHarnessFailure;
  if (!again && !by_harness && !shared.stop) {
    worker.died_in = index;
    worker.death = status;
    return start(number, index);
  }
  if (again && status == worker.death && !by_harness) {
    RunRow row;
    row.index = index;
    row.seed = order_.seed_of(index);
    row.verdict = scenarios::Verdict::failed;
    row.oracle = "memory";
    row.signature.format("memory: the process {} (worker)", death_text(status));
    worker.died_in = kNoRun;
    arrived(number, row);
  } else {
    worker.died_in = kNoRun;
    add_defect(index, fmt::format("a worker {} in this run", death_text(status)));
  }
  if (!shared.stop && next_run(index) < order_.runs_max) start(number, next_run(index));
}

void Supervisor::add_defect(uint64_t index, std::string text) {
  campaign_.defects.push_back({index, std::move(text)});
  if (index != kNoRun) waiting_[index] = std::nullopt;
  if (campaign_.defects.size() >= kDefectsMax) memory_.shared().stop = true;
}

// Rows in order of index. `all`: nothing more will come, so gaps are skipped.
void Supervisor::hand_on(bool all) {
  while (!waiting_.empty() && !over_) {
    const auto first = waiting_.begin();
    if (first->first != next_ && !all) return;
    next_ = first->first + 1;
    const std::optional<RunRow> row = first->second;
    waiting_.erase(first);
    if (!row) continue;
    count(*row);
    watcher_.on_row(*row);
    if (row->verdict == scenarios::Verdict::failed && !order_.keep_going) over_ = true;
  }
}

void Supervisor::count(const RunRow& row) {
  ++campaign_.runs;
  campaign_.steps += row.steps;
  campaign_.points += row.points;
  for (size_t bug = 0; bug < row.reached.size(); ++bug) {
    if (row.reached[bug] > 0) ++campaign_.runs_that_reached[bug];
  }
  if (row.verdict == scenarios::Verdict::inconclusive) ++campaign_.inconclusive;
  if (row.verdict != scenarios::Verdict::failed) return;
  ++campaign_.failed;
  for (SignatureCount& known : campaign_.signatures) {
    if (known.first.signature.view() != row.signature.view()) continue;
    ++known.count;
    return;
  }
  campaign_.signatures.push_back({row, 1});
}

void Supervisor::interrupted() {
  if (campaign_.interrupted) {
    kill_all();
    _exit(128 + SIGINT);
  }
  campaign_.interrupted = true;
  memory_.shared().stop = true;
}

void Supervisor::kill_all() {
  for (Worker& worker : workers_) {
    if (worker.process < 0) continue;
    kill(worker.process, SIGKILL);
    while (waitpid(worker.process, nullptr, 0) < 0 && errno == EINTR) {
    }
    worker.process = -1;
    close(worker.pipe);
    worker.pipe = -1;
  }
}

// One label may stand in the source more than once.
void Supervisor::finish() {
  std::map<std::string, SometimesCount> by_label;
  const auto all = engine::all_sometimes();
  for (size_t i = 0; i < all.size(); ++i) {
    SometimesCount& one = by_label[all[i]->label];
    one.label = all[i]->label;
    one.place = fmt::format("{}:{}", all[i]->file, all[i]->line);
    one.hits += memory_.sometimes()[i].load();
  }
  for (auto& [label, one] : by_label) campaign_.sometimes.push_back(std::move(one));
}

double Supervisor::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
}

bool Supervisor::any_running() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.process >= 0; });
}

Interrupts::Interrupts() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigprocmask(SIG_BLOCK, &signals, &before_);
  descriptor_ = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
}

Interrupts::~Interrupts() {
  if (descriptor_ >= 0) close(descriptor_);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

bool Interrupts::take() {
  signalfd_siginfo info{};
  return read(descriptor_, &info, sizeof info) == static_cast<ssize_t>(sizeof info);
}

std::string death_text(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("was ended by signal {} ({})", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
  }
  return fmt::format("ended with exit code {}", WEXITSTATUS(status));
}

double cpu_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage used{};
    getrusage(who, &used);
    for (const timeval& part : {used.ru_utime, used.ru_stime}) {
      seconds += static_cast<double>(part.tv_sec) + static_cast<double>(part.tv_usec) / 1e6;
    }
  }
  return seconds;
}

}  // namespace
}  // namespace orrery::fuzz
