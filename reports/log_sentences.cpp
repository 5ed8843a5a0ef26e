// SPDX-License-Identifier: Apache-2.0
#include "reports/log_sentences.hpp"

#include <fmt/format.h>

#include "engine/store/events.hpp"
#include "reports/sentences.hpp"
#include "reports/words.hpp"
#include "scenarios/history.hpp"
#include "scenarios/ledger.hpp"

namespace orrery::reports {
namespace {

using sim::Event;
namespace events = engine::events;
namespace ledger = scenarios::ledger;

std::string engine_sentence(const Event& event);
std::string entry_text(const Event& event);
std::string client_sentence(const Event& event);
std::string reader_sentence(const Event& event);

}  // namespace

std::string log_sentence(const Event& event) {
  std::string text = engine_sentence(event);
  if (text.empty()) text = client_sentence(event);
  return text.empty() ? reader_sentence(event) : text;
}

namespace {

std::string engine_sentence(const Event& e) {
  switch (e.kind) {
    case events::kAppendLogRecovered:
      return fmt::format("the append log is recovered: from {} to {}, in its life {}", grouped(e.a),
                         grouped(e.b), e.c);
    case events::kAppendLogCommitted:
      return fmt::format("commit {} of the append log is durable, up to {}", e.c, grouped(e.a));
    case events::kAppendLogCommitFailed:
      return fmt::format("commit {} of the append log failed: {}", e.a, errc_text(e.b));
    case events::kHoleLeft:
      return fmt::format("gives up [{}, {}), which could not be written: {}", grouped(e.a),
                         grouped(e.b), errc_text(e.c));
    default: return {};
  }
}

std::string entry_text(const Event& e) {
  return fmt::format("entry {} at [{}, {})", scenarios::name_of_number(static_cast<uint64_t>(e.a)),
                     grouped(e.b), grouped(e.c));
}

std::string client_sentence(const Event& e) {
  switch (e.kind) {
    case ledger::kOpened: return "has opened a new log, which begins at " + grouped(e.b);
    case ledger::kClosed: return "has closed the log";
    case ledger::kAsked:
      return "is about to append " + scenarios::name_of_number(static_cast<uint64_t>(e.a));
    case ledger::kAppended: return "has appended " + entry_text(e);
    case ledger::kRefused:
      return "could not append " + scenarios::name_of_number(static_cast<uint64_t>(e.a));
    case ledger::kAcknowledged:
      return fmt::format("is told that [{}, {}) is durable", grouped(e.a), grouped(e.b));
    case ledger::kOperationsAcknowledged:
      return "is told that the log of operations is durable up to " + grouped(e.a);
    case ledger::kGoesBack:
      if (e.a == 0) return "finds no checkpoint as old as that";
      return fmt::format("goes back to a checkpoint of version {} or older", e.a);
    case ledger::kSessionCommitted:
      return fmt::format("hears that {} operations of session {} are in a checkpoint", e.b, e.a);
    case ledger::kCheckpointAcknowledged:
      if (e.a == 0) return fmt::format("is told that index checkpoint {} is durable", e.b);
      return fmt::format("is told that the checkpoint of version {} is durable", e.a);
    case ledger::kCheckpointSaidEnded:
      return fmt::format("is told that checkpoint {} has ended", e.a);
    case ledger::kFailed:
      return fmt::format("is told that {} failed: {}", name_of(static_cast<ledger::Call>(e.a)),
                         errc_text(e.b));
    case ledger::kStrangerAsks:
      if (e.a == 0) return "has no store with sectors of another size, and goes";
      return fmt::format("asks for the store with sectors of {} bytes", e.a);
    case ledger::kAsksForNewest: return "asks for the newest checkpoint that is left";
    case ledger::kGivingUp: return "is about to give up what lies below " + grouped(e.a);
    case ledger::kGivenUp:
      return fmt::format("is told that what lies below {} is gone for good", grouped(e.a));
    case ledger::kCookieAsked: return fmt::format("sets the cookie of the log to {}", e.a);
    case ledger::kCookieAcknowledged: return fmt::format("is told that cookie {} is durable", e.a);
    case ledger::kCookieRecovered:
      if (e.a == 0) return "finds no cookie in the log";
      return fmt::format("finds cookie {} in the log", e.a);
    default: return {};
  }
}

std::string reader_sentence(const Event& e) {
  switch (e.kind) {
    case ledger::kRecovered:
      if (e.a != 0) return "finds no log: " + errc_text(e.a);
      return fmt::format("has recovered the log from {} to {}", grouped(e.b), grouped(e.c));
    case ledger::kReadBack: return "reads back " + entry_text(e);
    case ledger::kReadBackEnded:
      return fmt::format("has read back what there is, up to {}: {}", grouped(e.b), errc_text(e.a));
    case ledger::kReaderBegins:
      return fmt::format("begins to read what {}, from {}",
                         e.a == 0 ? "is committed" : "was appended", grouped(e.b));
    case ledger::kReadCommitted: return "reads committed " + entry_text(e);
    case ledger::kReadUncommitted: return "reads " + entry_text(e);
    case ledger::kReaderFailed: return "meets damage at " + grouped(e.b);
    default: return {};
  }
}

}  // namespace
}  // namespace orrery::reports
