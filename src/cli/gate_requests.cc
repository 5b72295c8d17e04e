#include "cli/gate_requests.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>

#include "encoding/base64.h"
#include "encoding/json.h"
#include "gate/approval_reasons.h"
#include "gate/drafted_decision.h"
#include "gate/propose.h"
#include "signing/armor.h"
#include "warrant/statements.h"

namespace pawl::cli {
namespace {

constexpr size_t kReadBytes = 64 << 10;

// One signature for the envelope, by whichever of the charters' people has the key that made it. That it is good is
// found out with the envelope.
Result<encoding::Signature> SignatureIn(const GateRequest& request, const std::vector<charter::Charter>& charters) {
  Result<crypto::Sshsig> signature = signing::ParseArmored(request.signature);
  if (!signature.ok()) {
    const Result<std::string> raw = encoding::DecodeBase64(request.signature);
    if (raw.ok()) signature = crypto::Sshsig::ParseRaw(*raw);
  }
  if (!signature.ok()) return signature.error();
  for (const charter::Charter& charter : charters) {
    for (const crypto::AllowedSigner& signer : charter.approval.signers) {
      const bool is_asked_for = request.principal.empty() || signer.principal == request.principal;
      if (!is_asked_for || signer.key.UnderlyingKey() != signature->key.UnderlyingKey()) continue;
      return encoding::Signature{.keyid = signer.principal, .sig = signature->Raw()};
    }
  }
  return Refused(
      "sign.not-a-signer",
      "the charter lists no such key" + (request.principal.empty() ? "" : " for '" + request.principal + "'"),
      "sign with a key of " + charters.front().approval.signers_file);
}

Result<std::string> TakeApproval(gate::Gate& gate, const GateRequest& request) {
  ledger::SubjectLog& log = gate.log();
  const int64_t now_s = std::time(nullptr);
  Result<const audit::ProposalHistory*> proposal = gate::FindDrafted(log, request.what, now_s);
  if (!proposal.ok()) return proposal.error();
  Result<std::vector<charter::Charter>> charters = gate::ChartersOf(log, *(*proposal)->candidate);
  if (!charters.ok()) return charters.error();
  Result<encoding::Signature> signature = SignatureIn(request, *charters);
  if (!signature.ok()) return signature.error();
  const std::string principal = signature->keyid;
  const encoding::Envelope envelope{.payload_type = (*proposal)->decision_envelope.payload_type,
                                    .payload = (*proposal)->decision_envelope.payload,
                                    .signatures = {*std::move(signature)}};
  if (Result<void> valid = gate::VerifyUnder(*charters, envelope, now_s); !valid.ok()) return valid.error();
  if (Result<void> given = gate::RequireReason(**proposal, principal, request.words); !given.ok()) {
    return given.error();
  }
  Result<void> kept = gate::KeepReasonOfNew(log.home(), log.subject(), **proposal, principal, request.words);
  if (!kept.ok()) return kept.error();
  if (Result<void> appended = gate::AppendSigned(log, envelope, request.what); !appended.ok()) return appended.error();
  return request.what;
}

}  // namespace

bool RequestReader::CutLine(std::vector<RequestLine>& lines) {
  const size_t end = buffer_.find('\n');
  const bool is_whole = end != buffer_.npos || (ended_ && !buffer_.empty());
  const bool too_long = std::min(end, buffer_.size()) > kRequestBytesMax;
  if (!is_whole && !too_long) return false;
  const std::string text = dropping_ || too_long ? "" : buffer_.substr(0, end);
  if (!dropping_) ++number_;
  if (too_long && !dropping_) lines.push_back({.number = number_, .text = "", .too_long = true});
  if (text.find_first_not_of(" \t\r") != text.npos) lines.push_back({.number = number_, .text = text});
  buffer_.erase(0, end == buffer_.npos ? end : end + 1);
  dropping_ = end == buffer_.npos && !is_whole;
  return true;
}

std::vector<RequestLine> RequestReader::Take(size_t count, std::chrono::milliseconds wait) {
  std::vector<RequestLine> lines;
  // Blank lines are none, and come without end: there is an end to looking at them as well.
  for (size_t turns = 0; lines.size() < count && turns < 2 * kRequestsMax; ++turns) {
    has_lines_ = CutLine(lines);
    if (has_lines_) continue;
    if (ended_) break;
    pollfd waited{fd_, POLLIN, 0};
    if (poll(&waited, 1, lines.empty() ? static_cast<int>(wait.count()) : 0) <= 0) break;
    std::array<char, kReadBytes> bytes;
    const ssize_t got = read(fd_, bytes.data(), bytes.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) break;
    ended_ = got <= 0;
    if (got > 0) buffer_.append(bytes.data(), static_cast<size_t>(got));
    has_lines_ = !buffer_.empty();
  }
  return lines;
}

Result<GateRequest> ParseRequest(const RequestLine& line) {
  if (line.too_long) {
    return Malformed("request.too-long", "the line has more than " + std::to_string(kRequestBytesMax) + " bytes");
  }
  const Result<encoding::Json> json =
      encoding::ParseJson(line.text, {.bytes_max = kRequestBytesMax, .depth_max = 1, .elements_max = 16});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "request");
  const auto optional = [&](const char* name) { return object.Has(name) ? object.String(name, 4'096) : std::string(); };
  GateRequest request;
  request.line = line.number;
  request.subject = object.String("subject", 256);
  constexpr std::pair<const char*, GateRequest::Kind> kKinds[] = {{"propose", GateRequest::Kind::kPropose},
                                                                  {"rollback", GateRequest::Kind::kRollback},
                                                                  {"approve", GateRequest::Kind::kApprove}};
  int kinds = 0;
  for (const auto& [name, kind] : kKinds) {
    if (!object.Has(name)) continue;
    ++kinds;
    request.kind = kind;
    request.what = object.String(name, 4'096);
  }
  const bool is_approval = request.kind == GateRequest::Kind::kApprove;
  request.words = optional(is_approval ? "reason" : "note");
  if (is_approval) {
    request.signature = object.String("signature");
    request.principal = optional("as");
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  if (kinds == 1 && (!request.what.empty() || request.kind == GateRequest::Kind::kRollback)) return request;
  return Malformed("request.kind", "a request has exactly one of propose, rollback and approve");
}

Result<std::string> Act(gate::Gate& gate, const GateRequest& request) {
  switch (request.kind) {
    case GateRequest::Kind::kPropose:
      return gate::ProposeTree(gate, request.what, request.words);
    case GateRequest::Kind::kRollback: {
      Result<crypto::Digest> tree = RollbackTree(request.what, gate.log().history());
      if (!tree.ok()) return tree.error();
      return gate::ProposeRollback(gate, *tree, request.words);
    }
    case GateRequest::Kind::kApprove:
      return TakeApproval(gate, request);
  }
  return Error{ErrorCode::kInternal, "request.kind", "no such request", ""};
}

Result<crypto::Digest> RollbackTree(const std::string& target, const audit::History& history) {
  if (!target.empty()) {
    if (target.rfind("sha256:", 0) == 0) return crypto::Digest::Parse(target);
    for (const audit::ReleaseRecord& release : history.releases()) {
      if (std::to_string(release.epoch) == target) return release.tree;
    }
    return Error{ErrorCode::kUsage, "rollback.target", "'" + target + "' is neither a tree nor the epoch of a release",
                 "pawl status --json lists them"};
  }
  const auto& releases = history.releases();
  if (releases.size() < 2) {
    return Error{ErrorCode::kUsage, "rollback.target", "nothing was live before the present release", ""};
  }
  // After a rollback the release before is what people have just left.
  const audit::ProposalHistory* last = history.Find(releases.back().proposal);
  if (last == nullptr || last->proposal.action != warrant::Action::kRelease) {
    return Error{ErrorCode::kUsage, "rollback.target", "the live release is a rollback itself: to what?",
                 "pawl rollback EPOCH; pawl status --json lists them"};
  }
  return releases[releases.size() - 2].tree;
}

}  // namespace pawl::cli
