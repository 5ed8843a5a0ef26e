// SPDX-License-Identifier: Apache-2.0
#include "engine/store/checkpoint_files.hpp"

#include <algorithm>

#include "engine/store/blocking_io.hpp"
#include "engine/store/checkpoint_tokens.hpp"
#include "engine/store/names.hpp"
#include "engine/store/operation_log.hpp"

namespace orrery::engine {
namespace {

Result<Array<std::byte>> read_file(const Runtime& runtime, const StoreOptions& store,
                                   std::string_view name);
Result<FoundCheckpoint> select_checkpoint(const Runtime& runtime, const StoreOptions& store,
                                          const RecoverOptions& wanted, LogAddr emptied);
Result<void> refuse_other_indexes(const Runtime& runtime, const StoreOptions& store);
bool makes_sense(const CheckpointInfo& info, uint64_t token);
bool makes_sense(const IndexInfo& info, uint64_t token);
Result<void> fits(const CheckpointInfo& info, const StoreOptions& store);

}  // namespace

DeviceOptions file_options(const StoreOptions& store) {
  DeviceOptions options;
  options.sector_size = store.sector_size;
  return options;
}

DeviceOptions page_file_options(const StoreOptions& store) {
  DeviceOptions options = file_options(store);
  options.segment_size = uint64_t{1} << store.segment_bits;
  return options;
}

Result<Device*> open_existing(const Runtime& runtime, std::string_view name,
                              const DeviceOptions& options) {
  DeviceOptions existing = options;
  existing.must_exist = true;
  auto opened = runtime.storage.open(name, existing);
  if (opened || opened.error().code != Errc::not_found) return opened;
  return Error{Errc::corrupt, "a file of a checkpoint is missing"};
}

Result<void> sync_checkpoint(const Runtime& runtime, const StoreOptions& store,
                             const CheckpointInfo& info) {
  const auto sync = [&](const DeviceName& name, const DeviceOptions& options) -> Result<void> {
    TRY_ASSIGN(Device* const file, open_existing(runtime, name.view(), options));
    const Result<void> synced = sync_blocking(runtime.tasks, *file);
    file->close();
    return synced;
  };
  if (info.pages > 0) {
    TRY(sync(DeviceName::snapshot(store.prefix, info.token), page_file_options(store)));
    TRY(sync(DeviceName::page_table(store.prefix, info.token), file_options(store)));
  }
  TRY(sync(DeviceName::metadata(store.prefix, info.token), file_options(store)));
  return runtime.storage.sync_names();
}

Result<void> write_file(const Runtime& runtime, const StoreOptions& store, std::string_view name,
                        MutableBytes bytes) {
  TRY_ASSIGN(Device* const file, runtime.storage.open(name, file_options(store)));
  Result<void> written = write_blocking(runtime.tasks, *file, 0, bytes);
  if (written) written = sync_blocking(runtime.tasks, *file);
  file->close();
  return written;
}

Result<FoundCheckpoint> find_checkpoint(const Runtime& runtime, const StoreOptions& store,
                                        const RecoverOptions& wanted, LogAddr emptied) {
  TRY_ASSIGN(FoundCheckpoint found, select_checkpoint(runtime, store, wanted, emptied));
  TRY(fits(found.info, store));
  found.replay_from = found.info.log_start;
  found.goes_back = !wanted.newest();
  return found;
}

Result<void> refuse_existing(const Runtime& runtime, const StoreOptions& store) {
  const auto checkpoint = select_checkpoint(runtime, store, {}, 0);
  if (checkpoint) return Error{Errc::exists, "there is a checkpoint of a store of this name"};
  if (checkpoint.error().code != Errc::not_found) return checkpoint.error();
  const auto operations = OperationLog::look_for(runtime, store);
  if (operations) return Error{Errc::exists, "there is a log of operations of this name"};
  if (operations.error().code == Errc::not_found) return {};
  return operations.error();
}

Result<FoundCheckpoint> read_metadata(const Runtime& runtime, const StoreOptions& store,
                                      uint64_t token) {
  const DeviceName name = DeviceName::metadata(store.prefix, token);
  TRY_ASSIGN(auto bytes, read_file(runtime, store, name.view()));
  const Bytes all{bytes.data(), bytes.size()};
  TRY_ASSIGN(const DecodedMetadata first, decode_metadata(all, {}));
  FoundCheckpoint found;
  found.info = first.info;
  found.session_count = first.session_count;
  if (!makes_sense(found.info, token)) {
    return Error{Errc::corrupt, "metadata whose addresses make no sense"};
  }
  if (found.session_count == 0) return found;
  TRY_ASSIGN(found.sessions,
             Array<SessionPoint>::make(runtime.memory, found.session_count, "session points"));
  TRY(decode_metadata(all, {found.sessions.data(), found.session_count}));
  return found;
}

Result<IndexInfo> read_index_metadata(const Runtime& runtime, const StoreOptions& store,
                                      uint64_t token) {
  const DeviceName name = DeviceName::index_metadata(store.prefix, token);
  TRY_ASSIGN(auto bytes, read_file(runtime, store, name.view()));
  TRY_ASSIGN(const IndexInfo info, decode_index_metadata({bytes.data(), bytes.size()}));
  if (makes_sense(info, token)) return info;
  return Error{Errc::corrupt, "metadata of an index whose numbers make no sense"};
}

namespace {

// All metadata is read, also that of others than the wanted one: what this engine does not
// understand it must neither pass over nor, later, remove.
Result<FoundCheckpoint> select_checkpoint(const Runtime& runtime, const StoreOptions& store,
                                          const RecoverOptions& wanted, LogAddr emptied) {
  TRY(refuse_other_indexes(runtime, store));
  TRY_ASSIGN(const Tokens tokens, list_tokens(runtime, store, &DeviceName::metadata));
  FoundCheckpoint best;
  for (size_t i = 0; i < tokens.size(); ++i) {
    auto found = read_metadata(runtime, store, tokens[i]);
    if (!found && found.error().code == Errc::corrupt) {
      SOMETIMES(true, "the metadata of a checkpoint was damaged or half-written");
      continue;
    }
    // An error of the device is no proof that the checkpoint is none.
    if (!found) return found.error();
    if (wanted.token != 0 && tokens[i] != wanted.token) continue;
    if (found->info.version > wanted.version_max) continue;
    if (emptied != 0 && found->info.log_start <= emptied) {
      SOMETIMES(true, "a checkpoint was there that was taken before its store was emptied");
      continue;
    }
    // Tokens come in ascending order, so of two of one version the later one wins.
    if (found->info.version >= best.info.version) best = std::move(*found);
  }
  if (best.info.version == 0) return Error{Errc::not_found, "no valid checkpoint"};
  return best;
}

// Of an index that cannot be read for another reason nothing depends.
Result<void> refuse_other_indexes(const Runtime& runtime, const StoreOptions& store) {
  TRY_ASSIGN(const Tokens tokens, list_tokens(runtime, store, &DeviceName::index_metadata));
  for (size_t i = 0; i < tokens.size(); ++i) {
    const auto found = read_index_metadata(runtime, store, tokens[i]);
    if (!found && found.error().code == Errc::invalid) return found.error();
  }
  return {};
}

Result<Array<std::byte>> read_file(const Runtime& runtime, const StoreOptions& store,
                                   std::string_view name) {
  TRY_ASSIGN(Device* const file, open_existing(runtime, name, file_options(store)));
  // Whoever wrote it may have had smaller sectors, and has to be understood to be refused.
  const uint64_t size = round_up(file->size(), store.sector_size);
  const auto read = [&]() -> Result<Array<std::byte>> {
    if (size == 0 || size > kMetadataMax) {
      return Error{Errc::corrupt, "metadata of no possible size"};
    }
    TRY_ASSIGN(auto bytes, Array<std::byte>::make(runtime.memory, size, "metadata", kIoAlignment));
    TRY(read_blocking(runtime.tasks, *file, 0, {bytes.data(), size}));
    return bytes;
  };
  auto done = read();
  file->close();
  return done;
}

bool makes_sense(const CheckpointInfo& info, uint64_t token) {
  if (info.token != token || info.version == 0 || info.next_version != info.version + 1) {
    return false;
  }
  if (info.page_bits < 6 || info.page_bits > 30) return false;
  if (info.log_start < 0 || info.log_start % kRecordAlign != 0) return false;
  if (info.begin < kFirstValid || info.start > info.final || info.begin > info.final) return false;
  if (info.snapshot_start > info.flushed || info.flushed > info.final) return false;
  const int64_t first = info.snapshot_start >> info.page_bits;
  const int64_t end = (info.final + (int64_t{1} << info.page_bits) - 1) >> info.page_bits;
  const int64_t pages = info.snapshot_start >= info.final ? 0 : end - first;
  if (info.pages != static_cast<uint64_t>(pages)) return false;
  return info.use_snapshot_file || (info.flushed == info.final && !info.null_main);
}

bool makes_sense(const IndexInfo& info, uint64_t token) {
  if (info.token != token || info.version == 0) return false;
  return info.index_bits <= 30 && info.tag_bits <= 14 && info.start >= kFirstValid &&
         info.start <= info.final;
}

Result<void> fits(const CheckpointInfo& info, const StoreOptions& store) {
  if (info.page_bits != store.page_bits) {
    return Error{Errc::invalid, "a checkpoint of another page size",
                 static_cast<int64_t>(info.page_bits)};
  }
  if (info.sector != store.sector_size) {
    return Error{Errc::invalid, "a checkpoint of another sector size",
                 static_cast<int64_t>(info.sector)};
  }
  if (info.null_main != store.main_is_null) {
    return Error{Errc::invalid, "a checkpoint of a store with another main device"};
  }
  if (info.log_start != 0 && !store.log_operations) {
    return Error{Errc::invalid, "a checkpoint that is not complete without a log of operations"};
  }
  return {};
}

}  // namespace
}  // namespace orrery::engine
