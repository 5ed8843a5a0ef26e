# SPDX-License-Identifier: Apache-2.0
"""Breaks of the engine, by hand: a guard, a wait, a re-check, a clamp or an order is dropped.

Each is (name, file, what stands there, what stands there instead). The text occurs exactly once. A
fifth word names an oracle that reports the break, asked alone: every oracle has a break of its own.
"""

from log_mutations import LOG_MUTATIONS

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
     "  shift_ro(self, ro);\n",
     "  if (boundaries_.raise(Boundary::ro, ro)) on_marked_read_only(ro);\n"
     "  if (ro == 0) shift_ro(self, ro);\n"),
    ("flush-on-ro", "engine/store/hybrid_log.cpp",
     "{ shift_ro(self, tail - ro_lag_.load()); }\n",
     "{\n  const LogAddr ro = tail - ro_lag_.load();\n"
     "  if (boundaries_.raise(Boundary::ro, ro)) on_marked_read_only(ro);\n"
     "  if (ro == 0) shift_ro(self, ro);\n}\n"),
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
     "  if (slot.busy || failed()) return nullptr;\n", "  if (failed()) return nullptr;\n"),
    ("flushed-tells-nobody", "engine/store/flush.cpp",
     "  if (boundaries_.raise(Boundary::flushed, reached)) moved_.set();",
     "  boundaries_.raise(Boundary::flushed, reached);", "progress"),
    ("retry-wakes-nobody", "engine/store/flush.cpp",
     "  moved_.set();  // whoever waits must know when to look\n", ""),
    ("retry-left-to-others", "engine/store/flush.cpp",
     "  const Instant due = submit_due();\n  moved_.wait(ticket, due);\n",
     "  moved_.wait(ticket);\n"),
    ("retry-forgotten-at-close", "engine/store/flush.cpp",
     "    submit(*std::exchange(waiting, waiting->next));\n", "    waiting = waiting->next;\n"),
    ("read-retry-not-awaited", "engine/store/session.cpp",
     "    tasks.wait(ready_turn_, turn, due);\n",
     "    tasks.wait(ready_turn_, turn, std::max(due, kNever));\n"),
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
     "  if (view_.phase > Phase::wait_flush) return false;",
     "  if (view_.phase != Phase::in_progress) return false;"),
    ("no-shift-on-next-version", "engine/store/operations.cpp",
     "  return header.has(RecordHeader::kInNewVersion);\n}\n\n// True if the record belongs",
     "  return false;\n}\n\n// True if the record belongs"),
    ("tombstone-is-read", "engine/store/operations.cpp",
     "  if (hit.header.has(RecordHeader::kTombstone)) return missing();\n"
     "  const auto size", "  const auto size", "linearizable"),
    ("no-mark-of-new-version", "engine/store/operation.cpp",
     "  if (before_end) draft.header |= RecordHeader::kInNewVersion;\n",
     "  if (before_end && size < 0) draft.header |= RecordHeader::kInNewVersion;\n"),
    ("saved-below-ro", "engine/store/operation.cpp",
     "  if (saved <= latest || saved < log_.load(Boundary::ro)) return false;",
     "  if (saved <= latest) return false;"),
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
     "    TRY(sync_blocking(runtime_.tasks, *snapshot_device_));\n", "", "snapshot-cut"),
    ("log-not-synced", "engine/store/checkpoint_commit.cpp",
     "  return sync_blocking(runtime_.tasks, log_.flusher().device());\n",
     "  return {};\n"),
    ("metadata-not-synced", "engine/store/checkpoint_files.cpp",
     "  if (written) written = sync_blocking(runtime.tasks, *file);\n", ""),
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
     "  if (request.copy != nullptr && !bugs_.garnet_2046_a()) "
     "runtime_.memory.free(request.copy);\n", "", "resources"),
    ("counted-down-twice", "engine/store/snapshot.cpp",
     "  count_down(1);\n}", "  count_down(2);\n}", "check"),
    ("version-without-marks", "engine/store/checkpoint.cpp",
     "  if (!epoch_.check_complete(marker, now.version)) return Wait::marks;\n", ""),
    ("metadata-before-snapshot", "engine/store/checkpoint.cpp",
     "      if (!snapshot_.finished()) return Wait::change;\n", ""),
    # Checkpoints of other kinds, and how they go.
    ("fold-over-not-awaited", "engine/store/checkpoint.cpp",
     "  if (log_.load(Boundary::flushed) >= end) return true;\n", "  if (end != 0) return true;\n"),
    ("fold-over-failure-ignored", "engine/store/checkpoint_commit.cpp",
     "  if (!info_.use_snapshot_file && flushed < info_.final) return log_.flusher().failure();\n",
     ""),
    ("no-mark-while-index-is-written", "engine/store/operation.cpp",
     "view_.phase == Phase::in_progress || view_.phase == Phase::wait_index_checkpoint;",
     "view_.phase == Phase::in_progress;"),
    ("index-not-awaited", "engine/store/checkpoint.cpp",
     "      if (!index_.finished()) return Wait::change;\n", ""),
    ("index-not-synced", "engine/store/index_writer.cpp",
     "  TRY(sync_blocking(runtime_.tasks, *device_));\n", ""),
    ("index-overflow-not-written", "engine/store/index_writer.cpp",
     "      info_.overflow = index_.overflow_count();\n", ""),
    ("step-for-another-checkpoint", "engine/store/checkpoint.cpp",
     "    state_.store(expected.pack());\n    return changed_.set();\n", ""),
    ("marks-last-into-next-cycle", "engine/store/checkpoint.cpp",
     "    if (!goes_on) next.phase = Phase::rest;\n",
     "    if (!goes_on || failed_) next.phase = Phase::rest;\n"),
    ("names-not-synced-first", "engine/store/checkpoint_commit.cpp",
     "  TRY(runtime_.storage.sync_names());\n  const Result<void> described = describe();\n",
     "  const Result<void> described = describe();\n"),
    ("failed-checkpoint-stays", "engine/store/checkpoint.cpp",
     "  if (failed_) remove_failed();\n", ""),
    ("older-removed-first", "engine/store/checkpoint_commit.cpp",
     "  TRY(write_metadata());\n",
     "  kept_.add({info_.token, info_.index_token, info_.begin, info_.log_start});\n"
     "  (void)remove_outdated();\n"
     "  TRY(write_metadata());\n"),
    ("all-removed", "engine/store/checkpoint_commit.cpp",
     "  kept_.limit_to(options_.checkpoints_kept);\n", "  kept_.limit_to(0);\n"),
    ("token-used-twice", "engine/store/checkpoint_commit.cpp",
     "std::max(driver.next_token_, token + 1);", "std::max(driver.next_token_, token);"),
    # Recovery.
    ("next-version-kept", "engine/store/recovery.cpp",
     "  if (address >= info_.start && header.has(RecordHeader::kInNewVersion)) {\n",
     "  if (address < 0 && header.has(RecordHeader::kInNewVersion)) {\n", "recovery"),
    ("chains-stay-apart", "engine/store/recovery.cpp",
     "prev != before && (prev >= addresses_.begin || before > prev);",
     "prev != before && prev < 0;"),
    ("indexes-not-forgotten", "engine/store/recovery.cpp", "    TRY(forget_indexes());\n", ""),
    ("seal-stays", "engine/store/recovery.cpp",
     "    put(at, header.has(RecordHeader::kValid) ? word & ~RecordHeader::kSealed : word);\n",
     "    put(at, word);\n"),
    ("snapshot-pages-from-main", "engine/store/recovery.cpp",
     "log_.geometry().page_end(page) <= info_.flushed",
     "log_.geometry().page_start(page) < info_.flushed"),
    ("recovered-page-is-mutable", "engine/store/recovery.cpp",
     "std::max(info_.flushed, addresses_.head);",
     "std::max(geometry.page_start(geometry.page(info_.flushed)), addresses_.head);"),
    ("not-written-back", "engine/store/recovery.cpp",
     "(changed_ || source != Source::main)", "(changed_ || (false && source != Source::main))"),
    ("undo-not-written-back", "engine/store/recovery.cpp",
     "(changed_ || source != Source::main)", "source != Source::main"),
    ("oldest-checkpoint-wins", "engine/store/checkpoint_files.cpp",
     "found->info.version >= best.info.version", "best.info.version == 0"),
    ("version-not-counted-on", "engine/store/checkpoint.cpp",
     "  go_on_in(info.next_version);\n", "  go_on_in(info.version);\n"),
    ("recovered-not-synced", "engine/store/store.cpp",
     "    TRY(sync_checkpoint(runtime_, options_, info));\n", ""),
    ("read-of-old-contents", "engine/store/operations.cpp",
     "    operation_.finding = nullptr;\n", ""),
    ("allocation-of-old-contents", "engine/store/operations.cpp",
     "    operation_.saved = kInvalidAddr;\n  }\n", "  }\n"),
    ("reset-does-not-wait", "engine/store/store_reset.cpp",
     "  if (!bugs_.spec_d14()) epoch_.wait_until_empty(self);\n",
     "  epoch_.resume(self);\n  epoch_.suspend(self);\n"),
    ("reset-looks-once", "engine/store/epoch.cpp",
     "    tasks_.yield();\n  }\n  wait_for_all_to_leave();\n}", "    tasks_.yield();\n  }\n}"),
    ("reset-forgets-reads", "engine/store/store_reset.cpp", "  reads_.wait_for_none();\n", ""),
    ("reset-keeps-checkpoints", "engine/store/store_reset.cpp",
     "  TRY_ASSIGN(const LogAddr place, driver_.remove_all());\n", "  const LogAddr place = 0;\n"),
    ("reset-names-not-synced", "engine/store/checkpoint_commit.cpp",
     "  TRY(runtime_.storage.sync_names());\n  return 0;\n", "  return 0;\n"),
    ("reset-keeps-index", "engine/store/store_reset.cpp", "  index_.clear();\n", ""),
    ("reset-wakes-nobody", "engine/store/store_reset.cpp",
     "  log_.flusher().wake_all();\n", ""),
    ("read-during-reset", "engine/store/store_reset.cpp",
     "  if (!driver_.resetting() && generation_.load() == generation) return true;\n",
     "  if (generation_.load() == generation) return true;\n"),
    ("committed-given-up", "engine/store/checkpoint.cpp",
     "may_fail && !committed && !failed_", "may_fail && (committed || !failed_)"),
    ("page-not-counted-when-given-up", "engine/store/snapshot.cpp",
     "      fail(Errc::cancelled);\n      return count_down(end_page_ - page);\n",
     "      fail(Errc::cancelled);\n      return count_down(end_page_ - page - 1);\n"),
    # Fillers, records that leave their chain, reads that copy.
    ("resized-under-checkpoint", "engine/store/operations.cpp",
     "    if (!may_resize(hit)) return false;\n", ""),
    ("filler-not-written", "engine/store/operations.cpp",
     "      hit.at.plus(filler_offset(key_length, length)).store("
     "filler_length(size, key_length, length));\n", ""),
    ("filler-forgotten", "engine/store/operation.cpp",
     "  log_.at(draft.address).store_word("
     "RecordHeader::kSealed | filler | uint64_t{kTempInvalid});\n",
     "  log_.at(draft.address).store_word("
     "RecordHeader::kSealed | (filler & 0) | uint64_t{kTempInvalid});\n"),
    ("elided-below-ro", "engine/store/operation.cpp",
     "  return link.source >= log_.load(Boundary::ro);\n",
     "  return link.source >= log_.load(Boundary::head);\n"),
    ("elided-under-checkpoint", "engine/store/operation.cpp",
     "view_.phase != Phase::rest || link.source < store_.driver_.index_end()",
     "link.source < store_.driver_.index_end()"),
    ("elided-that-an-index-has", "engine/store/operation.cpp",
     "view_.phase != Phase::rest || link.source < store_.driver_.index_end()",
     "view_.phase != Phase::rest"),
    ("erased-with-its-chain", "engine/store/operations.cpp",
     "  if (may_elide(link) && leaves_nothing(link)) return unlink(link);\n",
     "  if (may_elide(link)) return unlink(link);\n"),
    ("copy-of-what-was-erased", "engine/store/operations.cpp",
     "    if (!finding->found || finding->tombstone) return missing();\n"
     "    const Outcome outcome",
     "    if (!finding->found) return missing();\n    const Outcome outcome"),
    ("undo-forgets-what-was-replaced", "engine/store/recovery.cpp",
     "    put(at, (record.header.word & ~RecordHeader::kValid) | RecordHeader::kSealed);\n",
     "    put(at, RecordHeader::kSealed | uint64_t{kTempInvalid});\n"),
    ("undone-forgotten-in-memory", "engine/store/recovery.cpp",
     "    const uint64_t word = header.word & ~RecordHeader::kDirty;\n",
     "    const uint64_t word =\n"
     "        header.word & ~(RecordHeader::kDirty | RecordHeader::kInNewVersion);\n"),
    ("index-end-for-its-start", "engine/store/recovery_index.cpp",
     "    recover_from_ = index->start;\n", "    recover_from_ = index->final;\n"),
    ("index-not-rewound", "engine/store/recovery_index.cpp",
     "    index_.rewind(recover_from_);\n", ""),
    ("index-goes-not-back", "engine/store/recovery.cpp",
     "  if (!index_loaded_ || prev >= recover_from_) return;\n",
     "  if (!index_loaded_ || prev >= 0) return;\n"),
    ("index-of-another-shape", "engine/store/recovery_index.cpp",
     "  if (index.index_bits != options_.index_bits || index.tag_bits != options_.tag_bits) "
     "return false;\n", ""),
    ("snapshot-page-of-its-neighbour", "engine/store/snapshot_file.cpp",
     "  const int64_t place = page - table_.first_page();\n",
     "  const int64_t place = std::max<int64_t>(0, page - table_.first_page() - 1);\n"),
    ("page-end-is-damage", "engine/store/recovery.cpp",
     "  return geometry.offset(address) > 0 &&", "  return geometry.offset(address) < 0 &&"),
    ("main-log-up-to-the-end", "engine/store/recovery.cpp",
     "round_up(geometry.file_offset(info_.flushed), sector)",
     "round_up(geometry.file_offset(info_.final), sector)"),
    ("makers-free-each-other", "engine/store/hash_index.cpp",
     "const bool made = !word.tentative() && word.address() != kTempInvalid;",
     "const bool made = !word.tentative();"),
]

MUTATIONS += [
    # How far sessions have come.
    ("closed-session-forgotten", "engine/store/checkpoint.cpp",
     "  known->serial = view.serial.load();\n", "", "snapshot-cut"),
    ("recovered-sessions-forgotten", "engine/store/checkpoint.cpp",
     "  for (const SessionPoint& point : sessions) TRY(replayed(point.id, point.serial));\n",
     "  if (sessions.size() == SIZE_MAX) return {};\n",
     "recovery"),
    ("replayed-not-counted", "engine/store/operation_replay.cpp",
     "    TRY(driver_.replayed(operation->session, operation->serial));\n", "", "operation-log"),
    ("closed-session-in-next-version", "engine/store/checkpoint_commit.cpp",
     "entered ? session.commit_serial : session.serial", "session.serial"),
    ("came-back-with-next-version", "engine/store/checkpoint.cpp",
     "same ? known->commit_serial : known->serial", "same ? known->serial : known->serial"),
    # The oldest part is given up.
    ("begin-of-checkpoint-too-low", "engine/store/checkpoint_commit.cpp",
     "    info_.begin = std::max(info_.begin, std::min(begin, info_.final));\n", ""),
    ("given-up-is-read", "engine/store/pending.cpp",
     "  if (pending.address < store_.log_.load(Boundary::begin)) {\n",
     "  if (pending.address < 0) {\n"),
    ("device-truncated-to-newest", "engine/store/checkpoint_commit.cpp",
     "log_.truncate_device(kept_.begin());", "log_.truncate_device(info_.begin);"),
    ("given-up-is-copied", "engine/store/operation.cpp",
     "link.copied < store_.keeps_from_.load()", "link.copied < 0"),
    ("copies-not-awaited", "engine/store/store.cpp", "  keeps_from_.store(below);\n",
     "  keeps_from_.store(below);\n  if (below > 0) return;\n"),
    ("cache-copies-among-others", "engine/store/operations.cpp",
     "index.bucket_of(operation_.hash), store_.copies_alone_);",
     "index.bucket_of(operation_.hash), false);"),
    ("given-up-is-modified", "engine/store/operations.cpp",
     "finding->found && finding->address < log_.load(Boundary::begin);",
     "finding->found && finding->address < 0;"),
    # Going back, and what a cache has lost.
    ("version-max-ignored", "engine/store/checkpoint_files.cpp",
     "    if (found->info.version > wanted.version_max) continue;\n", ""),
    ("newer-stay", "engine/store/checkpoint_removal.cpp",
     "    TRY(remove_file(runtime, DeviceName::metadata(store.prefix, tokens[i]).view()));\n", ""),
    ("cache-begins-below-what-is-lost", "engine/store/recovery.cpp",
     "std::max({info_.begin, info_.snapshot_start, evicted_until()});",
     "std::max(info_.begin, info_.snapshot_start);"),
    ("cache-begins-below-its-snapshot", "engine/store/recovery.cpp",
     "std::max({info_.begin, info_.snapshot_start, evicted_until()});",
     "std::max(info_.begin, evicted_until());"),
    ("cache-forgets-one-page", "engine/store/recovery.cpp",
     "  return std::min(log_.geometry().page_start(page), info_.final);",
     "  return std::min(log_.geometry().page_start(page + 1), info_.final);"),
    ("checksum-of-what-was-given-up", "engine/store/snapshot.cpp",
     "  const auto from = static_cast<size_t>(begin - request.from);",
     "  const auto from = static_cast<size_t>(begin - begin);"),
    ("checksum-of-nothing", "engine/store/snapshot.cpp",
     "std::clamp(exists_from_, request.from, request.until);", "request.until;"),
    ("checksum-from-where-the-log-begins", "engine/store/snapshot.cpp",
     "std::clamp(exists_from_, request.from, request.until);",
     "std::clamp(log_.load(Boundary::begin), request.from, request.until);"),
    ("committed-is-what-was-done", "engine/store/checkpoint_commit.cpp",
     "known.committed = known.captured;", "known.committed = present_of(known).serial;"),
    # What went must be gone.
    ("failed-data-before-metadata", "engine/store/checkpoint_removal.cpp",
     "  if (!done) return done;  // it may be there, or come back: it must find its data\n", ""),
    ("outdated-truncated-anyway", "engine/store/checkpoint_commit.cpp",
     "  if (remove_outdated()) truncate_logs();\n",
     "  (void)remove_outdated();\n  truncate_logs();\n"),
    ("removal-not-synced-again", "engine/store/checkpoint_removal.cpp",
     "  TRY(each_file(runtime, store, kData, keep, look));\n", "  (void)look;\n"),
    ("going-back-not-synced", "engine/store/checkpoint_removal.cpp",
     "  // Also for those that an attempt before has removed, and could not sync.\n"
     "  return runtime.storage.sync_names();\n", "  return {};\n"),
    ("going-back-without-rehearsal", "engine/store/store.cpp",
     "  TRY(Recovery(runtime_, options_, log_, index_).rehearse(recovered_.info));\n", ""),
    ("open-before-names-are-durable", "engine/store/store.cpp",
     "  if (from_nothing) TRY(runtime.storage.sync_names());\n", "  (void)from_nothing;\n"),
    ("page-of-flushed-not-written-back", "engine/store/recovery.cpp",
     "(changed_ || source != Source::main)",
     "(changed_ || (source != Source::main && flushed > info_.flushed))"),
    # Names.
    ("failed-list-is-empty", "engine/store/checkpoint_tokens.cpp",
     "  TRY(runtime.storage.list(store.prefix, &Tokens::visit, &tokens));\n  const size_t count",
     "  (void)runtime.storage.list(store.prefix, &Tokens::visit, &tokens);\n  const size_t count"),
    ("failed-list-frees-tokens", "engine/store/checkpoint_commit.cpp",
     "  return runtime_.storage.list(options_.prefix, visit, this);\n",
     "  (void)runtime_.storage.list(options_.prefix, visit, this);\n  return {};\n"),
]

MUTATIONS += [
    # What is promised of time: who waits for whom, and who tries again.
    ("makers-both-withdraw", "engine/store/hash_index.cpp",
     "      found = Rival::behind;\n", "      return Rival::stays;\n"),
    ("makers-both-stay", "engine/store/hash_index.cpp",
     "    for (; rival == Rival::behind; rival = rival_of(first, place, tag)) tasks_.yield();\n",
     "    if (rival == Rival::behind) rival = Rival::none;\n"),
    ("maker-not-waited-for", "engine/store/hash_index.cpp", "    if (in_making) {\n",
     "    if (in_making && place == nullptr) {\n"),
    ("saved-within-a-checkpoint", "engine/store/operation.cpp",
     "  if (saved < store_.driver_.fuzzy_end()) {\n", "  if (saved < 0) {\n"),
    ("saved-of-another-version", "engine/store/operation.cpp",
     "operation_.saved_version != view_.version || operation_.saved_phase != view_.phase) {\n",
     "operation_.saved_version > view_.version) {\n"),
    ("index-writer-not-awaited", "engine/store/checkpoint.cpp",
     "                         next.phase == Phase::wait_index_only_checkpoint ||\n", ""),
    ("barrier-without-sessions", "engine/store/checkpoint.cpp",
     "  if (!options_.version_barrier) return;\n",
     "  if (!options_.version_barrier || view.id < UINT64_MAX) return;\n"),
    ("barrier-without-epoch", "engine/store/checkpoint.cpp",
     "Marker::prepare, options_.version_barrier);", "Marker::prepare, false);"),
    ("write-not-tried-again", "engine/store/flush.cpp",
     "    if (request.attempts < policy_.attempts) return try_again(request);\n", ""),
    # What is given up is gone, and its room is given back.
    ("truncation-forgotten", "engine/store/append_log_recovery.cpp",
     "  found_.begin = record->begin;\n", ""),
    ("outdated-stay", "engine/store/checkpoint_removal.cpp",
     "  if (count <= wanted) return;\n", "  if (count <= wanted || wanted > 0) return;\n"),
    ("main-log-not-truncated", "engine/store/checkpoint_commit.cpp",
     "  if (!info_.null_main) log_.truncate_device(kept_.begin());\n", ""),
]

MUTATIONS += LOG_MUTATIONS

# Breaks of what is promised that a campaign may not meet: they need two failures in one breath, a
# file that was damaged in a way that no fault here damages one, or errors that do not end. Then a
# unit test of the engine must, in the file that is named.
OF_UNIT_TESTS = {
    "removal-not-synced-again": "engine/store/reset_test.cpp",
    "outdated-truncated-anyway": "engine/store/begin_shift_test.cpp",
    "open-before-names-are-durable": "engine/store/reset_test.cpp",
    "page-of-flushed-not-written-back": "engine/store/recovery_test.cpp",
    "void-checkpoint-of-that-place": "engine/store/reset_test.cpp",
    "doubt-ignored": "engine/store/reset_test.cpp",
    "checksum-of-what-was-given-up": "engine/store/recovery_test.cpp",
    "checksum-of-nothing": "engine/store/damage_test.cpp",
    "round-not-counted": "engine/store/append_log_test.cpp",
}

# Breaks that only damage of synced bytes shows, and no fault does that (docs/fault_model.md): no
# run can notice them, and none may. They do not count; a test must notice, in the file named.
BEYOND_FAULTS = {
    "going-back-without-rehearsal": "engine/store/damage_test.cpp",
    "commit-file-without-checksum": "engine/store/append_log_files_test.cpp",
}

# Breaks that matter and that may survive: what must meet for a campaign to notice.
RARE = {
    "step-for-another-checkpoint": "two index checkpoints of one version within a few points: "
                                   "about once in 1,500 runs of sizes that do nothing else",
    "saved-within-a-checkpoint": "an allocation lost its race while its session, and no other, had "
                                 "the view of before, and the writer of an inline snapshot was "
                                 "between two points of that very page",
    "going-back-not-synced": "the sync must have failed before, nothing else sync the names until "
                             "something is written, and the power be lost between the two",
}

# Breaks that change nothing that is promised, and why. A run must not notice them.
EXPLAINED = {
    "reset-forgets-reads": "what a read brings is not looked at once the contents are others; that "
                           "no device is emptied under a read is for the device's sake",
    "read-during-reset": "the generation that is compared beside it says the same in time",
    "index-not-synced": "an index is compared with its checksum before it is believed, and built "
                        "anew from the log if it is not whole: it is lost, and nothing else is",
    "version-of-checkpoint-replayed": "an entry says what its key holds afterwards, and those "
                                      "behind it follow: a replay of more than is needed changes "
                                      "nothing (docs/adr/0005-operation-log.md); the test that "
                                      "would notice makes up an order that no store writes",
    "open-ignores-flushed": "closed never passes flushed (address-chain), so the test of closed "
                            "that stands beside it says the same",
    "makers-both-withdraw": "who withdraws does not make another as long as he sees one in the "
                            "making: that alone breaks the step, or ends where no two turns have "
                            "the same length",
    "barrier-without-epoch": "the step is taken when all who are inside have marked PREPARE, and "
                             "whoever has marked it spins at the barrier already",
    "rmw-copies-fuzzy": "a read-modify-write holds the bucket's latch while it looks at ro and "
                        "while it writes, and so does whoever updates in place: nobody updates "
                        "with an older ro while the copy is taken",
}
