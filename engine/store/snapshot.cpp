// SPDX-License-Identifier: Apache-2.0
#include "engine/store/snapshot.hpp"

#include <algorithm>
#include <utility>

#include "engine/store/blocking_io.hpp"
#include "engine/store/events.hpp"

namespace orrery::engine {

void SnapshotWriter::initialise(const StoreOptions& options, Event& changed) {
  CHECK(changed_ == nullptr, "the snapshot writer is initialised twice");
  changed_ = &changed;
  throttle_ms_ = options.throttle_ms;
  width_bits_ = options.width_bits;
  checksums_ = options.page_checksums;
}

Result<void> SnapshotWriter::outcome() const {
  CHECK(done_.load() != 0, "the outcome of a snapshot that is still being written");
  const Errc code = error_.load();
  if (code == Errc::ok) return {};
  return Error{code, "a page of the snapshot could not be written"};
}

LogAddr SnapshotWriter::fix_final() {
  CHECK(final_pin_ == Pin::evicted, "the end of a snapshot is fixed twice");
  const Geometry& geometry = log_.geometry();
  for (;;) {
    const LogAddr tail = log_.tail();
    final_ = tail;
    if (geometry.offset(tail) == 0) return tail;  // no page is shared with the next version
    const int64_t page = geometry.page(tail);
    const Pin pin = log_.frames().try_pin(page);
    final_ = log_.tail();
    if (pin != Pin::evicted && geometry.page(final_ - 1) == page) {
      final_pin_ = pin;
      final_frame_ = log_.frames().frame_of(page);
      return final_;
    }
    SOMETIMES(true, "the tail left its page while the end of a snapshot was fixed");
    if (pin == Pin::counted) log_.frames().unpin(page);
  }
}

void SnapshotWriter::release_final() {
  if (final_pin_ == Pin::counted) log_.frames().unpin(log_.geometry().page(final_ - 1));
  final_pin_ = Pin::evicted;
}

Result<LogAddr> SnapshotWriter::begin(Self& self, LogAddr start, const CheckpointInfo& checkpoint,
                                      Device& device) {
  CHECK(done_.load() != 0, "a snapshot begins before the previous one is written");
  CHECK(running_.load() == 0, "a snapshot begins while another is being issued");
  const Geometry& geometry = log_.geometry();
  const LogAddr last = geometry.page_start(geometry.page(final_));
  bool nothing = false;
  if (start >= last && !bugs_.garnet_1413()) {
    start = last;
    nothing = last == final_;
  }
  device_ = &device;
  version_ = checkpoint.version;
  fuzzy_start_ = checkpoint.start;
  exists_from_ = checkpoint.begin;
  first_page_ = geometry.page(start);
  end_page_ = geometry.page(final_) + (geometry.offset(final_) > 0 ? 1 : 0);
  TRY(pages_.begin(runtime_.memory, first_page_,
                   nothing ? 0 : std::max<int64_t>(0, end_page_ - first_page_)));
  if (checksums_ && !nothing) {
    TRY_ASSIGN(scratch_,
               Array<std::byte>::make(runtime_.memory, static_cast<size_t>(geometry.aligned_page),
                                      "page to be summed up"));
  }
  error_.store(Errc::ok);
  note(events::kSnapshotStarted, start, final_, static_cast<int64_t>(version_));
  while (tokens_.try_acquire()) {
    SOMETIMES(true, "a token of an earlier snapshot was left");
  }
  if (nothing) {
    SOMETIMES(true, "a snapshot had nothing to write");
    release_final();
    done_.store(1);
    return start;
  }
  pages_left_.store(end_page_ - first_page_);
  done_.store(0);
  running_.store(1);
  outstanding_.add();
  epoch_.bump(self, {&SnapshotWriter::start, this, 0, {"start-flush-runner", version_}});
  return start;
}

// An epoch action: everybody who was inside when `final` was read has finished his record.
void SnapshotWriter::start(void* context, int64_t, Self& self) {
  auto& writer = *static_cast<SnapshotWriter*>(context);
  CHECK(writer.running_.load() == 1, "a snapshot starts twice");
  if (!writer.throttled()) return writer.run(self);
  const Name name{"flush-runner", writer.version_};
  if (!writer.runtime_.tasks.spawn(name, &SnapshotWriter::run_task, &writer)) {
    SOMETIMES(true, "no task to write a snapshot");
    writer.fail(Errc::no_memory);
    writer.count_down(writer.end_page_ - writer.first_page_);
    writer.stop_running();
  }
}

void SnapshotWriter::run_task(void* context) {
  auto& writer = *static_cast<SnapshotWriter*>(context);
  writer.run(writer.runtime_.tasks.self());
}

void SnapshotWriter::run(Self& self) {
  run_pages(self);
  stop_running();
}

void SnapshotWriter::run_pages(Self& self) {
  for (int64_t page = first_page_; page < end_page_; ++page) {
    if (cancelled_.load() != 0) {
      SOMETIMES(true, "a snapshot was given up before all its pages were written");
      fail(Errc::cancelled);
      return count_down(end_page_ - page);
    }
    const Result<Written> written = write_page(self, page);
    if (!written) {
      SOMETIMES(true, "a snapshot failed before all its pages were submitted");
      if (bugs_.garnet_1679b_a()) return;
      fail(written.error().code);
      return count_down(end_page_ - page);
    }
    if (*written == Written::left_out) {
      SOMETIMES(true, "a snapshot left out a page that had been evicted");
      note(events::kSnapshotPageLeftOut, page);
      if (bugs_.garnet_1679b_b()) continue;
      complete_page(page, Errc::ok);
      // It has released a token that no write has earned.
      if (bugs_.garnet_1679b_c()) continue;
    }
    if (!throttled()) continue;
    tokens_.acquire();
    if (*written == Written::submitted && throttle_ms_ > 0) {
      pause(runtime_, {throttle_ms_ * kMillisecond});
    }
  }
}

void SnapshotWriter::stop_running() {
  release_final();
  scratch_ = {};
  running_.store(0);
  changed_->set();
  outstanding_.remove();
}

Result<SnapshotWriter::Written> SnapshotWriter::write_page(Self& self, int64_t page) {
  const Geometry& geometry = log_.geometry();
  const LogAddr until = std::min(geometry.page_end(page), final_);
  const Frame* frame = nullptr;
  Pin pin = Pin::evicted;
  LogAddr safe_ro = 0;
  {
    const EpochGuard guard(epoch_, self);
    if (final_pin_ != Pin::evicted && page == geometry.page(final_ - 1)) {
      frame = final_frame_;
      pin = std::exchange(final_pin_, Pin::evicted);
    } else {
      frame = log_.frames().frame_of(page);
      pin = log_.frames().try_pin(page);
    }
    safe_ro = log_.load(Boundary::safe_ro);
  }
  if (pin == Pin::evicted && !bugs_.garnet_2063_b()) return Written::left_out;
  auto made = make_request(page, pin, frame, until > safe_ro);
  if (!made) {
    if (pin == Pin::counted) log_.frames().unpin(page);
    return made.error();
  }
  SnapshotPage& request = **made;
  note(events::kSnapshotPageSubmitted, page, request.from, request.until);
  outstanding_.add();
  device_->submit(request.io);
  return Written::submitted;
}

// A request for the page, its bytes copied if they may still change. Errors: no_memory.
Result<SnapshotPage*> SnapshotWriter::make_request(int64_t page, Pin pin, const Frame* frame,
                                                   bool copy) {
  const Geometry& geometry = log_.geometry();
  TRY_ASSIGN(void* const block, runtime_.memory.allocate(sizeof(SnapshotPage),
                                                         alignof(SnapshotPage), "snapshot page"));
  auto& request = *new (block) SnapshotPage();
  request.writer = this;
  request.page = page;
  request.from = geometry.page_start(page);
  request.until = std::min(geometry.page_end(page), final_);
  request.pin = pin;
  const auto size = static_cast<uint64_t>(request.until - request.from);
  Io& io = request.io;
  io.kind = IoKind::write;
  io.offset = static_cast<uint64_t>(geometry.aligned_page * (page - first_page_));
  io.length = round_up(size, static_cast<uint64_t>(geometry.sector));
  io.done = &SnapshotWriter::write_done;
  io.owner = &request;
  if (copy) {
    const Result<void> copied = copy_page(request, frame);
    if (!copied) {
      runtime_.memory.free(&request);
      return copied.error();
    }
    io.buffer = request.copy;
  } else {
    io.buffer = PageRef::at(frame, page, 0).raw();
    io.frame = frame;
  }
  note_checksum(request, frame);
  return &request;
}

void SnapshotWriter::note_checksum(const SnapshotPage& request, const Frame* frame) {
  if (!checksums_) return pages_.set(request.page, {0, PageTable::State::unchecked});
  const auto size = static_cast<size_t>(request.until - request.from);
  MutableBytes image{request.copy, size};
  if (request.copy == nullptr) {
    image = {scratch_.data(), size};
    copy_bytes(request.page, frame, image);
  }
  const LogAddr begin = std::clamp(exists_from_, request.from, request.until);
  const auto from = static_cast<size_t>(begin - request.from);
  pages_.set(request.page, {page_checksum(image.subspan(from)), PageTable::State::checked,
                            static_cast<uint32_t>(from)});
}

// The pin keeps the frame, so nobody has to stay protected for a whole page.
Result<void> SnapshotWriter::copy_page(SnapshotPage& request, const Frame* frame) {
  TRY_ASSIGN(void* const block, runtime_.memory.allocate(request.io.length, 512, "page copy"));
  request.copy = static_cast<std::byte*>(block);
  copy_bytes(request.page, frame, {request.copy, request.io.length});
  return {};
}

void SnapshotWriter::copy_bytes(int64_t page, const Frame* frame, MutableBytes target) {
  const PageRef source = PageRef::at(frame, page, 0);
  const auto length = static_cast<int64_t>(target.size());
  SOMETIMES(length > kCopyChunk, "a page was copied in more than one piece");
  for (int64_t done = 0; done < length; done += kCopyChunk) {
    const auto size = static_cast<size_t>(std::min(kCopyChunk, length - done));
    // Others seal records here, append behind the end of the snapshot, and update what is of the
    // next version: a reader leaves out all that.
    source.plus(done).copy_out_while_written({target.data() + done, size});
  }
}

void SnapshotWriter::write_done(Io& io) {
  auto& request = *static_cast<SnapshotPage*>(io.owner);
  Errc code = io.error;
  if (code == Errc::ok && io.transferred < io.length) code = Errc::io;
  request.writer->snapshot_page_done(request, code);
}

// On any task, protected or not, perhaps inside submit.
void SnapshotWriter::snapshot_page_done(SnapshotPage& request, Errc code) {
  const int64_t page = request.page;
  if (code == Errc::ok) {
    walk(request);
  } else {
    SOMETIMES(true, "a snapshot page failed");
  }
  if (request.pin == Pin::counted) log_.frames().unpin(page);
  free_request(request);
  complete_page(page, code);
  outstanding_.remove();
}

// Clears the Dirty bits of the records that are in the snapshot now and may change again later.
void SnapshotWriter::walk(const SnapshotPage& request) {
  Self& self = runtime_.tasks.self();
  const EpochGuard guard(epoch_, self);
  const LogAddr safe_ro = log_.load(Boundary::safe_ro);
  const bool faulty = bugs_.garnet_385();
  const WalkWindow window = post_flush_window(request.page, request.from, request.until, safe_ro,
                                              log_.geometry().page_bits, width_bits_, faulty);
  note(events::kWalkBegin, request.page, window.start, window.width);
  note(events::kWalkRange, request.from, request.until, safe_ro);
  if (window.width > 0) walk_window(request, window, !faulty);
  note(events::kWalkEnd, request.page, window.start + window.width);
}

void SnapshotWriter::walk_window(const SnapshotPage& request, WalkWindow window, bool bounded) {
  CHECK(!bounded || window.start >= request.from, "a walk begins before its page");
  CHECK(!bounded || window.start + window.width <= request.until, "a walk ends behind its page");
  PageRef at = log_.at(window.start);
  const LogAddr end = window.start + window.width;
  for (LogAddr address = window.start; address < end;) {
    const RecordHeader header{at.load_word()};
    const int64_t step = record_step(at, header);
    const bool cleared = is_in_snapshot(address, header) && clear_dirty(at, header);
    note(events::kWalkStep, address, step, cleared ? 1 : 0);
    if (bounded) {
      CHECK(step > 0, "a record of {} bytes at {}", step, address);
      CHECK(step % kRecordAlign == 0, "a record of {} bytes at {}", step, address);
      CHECK(address + step <= end, "a record of {} bytes at {} leaves the walk, which ends at {}",
            step, address, end);
    }
    address += step;
    at = at.plus(step);
  }
}

// A record of the next version is not, even where its bytes are in the file: whoever reads that
// leaves it out. It was perhaps changed after its page was copied, too. The next snapshot wants it.
bool SnapshotWriter::is_in_snapshot(LogAddr address, RecordHeader header) const {
  return address < fuzzy_start_ || !header.has(RecordHeader::kInNewVersion);
}

bool SnapshotWriter::clear_dirty(PageRef at, RecordHeader header) {
  while (header.has(RecordHeader::kDirty)) {
    if (at.cas_word(header.word, header.word & ~RecordHeader::kDirty)) return true;
  }
  return false;
}

void SnapshotWriter::free_request(SnapshotPage& request) {
  CHECK(request.writer == this, "a request of another writer");
  if (request.copy != nullptr && !bugs_.garnet_2046_a()) runtime_.memory.free(request.copy);
  runtime_.memory.free(&request);
}

void SnapshotWriter::complete_page(int64_t page, Errc code) {
  if (code != Errc::ok && !bugs_.spec_d2()) fail(code);
  note(events::kSnapshotPageDone, page, static_cast<int64_t>(code));
  if (throttled()) tokens_.release();
  count_down(1);
}

void SnapshotWriter::count_down(int64_t pages) {
  const int64_t before = pages_left_.fetch_sub(pages);
  CHECK(before >= pages, "{} snapshot pages are counted down and {} were left", pages, before);
  if (before != pages) return;
  done_.store(1);
  changed_->set();
}

void SnapshotWriter::fail(Errc code) {
  CHECK(code != Errc::ok, "a failure that is none");
  Errc expected = Errc::ok;
  error_.compare_exchange(expected, code);
}

}  // namespace orrery::engine
