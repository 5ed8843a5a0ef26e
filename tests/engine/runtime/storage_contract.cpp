// SPDX-License-Identifier: Apache-2.0
// The contracts of Storage.
#include <array>
#include <cstring>
#include <string_view>

#include "tests/engine/runtime/contract.hpp"
#include "tests/sim/request.hpp"
#include "tests/start.hpp"

namespace orrery::tests {

using engine::Errc;
using engine::Runtime;

namespace {

// A list of names that lives on a task's stack.
struct Names {
  std::array<std::array<char, 32>, 16> texts{};
  size_t count = 0;

  bool are(std::initializer_list<std::string_view> wanted) const {
    if (wanted.size() != count) return false;
    size_t at = 0;
    for (const std::string_view name : wanted) {
      if (name != texts[at++].data()) return false;
    }
    return true;
  }
};

// More than there is room for, if they cannot be listed.
Names names_of(engine::Storage& storage, std::string_view prefix) {
  Names names;
  const auto visit = [](void* list, std::string_view name) {
    auto& all = *static_cast<Names*>(list);
    if (all.count == all.texts.size() || name.size() >= 32) return;
    std::memcpy(all.texts[all.count++].data(), name.data(), name.size());
  };
  const auto listed = storage.list(prefix, visit, &names);
  if (!listed) names.count = names.texts.size() + 1;
  return names;
}

Errc code_of(const engine::Result<engine::Device*>& opened) {
  return opened ? Errc::ok : opened.error().code;
}

}  // namespace

void storage_names_devices(const Runtime& runtime, Expect& expect) {
  engine::Storage& storage = runtime.storage;
  expect(names_of(storage, "").are({}), "a new storage has names");
  const auto first = storage.open("b/log", {});
  const auto other = storage.open("a", {});
  const auto third = storage.open("b/c-1/index.dat", {});
  const auto again = storage.open("b/log", {});
  if (!first || !other || !third || !again) return expect(false, "a device cannot be opened");
  expect(*first == *again, "a name is two devices");
  expect(*first != *other, "two names are one device");
  expect(names_of(storage, "").are({"a", "b/c-1/index.dat", "b/log"}), "a list is not the names");
  expect(names_of(storage, "b/").are({"b/c-1/index.dat", "b/log"}), "a prefix is ignored");
  expect(names_of(storage, "b/l").are({"b/log"}), "a prefix that is no folder is ignored");
  expect(names_of(storage, "c").are({}), "a prefix of nothing finds something");
  expect(storage.sync_names().has_value(), "names cannot be synced");
  expect(storage.sync_names().has_value(), "names cannot be synced twice");
  for (engine::Device* const device : {*first, *other, *third}) device->close();
  expect(names_of(storage, "b/log").are({"b/log"}), "a closed device has lost its name");
  for (const char* const name : {"a", "b/c-1/index.dat", "b/log"}) {
    expect(storage.remove(name).has_value(), "a device cannot be removed");
  }
  expect(names_of(storage, "").are({}), "a removed device is listed");
  expect(storage.sync_names().has_value(), "removals cannot be synced");
}

void storage_refuses(const Runtime& runtime, Expect& expect) {
  char long_name[202];
  std::memset(long_name, 'x', sizeof long_name);
  const std::string_view longest(long_name, 200);
  const std::string_view too_long(long_name, 201);
  for (const std::string_view name : {std::string_view(), std::string_view("A"),
                                      std::string_view("a b"), std::string_view("a_b"), too_long}) {
    expect(code_of(runtime.storage.open(name, {})) == Errc::invalid, "a bad name is not invalid");
  }
  for (const uint32_t sector : {0U, 4U, 511U, 768U}) {
    expect(code_of(runtime.storage.open("sector", {0, sector})) == Errc::invalid,
           "a bad sector is not invalid");
  }
  expect(names_of(runtime.storage, "").are({}), "a refused name is listed");
  const auto opened = runtime.storage.open(longest, {});
  expect(opened.has_value(), "the longest name cannot be opened");
  if (opened) (*opened)->close();
  expect(runtime.storage.remove(longest).has_value(), "the longest name cannot be removed");
}

void storage_removes(const Runtime& runtime, Expect& expect) {
  engine::Storage& storage = runtime.storage;
  alignas(512) std::byte bytes[512] = {std::byte{'x'}};
  engine::DeviceOptions existing;
  existing.must_exist = true;
  expect(code_of(storage.open("gone/data", existing)) == Errc::not_found, "a device was made");
  expect(names_of(storage, "").are({}), "a device that was not there is listed");
  expect(storage.sync_names().has_value(), "a device that was not there cannot be synced");
  const auto opened = storage.open("gone/data", {});
  if (!opened) return expect(false, "a device cannot be opened");
  transact(runtime.tasks, **opened, engine::IoKind::write, 0, bytes);
  expect((*opened)->size() == 512, "a write is missing");
  (*opened)->close();
  const auto found = storage.open("gone/data", existing);
  expect(found && (*found)->size() == 512, "a device that is there is not found");
  if (found) (*found)->close();
  expect(storage.remove("gone/data").has_value(), "a device cannot be removed");
  expect(code_of(storage.open("gone/data", existing)) == Errc::not_found, "it was made again");
  const auto twice = storage.remove("gone/data");
  expect(!twice && twice.error().code == Errc::not_found, "a device was removed twice");
  const auto nowhere = storage.remove("no/such/folder/data");
  expect(!nowhere && nowhere.error().code == Errc::not_found, "a device was removed from nowhere");
  expect(storage.sync_names().has_value(), "a removal from nowhere cannot be synced");
  const auto again = storage.open("gone/data", {});
  if (!again) return expect(false, "a free name cannot be opened");
  expect((*again)->size() == 0, "a removed device has left something");
  transact(runtime.tasks, **again, engine::IoKind::read, 0, bytes);
  expect(bytes[0] == std::byte{0}, "a removed device can be read");
  (*again)->close();
  expect(storage.remove("gone/data").has_value(), "a device cannot be removed again");
}

void storage_serves_many(const Runtime& runtime, Expect& expect) {
  engine::Atomic<uint32_t> next{0};
  const auto body = [&] {
    char name[] = "many/0/data";
    name[5] = static_cast<char>('0' + next.fetch_add(1));
    for (int i = 0; i < 4; ++i) {
      const auto opened = runtime.storage.open(name, {});
      if (!opened) return expect(false, "a device cannot be opened among others");
      alignas(512) std::byte bytes[512] = {};
      std::memset(bytes, name[5], sizeof bytes);
      transact(runtime.tasks, **opened, engine::IoKind::write, 0, bytes);
      expect(runtime.storage.sync_names().has_value(), "names cannot be synced among others");
      (*opened)->close();
      expect(runtime.storage.remove(name).has_value(), "a device cannot be removed among others");
    }
  };
  engine::TaskId started[4];
  for (engine::TaskId& task : started) task = start(runtime.tasks, {"user", 0}, body);
  for (const engine::TaskId task : started) runtime.tasks.join(task);
  expect(names_of(runtime.storage, "").are({}), "a removed device is listed");
}

}  // namespace orrery::tests
