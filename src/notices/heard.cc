#include "notices/heard.h"

#include <algorithm>
#include <map>

#include "encoding/base64.h"
#include "encoding/json.h"

namespace pawl::notices {
namespace {

constexpr size_t kListedMax = 4'096;

std::string BoardUrl(const charter::Witness& witness, const charter::Charter& charter) {
  return witness.url + (witness.url.ends_with('/') ? "" : "/") + "notices/" + BoardName(charter.gate.log.name);
}

// What a witness said instead of what it was asked for, on a line.
std::string Instead(const charter::Witness& witness, const Result<witness::HttpReply>& reply) {
  std::string words = witness.key.name + ": ";
  if (!reply.ok()) return words + reply.error().message;
  std::string body = reply->body.substr(0, 200);
  std::ranges::replace_if(
      body, [](unsigned char c) { return c < ' ' || c >= 0x7f; }, ' ');
  return words + std::to_string(reply->status) + " " + body;
}

Heard Ask(const charter::Charter& charter, const std::string& what, const witness::Transport& post) {
  std::vector<witness::HttpPost> questions;
  for (const charter::Witness& witness : charter.witnesses.all) {
    questions.push_back({.url = BoardUrl(witness, charter) + what, .body = "", .method = "GET"});
  }
  Heard heard;
  if (questions.empty()) return heard;
  const std::vector<Result<witness::HttpReply>> replies = post(questions);
  std::map<crypto::Digest, HeardNotice> each;
  for (size_t i = 0; i < questions.size(); ++i) {
    const charter::Witness& witness = charter.witnesses.all[i];
    const bool answers = i < replies.size() && replies[i].ok();
    if (answers && replies[i]->status == 404) {
      ++heard.answered;
      continue;
    }
    Result<std::vector<HeardNotice>> notices = Malformed("notices.status", "no list");
    if (answers && replies[i]->status == 200) notices = ReadNotices(replies[i]->body, charter, &heard.strange);
    if (!notices.ok()) {
      heard.silent.push_back(i < replies.size() ? Instead(witness, replies[i]) : witness.key.name);
      continue;
    }
    ++heard.answered;
    ++heard.boards;
    for (HeardNotice& one : *notices) {
      const auto [at, is_new] = each.try_emplace(one.notice.digest, one);
      if (!is_new) at->second.received_s.push_back(one.received_s.front());
    }
  }
  for (auto& [digest, one] : each) {
    std::ranges::sort(one.received_s);
    heard.notices.push_back(std::move(one));
  }
  // (std::ranges::stable_partition is not in what clang 14 makes of this standard library.)
  std::stable_partition(heard.notices.begin(), heard.notices.end(),
                        [](const HeardNotice& one) { return one.notice.IsResume(); });
  return heard;
}

}  // namespace

Told Tell(const charter::Charter& charter, const encoding::Envelope& envelope, const witness::Transport& post) {
  std::vector<witness::HttpPost> posts;
  for (const charter::Witness& witness : charter.witnesses.all) {
    posts.push_back({.url = BoardUrl(witness, charter),
                     .body = encoding::SerializeEnvelope(envelope),
                     .content_type = "application/json"});
  }
  Told told{.asked = posts.size(), .others = {}};
  if (posts.empty() || !post) return told;
  const std::vector<Result<witness::HttpReply>> replies = post(posts);
  for (size_t i = 0; i < posts.size() && i < replies.size(); ++i) {
    if (replies[i].ok() && replies[i]->status == 200) {
      ++told.kept;
    } else {
      told.unreachable += replies[i].ok() ? 0 : 1;
      told.others.push_back(Instead(charter.witnesses.all[i], replies[i]));
    }
  }
  return told;
}

bool IsKept(const Told& told, const charter::Charter& charter) {
  return told.kept > static_cast<size_t>(charter.witnesses.faults_max) || told.unreachable == 0;
}

std::string Words(const Told& told) {
  if (told.asked == 0) return "";
  std::string words = std::to_string(told.kept) + " of " + std::to_string(told.asked) + " witnesses keep it";
  for (size_t i = 0; i < told.others.size(); ++i) words += (i == 0 ? " (" : "; ") + told.others[i];
  return words + (told.others.empty() ? "" : ")");
}

Result<std::vector<HeardNotice>> ReadNotices(std::string_view body, const charter::Charter& charter,
                                             std::vector<encoding::Envelope>* strange) {
  if (body.size() > kNoticesBytesMax) return Malformed("notices.too-large", "a list of notices is too large");
  Result<encoding::Json> json = encoding::ParseCanonicalJson(body, {.bytes_max = kNoticesBytesMax});
  if (!json.ok()) return json.error();
  encoding::JsonObject object(*json, "notices");
  object.Expect("format", kListFormat);
  std::vector<std::pair<std::string, int64_t>> listed;
  for (encoding::JsonObject& one : object.Objects("notices", kListedMax)) {
    const int64_t received_s = one.Time("received");
    listed.emplace_back(one.Base64("statement", kNoticeBytesMax), received_s);
  }
  if (Result<void> done = object.Finish(); !done.ok()) return done.error();
  std::vector<HeardNotice> heard;
  for (const auto& [text, received_s] : listed) {
    Result<Notice> notice = ReadNotice(text, charter);
    if (!notice.ok()) {
      Result<encoding::Envelope> envelope = encoding::ParseEnvelope(text);
      if (strange != nullptr && strange->size() < kStrangeMax && envelope.ok() &&
          warrant::ReadVote(envelope->payload).ok() && std::ranges::find(*strange, *envelope) == strange->end()) {
        strange->push_back(*std::move(envelope));
      }
      continue;
    }
    const auto before =
        std::ranges::find(heard, notice->digest, [](const HeardNotice& one) { return one.notice.digest; });
    if (before == heard.end()) heard.push_back({*std::move(notice), {received_s}});
  }
  return heard;
}

Heard AskForStops(const charter::Charter& charter, const witness::Transport& post) {
  Heard heard = Ask(charter, "/stops", post);
  std::erase_if(heard.notices, [](const HeardNotice& one) { return one.notice.vote.has_value(); });
  return heard;
}

Heard AskForVotes(const charter::Charter& charter, const crypto::Digest& candidate, const witness::Transport& post) {
  Heard heard = Ask(charter, "/votes/" + candidate.Hex(), post);
  std::erase_if(heard.notices,
                [&](const HeardNotice& one) { return !one.notice.vote || one.notice.vote->candidate != candidate; });
  return heard;
}

}  // namespace pawl::notices
