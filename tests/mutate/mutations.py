# SPDX-License-Identifier: Apache-2.0
"""Breaks of the engine, by hand: a guard, a wait, a re-check, a clamp or an order is dropped.

Each is (name, file, what stands there, what stands there instead). The text occurs exactly once. A
fifth word names an oracle that reports the break, asked alone: every oracle has a break of its own.
"""

MUTATIONS = [
    # The log and its eviction.
    ("head-ignores-flushed", "engine/store/eviction.cpp",
     "std::min(desired, flushed);", "std::max(desired, desired + 0 * flushed);",
     "address-chain"),
    ("close-without-drain", "engine/store/eviction.cpp",
     "  epoch_.bump(self, {[](void* log, int64_t address, Self&) {\n"
     "                       static_cast<HybridLog*>(log)->on_pages_closed(address);\n"
     "                     },\n"
     "                     this,\n"
     "                     head,\n"
     "                     {\"close-pages\", static_cast<uint64_t>(head)}});",
     "  (void)self;\n  on_pages_closed(head);"),
    ("closed-before-frame", "engine/store/eviction.cpp",
     "    if (end == geometry().page_end(page)) frames_.close(page);\n"
     "    boundaries_.raise(Boundary::closed, end);",
     "    boundaries_.raise(Boundary::closed, end);\n"
     "    if (end == geometry().page_end(page)) frames_.close(page);"),
    ("open-ignores-closed", "engine/store/hybrid_log.cpp",
     "  if (need_wait(page) || cannot_allocate(page)) {", "  if (need_wait(page)) {"),
    ("open-ignores-flushed", "engine/store/hybrid_log.cpp",
     "  if (need_wait(page) || cannot_allocate(page)) {", "  if (cannot_allocate(page)) {"),
    ("open-ignores-both", "engine/store/hybrid_log.cpp",
     "  if (need_wait(page) || cannot_allocate(page)) {", "  if (page < 0) {"),
    ("ticket-after-look", "engine/store/hybrid_log.cpp",
     "  SOMETIMES(result.outcome == Allocate::wait, \"an allocation waits for a flush\");\n",
     "  result.flush_ticket = flusher_.ticket();\n"),
    ("safe-ro-without-drain", "engine/store/hybrid_log.cpp",
     "  if (!boundaries_.raise(Boundary::ro, ro)) return ro;\n",
     "  if (!boundaries_.raise(Boundary::ro, ro)) return ro;\n  on_marked_read_only(ro);\n"
     "  if (ro > 0) return ro;\n"),
    ("flush-on-ro", "engine/store/hybrid_log.cpp",
     "  if (!boundaries_.raise(Boundary::ro, ro)) return;\n",
     "  if (!boundaries_.raise(Boundary::ro, ro)) return;\n  on_marked_read_only(ro);\n"
     "  if (ro > 0) return;\n"),
    ("ro-above-tail", "engine/store/hybrid_log.cpp",
     "  const LogAddr ro = tail();\n", "  const LogAddr ro = tail() + 64;\n", "address-chain"),
    ("record-leaves-page", "engine/store/hybrid_log.cpp",
     "  if (tail.offset + size > page_size) return overflow(",
     "  if (tail.offset + size > page_size + 8) return overflow(", "frames"),
    # The main flush.
    ("flush-error-is-success", "engine/store/flush.cpp",
     "  Errc code = io.error;\n"
     "  if (code == Errc::ok && io.transferred < io.length) code = Errc::io;\n",
     "  Errc code = io.error;\n"
     "  if (code != Errc::ok || io.transferred < io.length) code = Errc::ok;\n"),
    ("flush-short-is-success", "engine/store/flush.cpp",
     "  if (code == Errc::ok && io.transferred < io.length) code = Errc::io;\n", ""),
    ("flush-parts-overlap", "engine/store/flush.cpp",
     "  } else if (frames_.geometry().offset(from) == 0) {", "  } else if (from >= 0) {"),
    ("flushed-tells-nobody", "engine/store/flush.cpp",
     "  if (boundaries_.raise(Boundary::flushed, reached)) moved_.set();",
     "  boundaries_.raise(Boundary::flushed, reached);", "progress"),
    # Epochs.
    ("epoch-skips-last-slot", "engine/store/epoch.cpp",
     "  for (uint32_t place = 0; place < highest; ++place) {\n    const int64_t local",
     "  for (uint32_t place = 0; place + 1 < highest; ++place) {\n    const int64_t local"),
    ("epoch-safe-too-high", "engine/store/epoch.cpp",
     "  safe_.store(oldest - 1);\n  return oldest - 1;",
     "  safe_.store(oldest);\n  return oldest;", "lifetimes"),
    ("last-one-out-leaves", "engine/store/epoch.cpp",
     "  if (drain_count_.load() > 0) suspend_drain(self);\n", ""),
    ("marks-skip-a-slot", "engine/store/epoch.cpp",
     "    if (entry.local_epoch.load() == 0) continue;\n",
     "    if (place == 2 || entry.local_epoch.load() == 0) continue;\n"),
    # Operations.
    ("operation-spins", "engine/store/operation.cpp",
     "    if (outcome == Outcome::done) break;\n",
     "    for (int n = 0; n < 200'000 && outcome == Outcome::done; ++n) (void)log_.tail();\n"
     "    if (outcome == Outcome::done) break;\n", "epochs"),
    ("rmw-copies-fuzzy", "engine/store/operations.cpp",
     "  if (!is_mutable && hit.address >= log_.load(Boundary::safe_ro)) {",
     "  if (!is_mutable && hit.address < 0) {"),
    ("update-in-place-below-ro", "engine/store/operations.cpp",
     "  const Hit hit = search(entry.word.address(), log_.load(Boundary::ro));",
     "  const Hit hit = search(entry.word.address(), log_.load(Boundary::head));"),
    ("frozen-is-thawed", "engine/store/operations.cpp",
     "  if (!hit.header.has(RecordHeader::kInNewVersion)) return true;\n", ""),
    ("wait-flush-not-frozen", "engine/store/operations.cpp",
     "  if (view_.phase != Phase::in_progress && view_.phase != Phase::wait_flush) return false;",
     "  if (view_.phase != Phase::in_progress) return false;"),
    ("no-shift-on-next-version", "engine/store/operations.cpp",
     "  return header.has(RecordHeader::kInNewVersion);\n}\n\n// True if the record belongs",
     "  return false;\n}\n\n// True if the record belongs"),
    ("tombstone-is-read", "engine/store/operations.cpp",
     "    if (hit.header.has(RecordHeader::kTombstone)) return missing();\n"
     "    const auto size", "    const auto size", "linearizable"),
    ("no-mark-of-new-version", "engine/store/operation.cpp",
     "  if (view_.phase == Phase::in_progress) header |= RecordHeader::kInNewVersion;\n", ""),
    ("saved-below-ro", "engine/store/operation.cpp",
     "  if (saved <= latest || saved < log_.load(Boundary::ro)) return kInvalidAddr;",
     "  if (saved <= latest) return kInvalidAddr;"),
    # Snapshots and checkpoints.
    ("snapshot-error-is-success", "engine/store/snapshot.cpp",
     "  Errc code = io.error;\n"
     "  if (code == Errc::ok && io.transferred < io.length) code = Errc::io;\n",
     "  Errc code = io.error;\n"
     "  if (code != Errc::ok || io.transferred < io.length) code = Errc::ok;\n"),
    ("snapshot-without-copy", "engine/store/snapshot.cpp",
     "make_request(page, pin, frame, until > safe_ro);",
     "make_request(page, pin, frame, false && until > safe_ro);"),
    ("pin-forgotten", "engine/store/snapshot.cpp",
     "  if (request.pin == Pin::counted) log_.frames().unpin(page);\n  free_request",
     "  free_request"),
    ("last-page-not-pinned", "engine/store/snapshot.cpp",
     "    if (pin != Pin::evicted && geometry.page(final_ - 1) == page) {",
     "    if (pin == Pin::counted) log_.frames().unpin(page);\n    if (page >= 0) return final_;\n"
     "    if (pin != Pin::evicted && geometry.page(final_ - 1) == page) {"),
    ("start-captured-late", "engine/store/checkpoint.cpp",
     "    case Phase::wait_flush: return capture(self);",
     "    case Phase::wait_flush: info_.start = log_.tail(); return capture(self);"),
    ("cut-not-synced", "engine/store/checkpoint_commit.cpp",
     "  TRY(sync_blocking(runtime_.tasks, *snapshot_device_));\n", "", "snapshot-cut"),
    ("log-not-synced", "engine/store/checkpoint_commit.cpp",
     "    TRY(sync_blocking(runtime_.tasks, log_.flusher().device()));\n", ""),
    ("metadata-not-synced", "engine/store/checkpoint_commit.cpp",
     "  if (written) written = sync_blocking(runtime_.tasks, *file);\n", ""),
    ("name-not-synced", "engine/store/checkpoint_commit.cpp",
     "  TRY(write_metadata());\n  TRY(runtime_.storage.sync_names());\n",
     "  TRY(write_metadata());\n"),
    ("serial-of-now", "engine/store/checkpoint_commit.cpp",
     "return {view.id, view.commit_serial.load()};", "return {view.id, view.serial.load()};"),
    ("walk-stops-short", "engine/store/snapshot.cpp",
     "  const LogAddr end = window.start + window.width;\n  for (",
     "  const LogAddr end = window.start + window.width / 16 * 8;\n  for ("),
    ("page-passed-over", "engine/store/snapshot.cpp",
     "      complete_page(page, Errc::ok);\n",
     "      complete_page(page, Errc::ok);\n"
     "      if (page == first_page_) ++page;\n"
     "      if (page == first_page_ + 1) count_down(1);\n", "completions"),
    ("walk-goes-by-ro", "engine/store/snapshot.cpp",
     "  const LogAddr safe_ro = log_.load(Boundary::safe_ro);\n  const bool faulty",
     "  const LogAddr safe_ro = log_.load(Boundary::ro);\n  const bool faulty", "walks"),
    ("walk-clears-next-version", "engine/store/snapshot.cpp",
     "is_in_snapshot(address, header) && clear_dirty(at, header);", "clear_dirty(at, header);",
     "walks"),
    ("walk-stands-still", "engine/store/snapshot.cpp",
     "    address += step;\n    at = at.plus(step);\n", "    at = at.plus(0);\n", "epochs"),
    ("page-freed-twice", "engine/store/snapshot.cpp",
     "  runtime_.memory.free(&request);\n}\n\nvoid SnapshotWriter::complete_page",
     "  runtime_.memory.free(&request);\n  runtime_.memory.free(&request);\n}\n\n"
     "void SnapshotWriter::complete_page", "memory"),
    ("copy-not-freed", "engine/store/snapshot.cpp",
     "  if (request.copy != nullptr) runtime_.memory.free(request.copy);\n", "", "resources"),
    ("counted-down-twice", "engine/store/snapshot.cpp",
     "  count_down(1);\n}", "  count_down(2);\n}", "check"),
    ("version-without-marks", "engine/store/checkpoint.cpp",
     "  if (!epoch_.check_complete(marker, now.version)) return Wait::marks;\n", ""),
    ("metadata-before-snapshot", "engine/store/checkpoint.cpp",
     "      if (!snapshot_.finished()) return Wait::change;\n", ""),
    # Recovery.
    ("next-version-kept", "engine/store/recovery.cpp",
     "address >= info_.start && header.has(RecordHeader::kInNewVersion);",
     "address < 0 && header.has(RecordHeader::kInNewVersion);", "recovery"),
    ("undone-stays-in-chain", "engine/store/recovery.cpp",
     "prev != before && (prev >= addresses_.begin || before > prev);",
     "prev != before && prev < 0;"),
    ("seal-stays", "engine/store/recovery.cpp",
     "  header.word &= ~(RecordHeader::kSealed | RecordHeader::kDirty | "
     "RecordHeader::kInNewVersion);\n",
     "  header.word &= ~(RecordHeader::kDirty | RecordHeader::kInNewVersion);\n"),
    ("snapshot-pages-from-main", "engine/store/recovery.cpp",
     "!info_.null_main && geometry.page_end(page) <= info_.flushed",
     "!info_.null_main && geometry.page_start(page) < info_.flushed"),
    ("flushed-in-mid-page", "engine/store/recovery.cpp",
     "  const LogAddr flushed = geometry.page_start(geometry.page(info_.flushed));\n",
     "  const LogAddr flushed = info_.flushed;\n"),
    ("not-written-back", "engine/store/recovery.cpp",
     "flushed && (changed_ || !from_main)", "flushed && (changed_ || (!from_main && !flushed))"),
    ("undo-not-written-back", "engine/store/recovery.cpp",
     "flushed && (changed_ || !from_main)", "flushed && !from_main"),
    ("oldest-checkpoint-wins", "engine/store/checkpoint_files.cpp",
     "found->info.version >= best.info.version", "best.info.version == 0"),
    ("version-not-counted-on", "engine/store/store.cpp",
     "  driver_.recover_to(info.next_version);\n", "  driver_.recover_to(info.version);\n"),
    # The append log: commits.
    ("commit-without-sync", "engine/store/append_log_commit.cpp",
     "  TRY(sync_blocking(runtime_.tasks, *main_));\n", "", "durability-ledger"),
    ("commit-before-flush", "engine/store/append_log_commit.cpp",
     "  TRY(log_.flusher().wait_for(info.until));\n", ""),
    ("publish-before-file", "engine/store/append_log_commit.cpp",
     "  if (!options_.fast_commit || new_holes) {\n",
     "  publish(info);\n  if (!options_.fast_commit || new_holes) {\n"),
    ("commit-beyond-record", "engine/store/append_log_commit.cpp",
     "  if (!options_.fast_commit || log_.main_is_null()) info.until = tail;\n",
     "  info.until = tail;\n"),
    ("commit-wakes-nobody", "engine/store/append_log_commit.cpp",
     "  leading_.store(0);\n  log_.flusher().wake_all();\n", "  leading_.store(0);\n"),
    ("commit-ticket-after-look", "engine/store/append_log_commit.cpp",
     "    const uint32_t ticket = flusher.ticket();\n    if (reached(goal)) return {};\n",
     "    if (reached(goal)) return {};\n    const uint32_t ticket = flusher.ticket();\n"),
    ("round-not-counted", "engine/store/append_log_commit.cpp",
     "  if (failed_round_ <= rounds) return std::nullopt;\n",
     "  if (failed_round_ <= rounds + 1000) return std::nullopt;\n"),
    ("old-file-first", "engine/store/append_log_commit.cpp",
     "  TRY(files_.write(filed));\n",
     "  files_.remove_below(filed.number);\n  TRY(files_.write(filed));\n"),
    ("holes-not-filed", "engine/store/append_log_commit.cpp",
     "  filed.holes = log_.flusher().holes();\n", ""),
    ("loss-not-told", "engine/store/append_log_commit.cpp",
     "  TRY(look_for_loss(from, wanted.until));\n", "  TRY(look_for_loss(from, from));\n"),
    ("given-up-before-file", "engine/store/append_log_commit.cpp",
     "  give_up_below(last_file_.begin);\n", "  give_up_below(info.begin);\n"),
    ("commit-file-without-sync", "engine/store/append_log_files.cpp",
     "  if (written) written = sync_blocking(runtime_.tasks, *file);\n", ""),
    ("commit-name-without-sync", "engine/store/append_log_files.cpp",
     "  return runtime_.storage.sync_names();\n", "  return {};\n"),
    ("commit-file-without-checksum", "engine/store/append_log_files.cpp",
     "  if (get<uint32_t>(file.data() + 4) != crc32c(payload)) return corrupt",
     "  if (get<uint32_t>(file.data() + 4) == 0) return corrupt"),
    # Its entries, and what it gives up.
    ("entry-without-checksum", "engine/store/append_log_entry.cpp",
     "  if (checksum != checksum_of(", "  if (checksum == 0 * checksum_of("),
    ("page-end-not-marked", "engine/store/hybrid_log.cpp",
     "  if (opener) end_page(tail);\n", ""),
    ("page-end-marked-late", "engine/store/hybrid_log.cpp",
     "  shift_ro_paged(self, geometry().page_start(next));\n"
     "  shift_head_paged(self, geometry().page_start(next));\n"
     "  if (opener) return open_page(",
     "  shift_ro_paged(self, geometry().page_start(next));\n"
     "  shift_head_paged(self, geometry().page_start(next));\n"
     "  if (opener) end_page(tail);\n"
     "  if (opener) return open_page("),
    ("safe-tail-without-drain", "engine/store/append_log.cpp",
     "  if (tail > safe_tail_.load()) {\n",
     "  raise(safe_tail_, tail);\n  if (tail > safe_tail_.load()) {\n"),
    ("device-gives-up-too-much", "engine/store/eviction.cpp",
     "geometry().page_start(geometry().page(safe))", "geometry().page_end(geometry().page(safe))"),
    ("part-counts-out-of-turn", "engine/store/flush.cpp",
     "    fail(page, Errc::no_memory);\n", "    give_up(page, {from, until}, Errc::no_memory);\n"),
    ("hole-not-noted", "engine/store/flush.cpp",
     "  if (!holes_.add(lost)) return false;\n", "  if (lost.from < 0) return false;\n"),
    # Its recovery and its readers.
    ("earlier-life-accepted", "engine/store/append_log_recovery.cpp",
     "    if (entry->incarnation != found_.incarnation) {\n",
     "    if (entry->incarnation > found_.incarnation) {\n"),
    ("incarnation-not-counted", "engine/store/append_log_recovery.cpp",
     "  log_.incarnation_ = found_.incarnation + 1;\n",
     "  log_.incarnation_ = found_.incarnation;\n"),
    ("lost-page-end-passed", "engine/store/append_log_recovery.cpp",
     "    if (!entry || entry->kind == EntryKind::none) return false;\n",
     "    if (!entry) return false;\n"
     "    if (entry->kind == EntryKind::none) {\n      at_ = end;\n      break;\n    }\n"),
    ("found-not-synced", "engine/store/append_log_recovery.cpp",
     "  TRY(sync_blocking(runtime_.tasks, *log_.main_));\n", ""),
    ("found-not-filed", "engine/store/append_log_recovery.cpp",
     "  TRY(log_.write_file(info));\n", "  log_.last_file_ = info;\n"),
    ("tail-page-not-loaded", "engine/store/append_log_recovery.cpp",
     "    log_.log_.frames().at(start).copy_in(Bytes(page_.data(), known_));\n", ""),
    ("failed-read-ends-log", "engine/store/append_log_recovery.cpp",
     "  TRY(read_page(end));\n", "  if (!read_page(end)) return false;\n"),
    ("reader-below-head", "engine/store/append_log_iterator.cpp",
     "  const LogAddr head = log_.log().load(Boundary::head);\n",
     "  const LogAddr head = log_.log().load(Boundary::closed);\n"),
    ("reader-outside-epoch", "engine/store/append_log_iterator.cpp",
     "    auto loaded = load_from_memory(limit);\n    epoch.suspend(self);\n",
     "    epoch.suspend(self);\n    auto loaded = load_from_memory(limit);\n"),
    ("reader-beyond-limit", "engine/store/append_log_iterator.cpp",
     "  if (!options_.uncommitted) return log_.committed_until();\n",
     "  if (!options_.uncommitted) return log_.log().load(Boundary::flushed);\n"),
]

# Breaks that change nothing that is promised, and why. A run must not notice them.
EXPLAINED = {
    "commit-file-without-checksum": "a torn commit file is cut at one place here, and so it is "
                                    "shorter than it says, or whole as far as it counts; one that "
                                    "has lost another part of itself is met in tests/engine/store/"
                                    "append_log_files_test.cpp, which does notice",
    "round-not-counted": "who is not told of a failed commit leads the next one: no failure is "
                         "promised, only no false success, and in a campaign faults end; where "
                         "they do not, tests/engine/store/append_log_test.cpp does notice",
    "undone-stays-in-chain": "a record of the version never stands behind one of the next version "
                             "in a chain, so with the same index what is undone is the head; a "
                             "smaller index is recovered in tests/engine/store/recovery_test.cpp, "
                             "which does notice",
    "version-not-counted-on": "the versions of a life are compared with each other only; what the "
                              "log of operations orders by them is not there yet",
    "open-ignores-flushed": "closed never passes flushed (address-chain), so the test of closed "
                            "that stands beside it says the same",
    "rmw-copies-fuzzy": "a read-modify-write holds the bucket's latch while it looks at ro and "
                        "while it writes, and so does whoever updates in place: nobody updates "
                        "with an older ro while the copy is taken",
    "snapshot-without-copy": "records of the version are frozen while the page is written: only "
                             "Dirty and the latches of theirs change. Records of the next version "
                             "change in their value bytes as well, but no reader takes one; the "
                             "copy will matter to a checksum of the page",
}
