// SPDX-License-Identifier: Apache-2.0
// The search gives the known verdict on histories of others, under models of their own.
//
// The data are Jepsen histories of etcd and a key-value store, see tests/data/histories/README.md.
#include "scenarios/oracles/linearizer.hpp"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/catch.hpp"

using namespace orrery::scenarios;

namespace {

// A register with compare-and-set, as etcd offers it.
struct CasRegister {
  using State = int64_t;  // kAbsent or the number
  static constexpr int64_t kAbsent = -1;

  enum class Kind { read, write, cas };
  struct Operation {
    Kind kind = Kind::read;
    int64_t first = kAbsent;   // read: what it saw; write: the number; cas: the number expected
    int64_t second = kAbsent;  // cas: the number written
    bool applied = true;       // cas: it found what it expected
  };
  std::vector<Operation> operations;

  State initial() const { return kAbsent; }
  void step(State state, uint32_t index, uint64_t, Successors<State>& next) const {
    const Operation& op = operations[index];
    if (op.kind == Kind::write) return next.add(op.first);
    if (op.kind == Kind::read && op.first == state) return next.add(state);
    if (op.kind != Kind::cas) return;
    if (op.applied && state == op.first) next.add(op.second);
    if (!op.applied && state != op.first) next.add(state);
  }
  uint64_t hash(State state) const { return static_cast<uint64_t>(state); }
  bool alike(uint32_t left, uint32_t right) const {
    const Operation& a = operations[left];
    const Operation& b = operations[right];
    return a.kind == b.kind && a.first == b.first && a.second == b.second;
  }
};

// One key of a store whose values are strings. A state is the number of a string seen before.
struct Appends {
  using State = uint32_t;

  enum class Kind { get, put, append };
  struct Operation {
    Kind kind = Kind::get;
    std::string text;
  };
  std::vector<Operation> operations;
  std::vector<std::string> strings{""};
  std::map<std::string, uint32_t> numbers{{"", 0}};

  State initial() const { return 0; }
  void step(State state, uint32_t index, uint64_t, Successors<State>& next) {
    const Operation& op = operations[index];
    if (op.kind == Kind::put) return next.add(number_of(op.text));
    if (op.kind == Kind::append) return next.add(number_of(strings[state] + op.text));
    if (strings[state] == op.text) next.add(state);
  }
  uint64_t hash(State state) const { return state; }
  bool alike(uint32_t, uint32_t) const { return false; }

  State number_of(const std::string& text) {
    const auto [place, fresh] = numbers.emplace(text, static_cast<uint32_t>(strings.size()));
    if (fresh) strings.push_back(text);
    return place->second;
  }
};

std::ifstream open_data(const std::string& name) {
  const std::string path = "tests/data/histories/" + name;  // tests run in the top folder
  std::ifstream file(path);
  REQUIRE(file.is_open());
  return file;
}

template <typename Model>
Placing place(Model& model, const std::vector<Call>& calls) {
  uint64_t budget = 20'000;  // of configurations: the hardest of these takes 1,853
  Linearizer<Model> linearizer;
  return linearizer.run(model, calls, budget).placing;
}

Placing place_etcd(const std::string& name) {
  using Kind = CasRegister::Kind;
  CasRegister model;
  std::vector<Call> calls;
  std::map<std::string, uint32_t> open;  // by process
  std::ifstream file = open_data(name);
  uint64_t step = 0;
  for (std::string line; std::getline(file, line); ++step) {
    std::string skipped, process, type, kind, first, second;
    std::istringstream words(line);
    words >> skipped >> skipped >> skipped >> process >> type >> kind >> first >> second;
    if (type == ":invoke") {
      const auto number = static_cast<uint32_t>(calls.size());
      CasRegister::Operation op;
      op.kind = kind == ":read" ? Kind::read : kind == ":write" ? Kind::write : Kind::cas;
      if (op.kind == Kind::write) op.first = std::stol(first);
      if (op.kind == Kind::cas) op.first = std::stol(first.substr(1));
      if (op.kind == Kind::cas) op.second = std::stol(second);
      calls.push_back({step, UINT64_MAX, number, false, false});
      model.operations.push_back(op);
      open[process] = number;
    } else if (type == ":ok" || type == ":fail") {
      const uint32_t number = open.at(process);
      CasRegister::Operation& op = model.operations[number];
      calls[number].returned = step;
      calls[number].must = true;
      calls[number].pure = op.kind == Kind::read;
      if (op.kind == Kind::read && first != "nil") op.first = std::stol(first);
      op.applied = type == ":ok";
    }
  }
  REQUIRE(calls.size() > 70);
  // A read without an end says nothing.
  std::erase_if(calls, [&](const Call& call) {
    return !call.must && model.operations[call.operation].kind == Kind::read;
  });
  return place(model, calls);
}

std::string quoted(const std::string& line, const std::string& field) {
  const size_t at = line.find(field + " \"");
  if (at == std::string::npos) return "";
  const size_t begin = at + field.size() + 2;
  return line.substr(begin, line.find('"', begin) - begin);
}

// The verdict on a store is that on each of its keys.
Placing place_appends(const std::string& name) {
  using Kind = Appends::Kind;
  struct Key {
    Appends model;
    std::vector<Call> calls;
  };
  std::map<std::string, Key> keys;
  std::map<std::string, uint32_t> open;  // by process
  std::ifstream file = open_data(name);
  uint64_t step = 0;
  for (std::string line; std::getline(file, line); ++step) {
    const std::string process = line.substr(0, line.find(','));
    Key& key = keys[quoted(line, ":key")];
    if (line.find(":invoke") != std::string::npos) {
      Kind kind = Kind::get;
      if (line.find(":f :put") != std::string::npos) kind = Kind::put;
      if (line.find(":f :append") != std::string::npos) kind = Kind::append;
      const auto number = static_cast<uint32_t>(key.calls.size());
      key.calls.push_back({step, UINT64_MAX, number, true, kind == Kind::get});
      key.model.operations.push_back({kind, quoted(line, ":value")});
      open[process] = number;
    } else {
      const uint32_t number = open.at(process);
      key.calls[number].returned = step;
      if (key.calls[number].pure) key.model.operations[number].text = quoted(line, ":value");
    }
  }
  REQUIRE(keys.size() == 10);
  for (auto& [unused, key] : keys) {
    const Placing placing = place(key.model, key.calls);
    if (placing != Placing::all) return placing;
  }
  return Placing::all;
}

}  // namespace

TEST_CASE("ten histories of etcd get their known verdicts") {
  for (int i = 0; i < 10; ++i) {
    const bool well = i == 2 || i == 5 || i == 7;
    INFO("etcd_00" << i);
    REQUIRE(place_etcd("etcd_00" + std::to_string(i) + ".log") ==
            (well ? Placing::all : Placing::stuck));
  }
}

TEST_CASE("two histories of appends get their known verdicts") {
  REQUIRE(place_appends("kv-c10-ok.txt") == Placing::all);
  REQUIRE(place_appends("kv-c10-bad.txt") == Placing::stuck);
}

TEST_CASE("a search past its budget says so") {
  CasRegister model;
  std::vector<Call> calls;
  for (uint32_t i = 0; i < 20; ++i) {
    model.operations.push_back({CasRegister::Kind::write, i, -1, true});
    calls.push_back({i, 100 + i, i, true, false});
  }
  Linearizer<CasRegister> linearizer;
  uint64_t budget = 1000;
  REQUIRE(linearizer.run(model, calls, budget).placing == Placing::over_budget);
  REQUIRE(budget == 0);
}

TEST_CASE("more open calls than slots are given up, not misjudged") {
  CasRegister model;
  std::vector<Call> calls;
  for (uint32_t i = 0; i < 65; ++i) {
    model.operations.push_back({CasRegister::Kind::write, i, -1, true});
    calls.push_back({i, UINT64_MAX, i, false, false});
  }
  Linearizer<CasRegister> linearizer;
  uint64_t budget = 1'000'000;
  REQUIRE(linearizer.run(model, calls, budget).placing == Placing::over_budget);
  calls.pop_back();
  REQUIRE(linearizer.run(model, calls, budget).placing == Placing::all);
}
