// SPDX-License-Identifier: Apache-2.0
// An append log keeps what it acknowledged, and nothing that it rolled back: whoever opens it again
// reads all that was acknowledged and not given up, once, in order, byte for byte; what else he
// reads was really appended, and no crash had taken it before (engine-spec 7).
//
// A log is a prefix of what was appended, in order of address: without holes, all that lies below
// the recovered end is there. A tolerant log may have lost what it told nobody was durable. What a
// reader of the committed part has seen counts as acknowledged, and so does all that a recovery has
// found: the next one must find it again. What was given up, and committed as that, is gone for
// good. The cookie of the log is the last that was acknowledged, or one that was set since.
//
// Where a file has decayed, what was in it may be lost, and with it what a newer commit said; but
// never silently. A log that recovers ends before what is lost, or its readers are told; and one of
// whose device only the end was cut off says so before anybody reads. Nobody begins another where
// there is one, also if nothing speaks of it any more.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "scenarios/ledger.hpp"
#include "scenarios/oracles/lives.hpp"
#include "scenarios/oracles/oracle.hpp"

namespace orrery::scenarios {
namespace {

constexpr int64_t kAnyFirst = 64;

struct Entry {
  uint64_t number = 0;
  int64_t end = 0;
  bool acknowledged = false;
  bool read_back = false;
};

struct Follower {
  bool began = false;
  int64_t from = 0;
  int64_t reached = 0;
  std::set<int64_t> seen;  // addresses
};

class Ledger {
 public:
  explicit Ledger(const Run& run);
  std::optional<Finding> judge();

 private:
  using Found = std::optional<Finding>;
  Found take(const sim::Event& event);
  Found opened(const sim::Event& event);
  Found refused(const sim::Event& event);
  Found recovered(const sim::Event& event);
  Found read_back(const sim::Event& event);
  Found read_back_ended(const sim::Event& event);
  Found appended(const sim::Event& event);
  Found cookie_recovered(uint64_t number);
  void acknowledged(const sim::Event& event);
  Found followed(const sim::Event& event, Follower& follower, bool committed);
  bool holds_anything() const;
  void pass_over(const std::pair<const int64_t, Entry>& entry);
  void decayed(const sim::Event& event);
  Found ended();
  Found missed(const Follower& follower) const;
  /// The entry of that number at that address; null if nobody can have appended it there.
  Entry* match(uint64_t number, int64_t address, int64_t end);
  Finding broken(const char* label, std::string text) const;

  const Run& run_;
  bool cache_ = false;
  bool tolerant_ = false;
  bool durable_ = true;             // no file has decayed so far
  bool intact_ = true;              // and none but the log's device was cut
  bool emptied_ = false;            // that one was, to nothing
  size_t at_ = 0;                   // the event at hand
  std::map<int64_t, Entry> known_;  // by address: what is there, or may be
  // What was below begin, or in a hole. An older commit knows neither.
  std::map<int64_t, Entry> passed_over_;
  std::set<uint64_t> asked_;          // numbers that may be somewhere, or nowhere
  std::set<uint64_t> unseen_;         // were, and a recovery did not show them
  bool exists_ = false;               // a log was opened, and cannot vanish
  int64_t given_up_ = 0;              // below this, everything may be gone
  int64_t gone_ = 0;                  // below this, everything is
  int64_t tail_ = 0;                  // as it was recovered
  int64_t read_until_ = 0;            // of the reading back
  uint64_t cookie_ = 0;               // the last that is known to be durable
  std::set<uint64_t> cookies_asked_;  // since the last recovery
  std::set<uint64_t> cookies_set_;    // ever
  std::array<Follower, 2> followers_;
};

}  // namespace

Judgement judge_ledger(const Run& run, OracleScratch&) { return Ledger(run).judge(); }

namespace {

Ledger::Ledger(const Run& run)
    : run_(run),
      cache_(run.plan->scenario->is_cache(run.plan->sizes)),
      tolerant_(run.plan->sizes.find("tolerant").value_or(0) != 0) {}

std::optional<Finding> Ledger::judge() {
  const auto& events = run_.trace->events;
  for (at_ = 0; at_ < events.size(); ++at_) {
    if (Found found = take(events[at_])) return found;
  }
  if (events.empty()) return std::nullopt;
  at_ = events.size() - 1;
  return ended();
}

Ledger::Found Ledger::take(const sim::Event& event) {
  switch (event.kind) {
    case ledger::kOpened: return opened(event);
    case ledger::kRecovered: return recovered(event);
    case ledger::kReadBack: return read_back(event);
    case ledger::kReadBackEnded: return read_back_ended(event);
    case ledger::kAsked: asked_.insert(static_cast<uint64_t>(event.a)); break;
    case ledger::kRefused: asked_.erase(static_cast<uint64_t>(event.a)); break;
    case ledger::kAppended: return appended(event);
    case ledger::kAcknowledged: acknowledged(event); break;
    case ledger::kCookieAsked:
      cookies_asked_.insert(static_cast<uint64_t>(event.a));
      cookies_set_.insert(static_cast<uint64_t>(event.a));
      break;
    case ledger::kCookieAcknowledged: cookie_ = static_cast<uint64_t>(event.a); break;
    case ledger::kCookieRecovered: return cookie_recovered(static_cast<uint64_t>(event.a));
    case ledger::kGivingUp: given_up_ = std::max(given_up_, event.a); break;
    case ledger::kGivenUp: gone_ = std::max(gone_, event.a); break;
    case ledger::kReaderBegins:
      followers_[static_cast<size_t>(event.a)] = {true, event.b, event.b, {}};
      break;
    case ledger::kReadCommitted: return followed(event, followers_[0], true);
    case ledger::kReadUncommitted: return followed(event, followers_[1], false);
    case ledger::kReaderFailed:
      if (!intact_) break;
      return broken("a reader met damage", fmt::format("at address {}", event.b));
    case ledger::kFailed: return refused(event);
    case static_cast<uint16_t>(sim::Kind::decayed): decayed(event); break;
    case ledger::kClosed:
    case static_cast<uint16_t>(sim::Kind::crashed): return ended();
    default: break;
  }
  return std::nullopt;
}

Ledger::Found Ledger::opened(const sim::Event& event) {
  if (exists_ && !emptied_ && (durable_ || holds_anything())) {
    return broken("a log was begun over another", "there was one, and nothing has taken it away");
  }
  durable_ = intact_ = true;  // it begins on an empty device
  emptied_ = false;
  known_.clear();
  passed_over_.clear();
  asked_.clear();
  unseen_.clear();
  cookies_asked_.clear();
  cookie_ = 0;
  given_up_ = event.b;
  gone_ = 0;
  exists_ = !cache_;
  return std::nullopt;
}

Ledger::Found Ledger::refused(const sim::Event& event) {
  if (event.a != static_cast<int64_t>(ledger::Call::open_log)) return std::nullopt;
  const auto code = static_cast<engine::Errc>(event.b);
  const bool excused = code == engine::Errc::corrupt && !durable_;
  const bool of_damage = code == engine::Errc::corrupt || code == engine::Errc::invalid;
  if (!of_damage || excused) return std::nullopt;
  return broken("a log was found damaged",
                fmt::format("whoever asked for a new one was told {}", engine::name_of(code)));
}

Ledger::Found Ledger::recovered(const sim::Event& event) {
  const auto code = static_cast<engine::Errc>(event.a);
  if (code == engine::Errc::io || code == engine::Errc::no_memory) return std::nullopt;
  if (code == engine::Errc::not_found) {
    if (!exists_ || emptied_ || (!durable_ && !holds_anything())) return std::nullopt;
    return broken("a log is gone", "one had been opened, and recovery finds none");
  }
  if (code != engine::Errc::ok) {
    if (!durable_ && code == engine::Errc::corrupt) return std::nullopt;
    return broken("a log was found damaged",
                  fmt::format("recovery ended with {}", engine::name_of(code)));
  }
  exists_ = true;
  emptied_ = false;  // what is appended from now on is on the device again
  tail_ = event.c;
  read_until_ = event.b;
  if (event.b > std::max(given_up_, kAnyFirst)) {
    return broken(
        "a recovered log begins above what was given up",
        fmt::format("it begins at {}, and only what is below {} was given up", event.b, given_up_));
  }
  if (event.b < gone_ && durable_) {
    return broken(
        "what was given up has come back",
        fmt::format("the log begins at {}, and a commit had covered that all below {} was "
                    "given up",
                    event.b, gone_));
  }
  const auto begin = known_.lower_bound(event.b);
  std::for_each(known_.begin(), begin, [&](const auto& entry) { pass_over(entry); });
  known_.erase(known_.begin(), begin);
  passed_over_.erase(passed_over_.lower_bound(tail_),
                     passed_over_.end());  // others will stand there
  if (!durable_) known_.insert(passed_over_.lower_bound(event.b), passed_over_.end());
  for (auto entry = known_.lower_bound(tail_); entry != known_.end();) {
    if (entry->second.acknowledged && durable_ && entry->first >= given_up_) {
      return broken("an acknowledged entry was lost",
                    fmt::format("entry {} at {} was acknowledged, and the recovered log ends at {}",
                                name_of_number(entry->second.number), entry->first, tail_));
    }
    entry = known_.erase(entry);
  }
  for (auto& [address, entry] : known_) {
    // From now on this is the log, in whichever order it is read.
    if (!tolerant_) entry.acknowledged = true;
    entry.read_back = false;
  }
  return std::nullopt;
}

bool Ledger::holds_anything() const {
  return std::any_of(known_.begin(), known_.end(),
                     [](const auto& entry) { return entry.second.acknowledged; });
}

void Ledger::pass_over(const std::pair<const int64_t, Entry>& entry) {
  Entry& there = passed_over_[entry.first] = entry.second;
  there.acknowledged = false;
}

void Ledger::decayed(const sim::Event& event) {
  durable_ = false;
  // That of the commit files: what is left of the log is as it was.
  if (event.a == static_cast<int64_t>(sim::Decay::Kind::gone)) return;
  const bool cut = event.a == static_cast<int64_t>(sim::Decay::Kind::cut);
  const bool of_log = sim::decayed_file(*run_.trace, event).ends_with("/log");
  if (!cut || !of_log) intact_ = false;
  if (cut && of_log && event.b == 0) emptied_ = true;
}

// The last that was acknowledged, or one that was set since.
Ledger::Found Ledger::cookie_recovered(uint64_t number) {
  const bool later = number > cookie_ && cookies_asked_.contains(number);
  const bool lost = number != cookie_ && !later;
  const uint64_t known = std::exchange(cookie_, number);
  cookies_asked_.clear();
  if (number != 0 && !cookies_set_.contains(number)) {
    return broken("the cookie of a commit is none that was ever set",
                  fmt::format("{} was recovered", number));
  }
  if (!lost || !durable_) return std::nullopt;
  return broken("the cookie of a commit was lost",
                fmt::format("{} was durable, and {} was recovered", known, number));
}

Entry* Ledger::match(uint64_t number, int64_t address, int64_t end) {
  const auto there = known_.find(address);
  if (there != known_.end()) {
    const bool same = there->second.number == number && there->second.end == end;
    return same ? &there->second : nullptr;
  }
  const bool may_be = asked_.erase(number) != 0 || (!durable_ && unseen_.erase(number) != 0);
  if (!may_be) return nullptr;
  return &(known_[address] = {number, end, false, false});
}

Ledger::Found Ledger::read_back(const sim::Event& event) {
  const auto number = static_cast<uint64_t>(event.a);
  if (number == 0 && intact_) {
    return broken("an entry holds bytes that nobody wrote", fmt::format("at address {}", event.b));
  }
  if (event.b < read_until_ || event.c > tail_) {
    return broken("a recovered log is read out of order",
                  fmt::format("[{}, {}) after {}, and the log ends at {}", event.b, event.c,
                              read_until_, tail_));
  }
  read_until_ = event.c;
  Entry* const entry = match(number, event.b, event.c);
  if (entry == nullptr) {
    return broken("an entry is there that was rolled back or never appended",
                  fmt::format("entry {} at {}", name_of_number(number), event.b));
  }
  entry->read_back = true;
  return std::nullopt;
}

Ledger::Found Ledger::read_back_ended(const sim::Event& event) {
  const auto code = static_cast<engine::Errc>(event.a);
  if (code == engine::Errc::corrupt && intact_) {
    return broken("a recovered log is damaged", fmt::format("at address {}", event.b));
  }
  if (code != engine::Errc::ok) return std::nullopt;
  for (auto entry = known_.begin(); entry != known_.end();) {
    if (entry->second.read_back) {
      entry->second.acknowledged = true;
      ++entry;
      continue;
    }
    if (entry->second.acknowledged) {
      return broken(
          "an entry is missing in a recovered log",
          fmt::format("entry {} at {}", name_of_number(entry->second.number), entry->first));
    }
    pass_over(*entry);
    entry = known_.erase(entry);
  }
  unseen_.merge(asked_);
  asked_.clear();
  return std::nullopt;
}

Ledger::Found Ledger::appended(const sim::Event& event) {
  const auto number = static_cast<uint64_t>(event.a);
  if (Entry* const entry = match(number, event.b, event.c)) {
    const auto there = known_.find(event.b);
    const bool overlaps_next =
        std::next(there) != known_.end() && std::next(there)->first < entry->end;
    const bool overlaps_last =
        there != known_.begin() && std::prev(there)->second.end > there->first;
    if (!overlaps_next && !overlaps_last) return std::nullopt;
  }
  return broken("two entries stand in one place",
                fmt::format("entry {} at {}", name_of_number(number), event.b));
}

void Ledger::acknowledged(const sim::Event& event) {
  auto entry = known_.lower_bound(event.a);
  for (; entry != known_.end() && entry->first < event.b; ++entry) {
    entry->second.acknowledged = true;
  }
}

Ledger::Found Ledger::followed(const sim::Event& event, Follower& follower, bool committed) {
  const auto number = static_cast<uint64_t>(event.a);
  if (number == 0 && intact_) {
    return broken("an entry holds bytes that nobody wrote", fmt::format("at address {}", event.b));
  }
  if (event.b < follower.reached) {
    return broken("a reader goes back", fmt::format("from {} to {}", follower.reached, event.b));
  }
  follower.reached = event.c;
  follower.seen.insert(event.b);
  Entry* const entry = match(number, event.b, event.c);
  if (entry == nullptr) {
    return broken("a reader got an entry that was rolled back or never appended",
                  fmt::format("entry {} at {}", name_of_number(number), event.b));
  }
  if (committed) entry->acknowledged = true;
  return std::nullopt;
}

// A life of the log is over: what was not acknowledged may be there next time, or not.
Ledger::Found Ledger::ended() {
  for (Follower& follower : followers_) {
    Found found = follower.began ? missed(follower) : std::nullopt;
    if (found) return found;
    follower = {};
  }
  return std::nullopt;
}

// A reader passes over nothing but what was given up, lost in a hole, or gone from a cache.
Ledger::Found Ledger::missed(const Follower& follower) const {
  if (cache_ || tolerant_) return std::nullopt;
  auto entry = known_.lower_bound(std::max(follower.from, given_up_));
  for (; entry != known_.end() && entry->first < follower.reached; ++entry) {
    if (follower.seen.contains(entry->first)) continue;
    return broken("a reader passed over an entry",
                  fmt::format("entry {} at {}, on the way from {} to {}",
                              name_of_number(entry->second.number), entry->first, follower.from,
                              follower.reached));
  }
  return std::nullopt;
}

Finding Ledger::broken(const char* label, std::string text) const {
  Finding finding = finding_at(run_, "durability-ledger", at_);
  finding.label = label;
  finding.text = std::move(text);
  return finding;
}

}  // namespace
}  // namespace orrery::scenarios
