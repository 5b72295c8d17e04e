#include "halting/resume.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "encoding/time.h"
#include "gate/drafted_decision.h"
#include "oversight/acceleration.h"
#include "storage/named_file.h"
#include "subject/file_descriptor.h"
#include "warrant/approval.h"
#include "warrant/state.h"

namespace pawl::halting {
namespace {

// The latest date of the loader's halts that are in force. What cannot be read has stopped ReadLocalHalts already.
int64_t LatestDate(const std::string& folder, const std::vector<crypto::Digest>& in_force) {
  constexpr size_t kFileBytesMax = 65'536;
  int64_t latest = 0;
  std::error_code failure;
  for (const auto& file : std::filesystem::directory_iterator(folder, failure)) {
    const Result<std::string> bytes =
        subject::ReadRegularFile(file.path(), kFileBytesMax, "halt", subject::Links::kRefuse);
    const Result<encoding::Envelope> envelope = bytes.ok() ? encoding::ParseEnvelope(*bytes) : bytes.error();
    if (!envelope.ok() ||
        !std::binary_search(in_force.begin(), in_force.end(), warrant::StatementDigest(envelope->payload))) {
      continue;
    }
    const Result<warrant::Decision> halt = warrant::ReadDecision(envelope->payload);
    if (halt.ok()) latest = std::max(latest, halt->issued);
  }
  return latest;
}

// The loader's own charter, which is older than the ledger's where it has not followed an amendment yet.
Result<charter::Charter> LoadersCharter(const ledger::SubjectLog& log, const warrant::State& state) {
  if (state.charter == log.charter().charter.digest) return log.charter().charter;
  return charter::ReadCharterFromStore(log.store(), state.charter);
}

// The resume as the loader reads it: what it could not read would stop it more than the halt does.
Result<encoding::Envelope> ForLoader(const ledger::SubjectLog& log, const std::string& state_path,
                                     const encoding::Envelope& envelope, int64_t issued) {
  const Result<warrant::State> state = warrant::ReadStateFile(state_path);
  if (!state.ok()) return state.error();
  const Result<charter::Charter> charter = LoadersCharter(log, *state);
  if (!charter.ok()) return charter.error();
  encoding::Envelope listed = warrant::ListedApprovals(envelope, *charter);
  const Result<std::vector<warrant::Approver>> people = warrant::VerifyApprovals(listed, *charter, issued);
  if (!people.ok()) return people.error();
  if (static_cast<int64_t>(people->size()) >= charter->resume_threshold) return listed;
  return Refused("resume.loader-older",
                 "it has not followed the last amendment yet, and by its charter " + std::to_string(people->size()) +
                     " of the " + std::to_string(charter->resume_threshold) + " people that it needs have signed",
                 "");
}

}  // namespace

Result<InForce> FindInForce(const std::string& state_path, const ledger::SubjectLog& log) {
  InForce found;
  Result<warrant::State> state = warrant::ReadStateFile(state_path);
  if (!state.ok()) return state.error();
  const Result<charter::Charter> charter = LoadersCharter(log, *state);
  if (!charter.ok()) return charter.error();
  Result<warrant::LocalHalts> local = warrant::ReadLocalHalts(state_path, *charter, *state);
  if (!local.ok()) return local.error();
  found.time = state->time;
  found.lifts = local->in_force;
  found.latest = LatestDate(warrant::HaltFolder(state_path), local->in_force);
  for (const std::string& reason : local->reasons) found.lines.push_back("halt at the loader, by " + reason);
  for (const audit::LoggedHalt& halt : log.history().halts()) {
    if (halt.lifted) continue;
    found.lifts.push_back(halt.digest);
    found.latest = std::max(found.latest, halt.decision.issued);
    if (std::binary_search(local->in_force.begin(), local->in_force.end(), halt.digest)) continue;
    found.lines.push_back("halt in the ledger, by " + halt.principal + ": " + halt.decision.reason);
  }
  Result<std::vector<oversight::AccelerationAlarm>> alarms = oversight::OpenAlarms(log.history());
  if (!alarms.ok()) return alarms.error();
  for (const oversight::AccelerationAlarm& alarm : *alarms) {
    found.lifts.push_back(alarm.vote);
    found.lines.push_back("alarm of " + alarm.reviewer + ": " + alarm.reason);
  }
  std::sort(found.lifts.begin(), found.lifts.end());
  found.lifts.erase(std::unique(found.lifts.begin(), found.lifts.end()), found.lifts.end());
  // As many as one entry of the log can name beside its signatures; the next resume lifts the others.
  constexpr size_t kLiftsMax = 256;
  if (found.lifts.size() > kLiftsMax) {
    found.lines.push_back(std::to_string(found.lifts.size() - kLiftsMax) +
                          " of them only by another resume after this");
    found.lifts.resize(kLiftsMax);
  }
  return found;
}

std::string DraftResume(const Ground& ground, const InForce& in_force, const std::string& reason, int64_t now_s) {
  // A halt that was dated a little ahead (DraftHalt) can come to another loader or ledger later than this, and is
  // lifted there by what was not issued before it.
  const int64_t latest = std::min(in_force.latest, now_s + ground.charter.pace.max_clock_skew_s);
  warrant::Decision decision = MakeDecision(ground, warrant::Action::kResume, reason, std::max(now_s, latest));
  decision.lifts = in_force.lifts;
  return warrant::WriteDecision(decision);
}

Result<Begun> ReadBegun(const std::string& path, const Ground& ground, const InForce& in_force, int64_t now_s) {
  Result<std::string> bytes = storage::ReadNamedFile(path, size_t{1} << 20);
  if (!bytes.ok()) return bytes.error();
  Result<encoding::Envelope> read = encoding::ParseEnvelope(*bytes);
  if (!read.ok()) return read.error();
  const std::string elsewhere = "--add-to names another file";
  const std::string anew = "remove '" + path + "' and begin anew: pawl resume -m WHY";
  if (read->payload_type != warrant::kPayloadType) {
    return Refused("resume.action", "'" + path + "' is not a resume decision", elsewhere);
  }
  Result<warrant::Decision> decision = warrant::ReadDecision(read->payload);
  if (!decision.ok()) return decision.error();
  const charter::Charter& charter = ground.charter;
  if (decision->action != warrant::Action::kResume) {
    return Refused("resume.action", "'" + path + "' is not a resume decision", elsewhere);
  }
  if (decision->about.subject != charter.subject.name || decision->resource != charter.subject.resource_uri) {
    return Refused("resume.subject", "'" + path + "' is about '" + decision->about.subject + "'", elsewhere);
  }
  if (decision->about.digest != charter.digest || decision->charter != charter.digest ||
      decision->charter_epoch != ground.charter_epoch) {
    return Refused("resume.charter", "'" + path + "' was begun under another charter", anew);
  }
  if (decision->expires < std::max(ground.time, now_s)) {
    return Refused("resume.expired", "'" + path + "' expired on " + encoding::TimeText(decision->expires), anew);
  }
  if (decision->lifts != in_force.lifts) {
    return Refused("resume.outdated", "'" + path + "' does not lift exactly what is halted now", anew);
  }
  return Begun{std::move(*read), std::move(*decision)};
}

std::string BegunPath(const ledger::Home& home, const std::string& subject) {
  return home.LoaderFolder(subject) + "/resume-begun.json";
}

Result<Signing> AddSignature(ledger::SubjectLog& log, const std::string& state_path, const std::string& path,
                             const Ground& ground, encoding::Envelope envelope, encoding::Signature signature) {
  std::erase_if(envelope.signatures, [&](const encoding::Signature& other) { return other.keyid == signature.keyid; });
  envelope.signatures.push_back(std::move(signature));
  std::sort(envelope.signatures.begin(), envelope.signatures.end(),
            [](const auto& a, const auto& b) { return a.keyid < b.keyid; });
  Result<warrant::Decision> decision = warrant::ReadDecision(envelope.payload);
  if (!decision.ok()) return decision.error();
  Result<std::vector<warrant::Approver>> approvers =
      warrant::VerifyApprovals(envelope, ground.charter, decision->issued);
  if (!approvers.ok()) return approvers.error();
  if (static_cast<int64_t>(approvers->size()) < ground.charter.resume_threshold) {
    Result<void> written = storage::WriteNamedFile(path, encoding::SerializeEnvelope(envelope));
    if (!written.ok()) return written.error();
    return Signing{.signed_by = approvers->size(), .lifted = false, .envelope = std::move(envelope)};
  }
  // The ledger judges it first: a resume that it refuses would be an unreadable file in the loader's folder.
  if (Result<void> appended = gate::AppendSigned(log, envelope); !appended.ok()) return appended.error();
  const Result<encoding::Envelope> readable = ForLoader(log, state_path, envelope, decision->issued);
  if (!readable.ok()) {
    static_cast<void>(storage::WriteNamedFile(path, encoding::SerializeEnvelope(envelope)));  // for those who are asked
    return SystemFailure("resume.loader",
                         "the ledger has the resume, but the loader here is still halted: " + readable.error().message,
                         "pawl resume --add-to " + path + " by people whom the older charter lists as well");
  }
  if (Result<void> delivered = DeliverToLoader(state_path, *readable); !delivered.ok()) {
    return SystemFailure(
        "resume.loader",
        "the ledger has the resume, but the loader here may still be halted: " + delivered.error().message,
        "mend '" + warrant::HaltFolder(state_path) + "', then pawl resume --add-to " + path + " again");
  }
  std::remove(path.c_str());  // only now: whoever was interrupted before gives the same file again
  return Signing{.signed_by = approvers->size(), .lifted = true, .envelope = std::move(envelope)};
}

}  // namespace pawl::halting
