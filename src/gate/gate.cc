#include "gate/gate.h"

#include <algorithm>
#include <ctime>

#include "encoding/utf8.h"
#include "ledger/keys.h"
#include "ledger/loader_memory.h"
#include "ledger/snapshot.h"
#include "merkle/checkpoint.h"
#include "signing/private_key.h"
#include "signing/sign.h"

namespace pawl::gate {
namespace {

// Nothing is decided on a log that lacks what its loader has seen, or that is ahead of this clock.
Result<void> RequirePresent(ledger::SubjectLog& log, const std::string& state_path) {
  if (Result<void> newest = ledger::RequireNotOlder(log, state_path); !newest.ok()) return newest;
  const int64_t ahead = log.history().time() - static_cast<int64_t>(std::time(nullptr));
  if (ahead <= log.charter().charter.pace.max_clock_skew_s) return {};
  return SystemFailure("gate.clock", "the log is " + std::to_string(ahead) + " s ahead of this clock",
                       "set this machine's clock; time never goes back");
}

}  // namespace

Result<Gate> Gate::Open(const ledger::Home& home, std::string_view subject, GateOptions options) {
  Result<ledger::GateLock> lock = ledger::GateLock::Take(home, subject);
  if (!lock.ok()) return lock.error();
  Result<ledger::SubjectLog> log =
      ledger::SubjectLog::Open(home, subject, ledger::LedgerAccess::kReadWrite, ledger::FoldFrom::kSnapshot);
  if (!log.ok()) return log.error();
  if (!log->history().has_genesis()) {
    return Refused("gate.no-genesis", "'" + std::string(subject) + "' has no charter yet", "pawl init");
  }
  if (options.state_path.empty()) options.state_path = home.StatePath(subject);
  if (Result<void> present = RequirePresent(*log, options.state_path); !present.ok()) return present.error();
  const charter::GateKeys& names = log->charter().charter.gate;
  Result<signing::Ed25519PrivateKey> log_key = ledger::FindPrivateKey(home, names.log);
  if (!log_key.ok()) return log_key.error();
  Result<signing::Ed25519PrivateKey> clock_key = ledger::FindPrivateKey(home, names.clock);
  if (!clock_key.ok()) return clock_key.error();
  Gate gate(std::move(*log),
            {.origin = names.log.name, .log = *log_key, .clock_name = names.clock.name, .clock = *clock_key},
            std::move(options), std::move(*lock));
  gate.kept_ = gate.log_.history().size() - gate.log_.folded();
  gate.KeepSnapshot();
  return gate;
}

// Only the next start's time hangs on it, so that a disk without room for it is no reason to stop here.
void Gate::KeepSnapshot() {
  const uint64_t size = log_.history().size();
  if (size - kept_ < ledger::kEventsPerSnapshot) return;
  kept_ = size;
  const Result<void> saved = log_.SaveSnapshot(keys_.log);
  if (!saved.ok()) Say(saved.error().message + ": " + saved.error().advice);
}

void Gate::Rest() {
  KeepSnapshot();
  lock_->Release();
}

Result<void> Gate::Resume() {
  if (Result<void> taken = lock_->TakeAgain(log_.home(), log_.subject()); !taken.ok()) return taken;
  Result<void> taken_up = TakeUp();
  if (!taken_up.ok()) lock_->Release();
  return taken_up;
}

Result<void> Gate::TakeUp() {
  if (Result<void> refreshed = log_.Refresh(); !refreshed.ok()) return refreshed;
  const charter::GateKeys& names = charter().gate;
  if (!(names.log.key == keys_.log.public_key()) || !(names.clock.key == keys_.clock.public_key())) {
    return Error{ErrorCode::kPending, "gate.keys", "an amendment has given the gate other keys", "open it again"};
  }
  return RequirePresent(log_, options_.state_path);
}

int64_t Gate::Now() const { return std::max<int64_t>(log_.history().time(), std::time(nullptr)); }

encoding::Envelope Gate::Signed(const std::string& payload) const {
  return {.payload_type = std::string(warrant::kPayloadType),
          .payload = payload,
          .signatures = {signing::SignPayload(payload, keys_.origin, keys_.log)}};
}

Result<std::string> SignCheckpoint(Gate& gate, uint64_t guess) {
  ledger::Ledger& ledger = gate.log().ledger();
  Result<std::string> signed_note = gate.log().SettleAndSign(gate.keys(), gate.Now());
  const charter::Witnesses& charter = gate.charter().witnesses;
  if (!signed_note.ok() || charter.all.empty()) return signed_note;
  Result<merkle::SignedCheckpoint> checkpoint = merkle::OpenCheckpoint(*signed_note, gate.charter().gate.log);
  if (!checkpoint.ok()) return checkpoint.error();
  std::vector<witness::AskedWitness> witnesses;
  for (const charter::Witness& witness : charter.all) witnesses.push_back({.key = witness.key, .url = witness.url});
  const auto prove = [&, hashes = ledger.Hashes()](uint64_t old_size) {
    return tlog::ConsistencyProof(old_size, checkpoint->checkpoint.size, hashes);
  };
  const auto nobody = [](const std::vector<witness::HttpPost>& posts) {
    return std::vector<Result<witness::HttpReply>>(posts.size(), SystemFailure("http.unreachable", "it was not asked"));
  };
  const witness::Gathered gathered =
      witness::Gather(*checkpoint, witnesses, guess, prove, gate.options().post ? gate.options().post : nobody);
  // Kept also where they are too few: whoever reads the log sees who has seen it.
  if (Result<void> kept = ledger.KeepCosigned(gathered.note); !kept.ok()) return kept.error();
  for (const std::string& silent : gathered.silent) gate.Say("witness " + silent);
  if (gathered.cosigned >= static_cast<size_t>(charter.at_least)) return gathered.note.Serialize();
  std::string words = std::to_string(gathered.cosigned) + " of " + std::to_string(charter.at_least) +
                      " witnesses have cosigned the checkpoint";
  for (const std::string& silent : gathered.silent) words += "; " + silent;
  return Error{ErrorCode::kPending, "witness.not-met", words, "start the witnesses, or find out what they remember"};
}

std::string PlainText(std::string text) {
  constexpr size_t kBytesMax = 4'000;  // a statement's text holds 4,096
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  if (text.size() > kBytesMax) text.resize(kBytesMax);
  while (!text.empty() && !encoding::IsPlainText(text)) text.pop_back();
  return text;
}

}  // namespace pawl::gate
