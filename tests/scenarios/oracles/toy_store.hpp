// SPDX-License-Identifier: Apache-2.0
// A store in miniature that is right by construction, to make histories for the oracle's tests.
//
// It has a log of records, an index, and a head and a read-only boundary that move; its operations
// take several steps, in the order in which a real engine takes them: look, allocate, link. Between
// any two steps of one another may come. So its histories overlap, retry, and, without a storage
// tier, lose keys in all the ways an engine may. An operation may be abandoned by its client: it
// then stops, or goes on unseen. Everything follows from one seed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "scenarios/history.hpp"
#include "scenarios/oracles/linearizable.hpp"

namespace orrery::scenarios {

class ToyRandom {
 public:
  explicit ToyRandom(uint64_t seed) : state_(seed) {}
  uint64_t below(uint64_t bound) { return next() % bound; }
  bool once_in(uint64_t n) { return n != 0 && below(n) == 0; }

 private:
  uint64_t next() {
    uint64_t mixed = state_ += 0x9E3779B97F4A7C15U;
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBU;
    return mixed ^ (mixed >> 31);
  }

  uint64_t state_;
};

struct ToySizes {
  uint32_t clients = 4;
  uint64_t keys = 4;
  size_t operations = 200;
  bool cache = false;
  int64_t window = 8;         // records between head and tail
  uint64_t abandon_odds = 0;  // once in so many steps
  uint64_t fail_odds = 0;
  uint64_t hide_odds = 0;    // once in so many operations the address is not told
  uint64_t value_bound = 0;  // numbers written are below this; 0: all are different
  uint64_t idle_odds = 1;    // a client begins once in so many of its steps
  size_t switch_at = 0;      // a checkpoint is cut once so many operations began; 0: never
};

class ToyStore {
 public:
  ToyStore(const ToySizes& sizes, uint64_t seed) : sizes_(sizes), random_(seed) {
    actors_.resize(sizes.clients);
    for (uint32_t client = 0; client < sizes.clients; ++client) actors_[client].client = client;
  }

  /// Runs until all operations have ended; abandoned ones may not.
  void run() {
    while (begun_ < sizes_.operations || busy()) {
      ++step_;
      if (random_.once_in(6)) move_head();
      if (version_ == 1 && begun_ >= sizes_.switch_at && sizes_.switch_at != 0) cut();
      const size_t chosen = random_.below(actors_.size());
      // Stepping may add an actor, which moves them all: work on a copy.
      Actor actor = actors_[chosen];
      step(actor);
      actors_[chosen] = actor;
    }
  }

  std::vector<Operation> operations() const {
    return {history_.operations().begin(), history_.operations().end()};
  }
  const std::vector<HeadMove>& moves() const { return moves_; }
  Eviction eviction() const { return {sizes_.cache, moves_}; }

  /// What a checkpoint of version 1 holds that is written now. Requires: it was cut. Of a record
  /// that has been evicted since the cut the image may have come too late.
  std::vector<Found> checkpoint(Cut& cut) {
    cut = {1, step_};
    std::vector<Found> found;
    for (const auto& [key, address] : cut_) {
      const bool missing = evicted(address, head_) && random_.once_in(2);
      const Record& record = kept_.at(address);
      if (!missing && !record.tombstone) found.push_back({key, true, false, record.number});
    }
    return found;
  }

 private:
  enum class Phase { idle, look, act, link, done, dropped };

  struct Record {
    uint64_t number = 0;
    bool tombstone = false;
  };

  struct Actor {
    uint32_t client = 0;
    Phase phase = Phase::idle;
    bool abandoned = false;
    size_t operation = 0;
    int64_t head = 0;    // as this operation saw it
    int64_t entry = 0;   // the newest record of the key, as it saw it; 0: none
    uint64_t fresh = 0;  // what it is about to link
    uint64_t version = 1;
    Ending ending;
  };

  void cut() {
    version_ = 2;
    for (const auto& [key, address] : index_) {
      if (address == 0) continue;
      cut_[key] = address;
      kept_[address] = log_[address];
    }
    cut_tail_ = tail_;
  }

  bool busy() const {
    return std::any_of(actors_.begin(), actors_.end(), [](const Actor& actor) {
      return !actor.abandoned && actor.phase != Phase::idle;
    });
  }

  void move_head() {
    const int64_t head =
        std::max(head_, tail_ - static_cast<int64_t>(random_.below(uint64_t(sizes_.window)) + 1));
    read_only_ = std::max(read_only_, head + static_cast<int64_t>(random_.below(3)));
    if (head > head_) moves_.push_back({step_, head});
    head_ = head;
  }

  const Operation& asked(const Actor& actor) const {
    return history_.operations()[actor.operation];
  }

  void step(Actor& actor) {
    if (actor.phase == Phase::idle) {
      if (begun_ < sizes_.operations && random_.once_in(sizes_.idle_odds)) begin(actor);
      return;
    }
    if (actor.phase == Phase::dropped) return;
    if (!actor.abandoned && random_.once_in(sizes_.abandon_odds)) abandon(actor);
    const OpKind kind = asked(actor).kind;
    // Whoever meets a new version begins again in it.
    const bool acts = actor.phase == Phase::act || actor.phase == Phase::link;
    if (acts && actor.version != version_) actor.phase = Phase::look;
    if (actor.phase == Phase::look) {
      actor.version = version_;
      actor.head = head_;
      actor.entry = index_[asked(actor).key];
      actor.phase = Phase::act;
    } else if (actor.phase == Phase::act) {
      if (kind == OpKind::read) read(actor);
      if (kind == OpKind::upsert) upsert(actor);
      if (kind == OpKind::add) add(actor);
      if (kind == OpKind::erase) erase(actor);
    } else if (actor.phase == Phase::link) {
      link(actor);
    } else if (actor.phase == Phase::done) {
      if (actor.abandoned) {
        actor.phase = Phase::dropped;
      } else {
        actor.ending.step = step_;
        if (random_.once_in(sizes_.hide_odds)) actor.ending.address = -1;
        if (random_.once_in(sizes_.hide_odds)) actor.ending.version = 0;
        history_.end(actor.operation, actor.ending);
        actor.phase = Phase::idle;
      }
    }
  }

  void begin(Actor& actor) {
    const auto kind = static_cast<OpKind>(random_.below(9) / 2 % 4);
    const uint64_t key = random_.below(sizes_.keys);
    uint64_t argument = 0;
    if (kind == OpKind::add) argument = 1 + random_.below(2);
    if (kind == OpKind::upsert) {
      argument = sizes_.value_bound != 0 ? random_.below(sizes_.value_bound) : 1000 * ++written_;
    }
    actor.operation = history_.begin(actor.client, kind, key, argument, step_);
    actor.ending = {};
    actor.phase = Phase::look;
    ++begun_;
    if (random_.once_in(sizes_.fail_odds)) {
      actor.ending.outcome = Outcome::failed;
      actor.phase = Phase::done;
    }
  }

  // The client gives up and becomes a new actor; the operation goes on unseen, or stops.
  void abandon(Actor& actor) {
    history_.end(actor.operation, {.outcome = Outcome::unknown, .step = step_});
    actors_.push_back({});
    actors_.back().client = actor.client;
    actor.abandoned = true;
    if (random_.once_in(2)) actor.phase = Phase::dropped;
  }

  bool evicted(int64_t address, int64_t head) const { return sizes_.cache && address < head; }

  // What the operation found when it looked. A record below the head it saw is out of its reach.
  bool finds(const Actor& actor) {
    return actor.entry != 0 && !evicted(actor.entry, actor.head) && !log_[actor.entry].tombstone;
  }

  bool mutable_now(const Actor& actor) {
    return actor.entry != 0 && actor.entry >= read_only_ && actor.entry >= head_ &&
           actor.entry >= cut_tail_ && index_[asked(actor).key] == actor.entry &&
           !log_[actor.entry].tombstone;
  }

  void finish(Actor& actor, Outcome outcome, uint64_t result, int64_t address) {
    actor.ending.outcome = outcome;
    actor.ending.result = result;
    actor.ending.address = address;
    actor.ending.version = actor.version;
    actor.phase = Phase::done;
  }

  void read(Actor& actor) {
    if (!finds(actor)) return finish(actor, Outcome::not_found, 0, -1);
    finish(actor, Outcome::ok, log_[actor.entry].number, actor.entry);
  }

  void upsert(Actor& actor) {
    const uint64_t number = asked(actor).argument;
    if (mutable_now(actor)) {
      log_[actor.entry].number = number;
      return finish(actor, Outcome::ok, 0, actor.entry);
    }
    actor.fresh = number;
    actor.phase = Phase::link;
  }

  void add(Actor& actor) {
    const uint64_t amount = asked(actor).argument;
    actor.fresh = amount;
    actor.phase = Phase::link;
    if (!finds(actor)) return;
    if (mutable_now(actor)) {
      log_[actor.entry].number += amount;
      return finish(actor, Outcome::ok, log_[actor.entry].number, actor.entry);
    }
    // A copy is sound only once no one can write in place, and while the record is in memory.
    const bool settled =
        actor.entry < std::max(read_only_, cut_tail_) && !evicted(actor.entry, head_);
    actor.fresh = log_[actor.entry].number + amount;
    if (!settled) actor.phase = Phase::look;
  }

  void erase(Actor& actor) { actor.phase = Phase::link; }

  void link(Actor& actor) {
    const Operation& operation = asked(actor);
    int64_t& entry = index_[operation.key];
    if (entry != actor.entry) {
      actor.phase = Phase::look;
      return;
    }
    const bool found = finds(actor);
    const bool erases = operation.kind == OpKind::erase;
    entry = tail_++;
    log_[entry] = {actor.fresh, erases};
    const bool says_so = erases && !found && random_.once_in(2);
    finish(actor, says_so ? Outcome::not_found : Outcome::ok,
           operation.kind == OpKind::add ? actor.fresh : 0, entry);
  }

  ToySizes sizes_;
  ToyRandom random_;
  History history_;
  std::vector<HeadMove> moves_;
  std::vector<Actor> actors_;
  std::map<uint64_t, int64_t> index_;
  std::map<int64_t, Record> log_;
  std::map<uint64_t, int64_t> cut_;  // the newest records of version 1
  std::map<int64_t, Record> kept_;   // and what they held
  int64_t cut_tail_ = 0;
  uint64_t version_ = 1;
  int64_t head_ = 1;
  int64_t read_only_ = 1;
  int64_t tail_ = 1;
  uint64_t step_ = 0;
  uint64_t written_ = 0;
  size_t begun_ = 0;
};

}  // namespace orrery::scenarios
