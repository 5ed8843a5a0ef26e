// SPDX-License-Identifier: Apache-2.0
// How checkpoints go: the metadata of all of them first, durably, then the files they spoke of.
#include <algorithm>

#include "engine/store/checkpoint_files.hpp"
#include "engine/store/checkpoint_tokens.hpp"

namespace orrery::engine {
namespace {

constexpr NameOfToken kMetadata[] = {&DeviceName::metadata, &DeviceName::index_metadata};
constexpr NameOfToken kData[] = {&DeviceName::snapshot, &DeviceName::page_table,
                                 &DeviceName::index_table};

// Removes a file if it is there. Errors: io.
Result<void> remove_file(const Runtime& runtime, std::string_view name) {
  const Result<void> removed = runtime.storage.remove(name);
  return !removed && removed.error().code == Errc::not_found ? Result<void>() : removed;
}

// Calls `visit` for each file of these names, but for those whose token `keep` says to keep.
template <typename Keep, typename Visit>
Result<void> each_file(const Runtime& runtime, const StoreOptions& store,
                       std::span<const NameOfToken> names, const Keep& keep, const Visit& visit) {
  for (const NameOfToken name : names) {
    TRY_ASSIGN(const Tokens tokens, list_tokens(runtime, store, name));
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!keep(name, tokens[i])) TRY(visit(name(store.prefix, tokens[i])));
    }
  }
  return {};
}

// Metadata that was removed before may still come back, if that could not be synced: so it is
// synced also where there is nothing left but data.
template <typename Keep>
Result<void> remove_all_but(const Runtime& runtime, const StoreOptions& store, const Keep& keep) {
  bool any = false;
  const auto remove = [&](const DeviceName& name) {
    any = true;
    return remove_file(runtime, name.view());
  };
  const auto look = [&](const DeviceName&) {
    any = true;
    return Result<void>();
  };
  TRY(each_file(runtime, store, kMetadata, keep, remove));
  TRY(each_file(runtime, store, kData, keep, look));
  if (!any) return {};
  TRY(runtime.storage.sync_names());
  return each_file(runtime, store, kData, keep, remove);
}

bool is_of_index(NameOfToken name) {
  return name == &DeviceName::index_metadata || name == &DeviceName::index_table;
}

}  // namespace

void KeptCheckpoints::add(const One& newest) {
  if (count == kMax) limit_to(kMax - 1);
  all[count++] = newest;
}

void KeptCheckpoints::limit_to(size_t wanted) {
  if (count <= wanted) return;
  std::copy(all.begin() + static_cast<std::ptrdiff_t>(count - wanted),
            all.begin() + static_cast<std::ptrdiff_t>(count), all.begin());
  count = wanted;
}

bool KeptCheckpoints::holds(uint64_t token) const {
  return std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](const One& one) { return one.token == token; });
}

bool KeptCheckpoints::holds_index(uint64_t token) const {
  if (token == index_token) return true;
  return std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count),
                     [&](const One& one) { return one.index_token == token; });
}

LogAddr KeptCheckpoints::lowest(LogAddr One::* which) const {
  CHECK(count > 0, "there is no checkpoint");
  LogAddr lowest = all[0].*which;
  for (size_t i = 1; i < count; ++i) lowest = std::min(lowest, all[i].*which);
  return lowest;
}

Result<void> remove_others(const Runtime& runtime, const StoreOptions& store,
                           const KeptCheckpoints& kept) {
  return remove_all_but(runtime, store, [&](NameOfToken name, uint64_t token) {
    return is_of_index(name) ? kept.holds_index(token) : kept.holds(token);
  });
}

Result<void> remove_indexes(const Runtime& runtime, const StoreOptions& store) {
  return remove_all_but(runtime, store,
                        [](NameOfToken name, uint64_t) { return !is_of_index(name); });
}

Result<void> remove_newer(const Runtime& runtime, const StoreOptions& store,
                          const CheckpointInfo& than) {
  TRY_ASSIGN(const Tokens tokens, list_tokens(runtime, store, &DeviceName::metadata));
  for (size_t i = 0; i < tokens.size(); ++i) {
    auto found = read_metadata(runtime, store, tokens[i]);
    if (!found && found.error().code == Errc::corrupt) continue;
    if (!found) return found.error();
    const CheckpointInfo& info = found->info;
    if (info.version < than.version) continue;
    if (info.version == than.version && info.token <= than.token) continue;
    SOMETIMES(true, "a store went back to an older checkpoint");
    TRY(remove_file(runtime, DeviceName::metadata(store.prefix, tokens[i]).view()));
  }
  // Also for those that an attempt before has removed, and could not sync.
  return runtime.storage.sync_names();
}

Result<void> remove_checkpoint(const Runtime& runtime, const StoreOptions& store, uint64_t token) {
  Result<void> done;
  const auto remove = [&](std::span<const NameOfToken> names) {
    for (const NameOfToken name : names) {
      const Result<void> removed = remove_file(runtime, name(store.prefix, token).view());
      if (!removed) done = removed;
    }
    const Result<void> synced = runtime.storage.sync_names();
    if (!synced) done = synced;
  };
  remove(kMetadata);
  if (!done) return done;  // it may be there, or come back: it must find its data
  remove(kData);
  return done;
}

}  // namespace orrery::engine
