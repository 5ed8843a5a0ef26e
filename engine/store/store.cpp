// SPDX-License-Identifier: Apache-2.0
#include "engine/store/store.hpp"

#include "engine/store/blocking_io.hpp"
#include "engine/store/events.hpp"
#include "engine/store/names.hpp"
#include "engine/store/recovery.hpp"

namespace orrery::engine {

Result<Owned<Store>> Store::open(const Runtime& runtime, const StoreOptions& options,
                                 const Bugs& bugs) {
  TRY(validate(options));
  TRY(refuse_existing(runtime, options));
  return make(runtime, options, bugs, nullptr);
}

Result<Owned<Store>> Store::recover(const Runtime& runtime, const StoreOptions& options,
                                    const Bugs& bugs, const RecoverOptions& wanted) {
  TRY(validate(options));
  auto recovered = [&]() -> Result<Owned<Store>> {
    const auto log = OperationLog::look_for(runtime, options);
    if (!log && log.error().code != Errc::not_found) return log.error();
    if (log && !options.log_operations) {
      return Error{Errc::invalid, "a store that logs its operations is to be recovered without"};
    }
    const LogAddr emptied = log ? *log : 0;
    auto found = find_checkpoint(runtime, options, wanted, emptied);
    const bool none = !found && found.error().code == Errc::not_found && wanted.newest();
    if (none && log) {
      // What was done before the first checkpoint is in the log alone.
      FoundCheckpoint nothing;
      nothing.replay_from = emptied;
      return make(runtime, options, bugs, &nothing);
    }
    TRY_ASSIGN(FoundCheckpoint checkpoint, std::move(found));
    StoreOptions from_there = options;
    from_there.first_address = checkpoint.info.final;
    auto there = make(runtime, from_there, bugs, &checkpoint);
    if (there) (*there)->options_.first_address = options.first_address;  // for a reset
    return there;
  }();
  const Errc code = recovered ? Errc::ok : recovered.error().code;
  const CheckpointInfo info = recovered ? (*recovered)->recovered() : CheckpointInfo{};
  SOMETIMES(info.token != 0, "a store was recovered from a checkpoint");
  SOMETIMES(code == Errc::not_found, "there was nothing to recover");
  note(events::kRecoveryEnded, static_cast<int64_t>(code), static_cast<int64_t>(info.version),
       static_cast<int64_t>(info.token));
  return recovered;
}

Result<Owned<Store>> Store::make(const Runtime& runtime, const StoreOptions& options,
                                 const Bugs& bugs, FoundCheckpoint* checkpoint) {
  // A checkpoint that was removed may come back with a loss of power until its absence is durable;
  // and this store is about to write over what it needs.
  const bool from_nothing = checkpoint == nullptr || checkpoint->info.token == 0;
  if (from_nothing) TRY(runtime.storage.sync_names());
  TRY_ASSIGN(Owned<Store> store,
             make_owned<Store>(runtime.memory, "store", runtime, options, bugs));
  if (checkpoint != nullptr) store->recovered_ = std::move(*checkpoint);
  Result<void> ready = store->initialise();
  if (ready) ready = checkpoint == nullptr ? store->begin_new() : store->load();
  if (!ready) {
    store->log_.close();  // what was replayed may be on its way to the device
    store->operations_.close();
    if (store->main_ != nullptr) store->main_->close();
    return ready.error();
  }
  store->open_ = true;
  return store;
}

Store::Store(const Runtime& runtime, const StoreOptions& options, const Bugs& bugs)
    : runtime_(runtime),
      options_(options),
      bugs_(bugs),
      null_device_(options.sector_size),
      epoch_(runtime.tasks, epoch_slots_),
      index_(runtime.memory, runtime.tasks),
      log_(runtime, epoch_, bugs),
      snapshot_(runtime, epoch_, log_, bugs),
      index_writer_(runtime, epoch_, index_, bugs),
      operations_(runtime, bugs),
      driver_(runtime, epoch_, log_, snapshot_, index_writer_, operations_, bugs),
      reset_mutex_(runtime.tasks),
      reads_(runtime.tasks) {}

Result<void> Store::initialise() {
  CHECK(!open_, "a store is initialised twice");
  TRY(driver_.initialise(options_));
  options_.prefix = driver_.prefix();  // the caller's text may be gone tomorrow
  TRY(epoch_slots_.initialise(runtime_.memory, options_.epoch_slots));
  TRY(epoch_.initialise(runtime_.memory));
  TRY(index_.initialise(options_.index_bits, options_.tag_bits));
  copies_alone_ = options_.main_is_null && options_.copy_reads == CopyReads::from_immutable;
  if (options_.main_is_null) {
    main_ = &null_device_;
  } else {
    const DeviceName name = DeviceName::main_log(options_.prefix);
    const DeviceOptions options = page_file_options(options_);
    const bool needed = recovered_.info.flushed > recovered_.info.begin;
    TRY_ASSIGN(main_, needed ? open_existing(runtime_, name.view(), options)
                             : runtime_.storage.open(name.view(), options));
  }
  snapshot_.initialise(options_, driver_.changed());
  index_writer_.initialise(options_, driver_.changed());
  return log_.initialise(options_, *main_);
}

// Nothing can be recovered from what an earlier life left on the main device: it may have given up
// a part of it, where this one begins to write.
Result<void> Store::begin_new() {
  TRY(log_.ensure_page_after_tail());
  main_->reset();
  return options_.log_operations ? operations_.open(options_, epoch_slots_) : Result<void>();
}

Result<void> Store::load() {
  CHECK(!open_, "a store is recovered twice");
  // Before anything is written: without its log there is no way on from here.
  if (options_.log_operations && !recovered_.goes_back) TRY(open_operations());
  const CheckpointInfo& info = recovered_.info;
  if (info.token == 0) {
    TRY(log_.ensure_page_after_tail());
    main_->reset();
  } else {
    if (recovered_.goes_back) TRY(go_back());
    TRY(Recovery(runtime_, options_, log_, index_).run(info));
    if (!info.null_main) TRY(sync_blocking(runtime_.tasks, *main_));
    TRY(sync_checkpoint(runtime_, options_, info));
    TRY(driver_.recover_to(info, {recovered_.sessions.data(), recovered_.session_count}));
  }
  return options_.log_operations ? recover_operations() : Result<void>();
}

// The log goes on from here, over what newer checkpoints need of it. They go before anything is
// written, and not before it is known that this one can take their place.
Result<void> Store::go_back() {
  TRY(Recovery(runtime_, options_, log_, index_).rehearse(recovered_.info));
  if (options_.log_operations) TRY(open_operations());
  return remove_newer(runtime_, options_, recovered_.info);
}

Store::~Store() {
  if (open_) close();
}

Result<Owned<Session>> Store::start_session(const SessionOptions& options) {
  CHECK(open_, "a session of a closed store");
  if (options.id > SessionOptions::kIdMax) return Error{Errc::invalid, "no id of a session"};
  TRY_ASSIGN(Owned<Session> session,
             make_owned<Session>(runtime_.memory, "session", *this, options));
  const auto page = static_cast<size_t>(log_.geometry().page_size());
  TRY(session->allocate_staging(options.staging_size == 0 ? page : options.staging_size));
  TRY(session->open());
  return session;
}

Result<CheckpointTicket> Store::start_checkpoint(const CheckpointRequest& request) {
  CHECK(open_, "a checkpoint of a closed store");
  return driver_.start(request);
}

Result<CheckpointResult> Store::wait_checkpoint(CheckpointTicket ticket) {
  CHECK(open_, "a wait for a checkpoint of a closed store");
  return driver_.wait(ticket);
}

bool Store::checkpoint_ended(CheckpointTicket ticket) { return driver_.ended(ticket); }

Result<LogAddr> Store::commit_log() {
  CHECK(open_, "a commit of a closed store");
  if (!operations_.is_open()) return Error{Errc::invalid, "a store that logs no operations"};
  return operations_.commit();
}

Result<void> Store::flush() {
  CHECK(open_, "a flush of a closed store");
  Self& self = runtime_.tasks.self();
  epoch_.resume(self);
  driver_.enter_unless_reset(self);
  const uint64_t generation = generation_.peek();
  const LogAddr target = log_.shift_ro_to_tail(self);
  epoch_.suspend(self);
  Flusher& flusher = log_.flusher();
  for (;;) {
    const uint32_t ticket = flusher.ticket();
    if (generation_.load() != generation) return {};  // it is gone
    if (log_.load(Boundary::flushed) >= target) return {};
    TRY(flusher.health());
    flusher.wait(ticket);
  }
}

Result<void> Store::shift_begin(LogAddr address) {
  CHECK(open_, "a closed store gives up a part");
  const Lock lock(reset_mutex_);
  if (address <= log_.tail() && options_.copy_reads != CopyReads::none) stop_copies(address);
  return log_.shift_begin(runtime_.tasks.self(), address);
}

// A read that has not looked around since may still link a copy: it comes before the shift, as long
// as nobody was told yet that the key is gone.
void Store::stop_copies(LogAddr below) {
  if (below <= keeps_from_.load()) return;
  keeps_from_.store(below);
  Self& self = runtime_.tasks.self();
  Signal unaware_left(runtime_.tasks);
  epoch_.resume(self);
  epoch_.bump(self, {[](void* left, int64_t, Self&) { static_cast<Signal*>(left)->set(); },
                     &unaware_left,
                     0,
                     {"stop-copies", static_cast<uint64_t>(below)}});
  epoch_.suspend(self);
  unaware_left.wait();
}

Result<void> Store::set_empty_pages(uint32_t pages) {
  CHECK(open_, "the memory of a closed store is changed");
  const Lock lock(reset_mutex_);
  return log_.set_empty_pages(runtime_.tasks.self(), pages);
}

void Store::dispose() {
  CHECK(open_, "a closed store is given up");
  snapshot_.cancel();
  driver_.give_up();
  close();
}

void Store::close() {
  CHECK(open_, "a store is closed twice");
  CHECK(!driver_.has_sessions(), "a store is closed before its sessions");
  driver_.finish_running();
  driver_.wait_until_idle();
  snapshot_.wait_until_idle();
  index_writer_.wait_until_idle();
  log_.close();
  operations_.close();
  CHECK(epoch_.quiet(), "somebody is still inside a store that is being closed");
  CHECK(reads_.count() == 0, "a store is closed under a read");
  main_->close();
  open_ = false;
}

}  // namespace orrery::engine
