// SPDX-License-Identifier: Apache-2.0
// The index of a checkpoint, loaded instead of built anew. It is a help and no more: where it is
// missing, damaged or of another shape, the log is walked from its beginning.
#include "engine/store/events.hpp"
#include "engine/store/index_file.hpp"
#include "engine/store/recovery.hpp"

namespace orrery::engine {

Result<void> Recovery::load_index() {
  recover_from_ = addresses_.begin;
  if (info_.index_token == 0) return {};
  const auto index = read_index_metadata(runtime_, options_, info_.index_token);
  if (!index && index.error().code == Errc::no_memory) return index.error();
  SOMETIMES(!index, "the metadata of an index could not be read");
  if (!index || !fits(*index)) return {};
  const Result<void> loaded = load_buckets(*index);
  if (loaded) {
    index_loaded_ = true;
    recover_from_ = index->start;
    note(events::kIndexLoaded, static_cast<int64_t>(index->token), index->start, index->final);
    return {};
  }
  index_.clear();
  if (loaded.error().code == Errc::no_memory) return loaded;
  SOMETIMES(true, "an index could not be loaded and was built anew");
  return {};
}

bool Recovery::fits(const IndexInfo& index) const {
  if (index.index_bits != options_.index_bits || index.tag_bits != options_.tag_bits) return false;
  if (index.sector != options_.sector_size || index.final > info_.final) return false;
  return index.start > addresses_.begin;
}

// Who loads an index believes the chains of the log. Before the first of them is changed for an
// index of another shape, all that were written for the old ones go: a crash may leave some chains
// as they were and others not.
Result<void> Recovery::forget_indexes() {
  if (indexes_forgotten_ || !may_write_) return {};
  TRY(remove_indexes(runtime_, options_));
  indexes_forgotten_ = true;
  return {};
}

Result<void> Recovery::load_buckets(const IndexInfo& index) {
  // Whether what entries from the start on lead to counts, the walk will tell.
  IndexLoader loader(index_, runtime_.memory, {addresses_.begin, index.start, index.final});
  TRY(loader.begin(index.overflow));
  TRY(read_index_table(runtime_, options_, index, &loader));
  return loader.finish();
}

}  // namespace orrery::engine
