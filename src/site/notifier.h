// Messages to programs and channels about what a ledger says: webhooks that are signed, and messages as Slack takes
// them.
//
//   Result<NotifySettings> settings = ReadNotifySettings(home + "/notify.json");
//   Result<Notifier> notifier = Notifier::Open(home, {"engine"}, *settings, say);
//   notifier->Run(stop_token);                  // on a thread of its own
//
// The file is for its owner alone, since addresses and secrets stand in it:
//   {"link": "https://review.example.org/",
//    "targets": [{"name": "ci", "form": "webhook", "url": "https://…", "secret": "whsec_BASE64"},
//                {"name": "team", "form": "slack", "url": "https://…"}]}
//
// A message names the subject, the entry, the proposal and what happened, and has a link for a person. It holds nothing
// that a candidate, a reviewer or a person has written, and is no proof of anything: whoever gets one asks the ledger.
// Webhooks are signed as Standard Webhooks has it: HMAC-SHA256 by the secret over "ID.TIMESTAMP.BODY", in the headers
// webhook-id, webhook-timestamp and webhook-signature ("v1,BASE64").
//
// Each target has each message at least once, in log order, from the moment it was first named on: where it stands is
// kept in the home. What is not taken (any answer but 2xx) is sent again after 5 s, then after twice as long each time
// up to an hour; after a day it is left out, and said so. `curl` carries it: https, or http to this machine.
//
// Source: github.com/standard-webhooks/standard-webhooks (spec, v1). Thread safety: a Notifier belongs to one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "ledger/home.h"
#include "ledger/subject_log.h"
#include "result/result.h"

namespace pawl::site {

enum class NoticeForm { kWebhook, kSlack };

struct NotifyTarget {
  std::string name;
  NoticeForm form = NoticeForm::kWebhook;
  std::string url = {};
  std::string secret = {};  // of a webhook: its bytes
};

struct NotifySettings {
  std::string link;  // where people read: the page's address, with a "/" at the end
  std::vector<NotifyTarget> targets = {};
};

// kUsage "notify.url" for an address that is neither https nor this machine, and what json.h says; kRefused
// "notify.permissions"; kSystem "notify.unreadable".
Result<NotifySettings> ReadNotifySettings(const std::string& path);

// What one entry is worth telling.
struct Notice {
  std::string subject;
  uint64_t entry = 0;
  std::string kind = {};      // "proposal.opened", "proposal.waits-for-people", "proposal.refused", "proposal.ended",
                              // "release", "halt", "resume", "complaint"
  std::string proposal = {};  // its name; empty for halts
  std::string sentence = {};  // of ours
};
std::optional<Notice> NoticeOf(const std::string& subject, uint64_t index, const std::string& entry);

struct Post {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};
Post MakePost(const NotifyTarget& target, const Notice& notice, const std::string& link, int64_t now_s);

// The status of the answer. kSystem "notify.unreachable", "notify.curl".
Result<unsigned> SendByCurl(const Post& post);

class Notifier {
 public:
  using Say = std::function<void(const std::string&)>;  // what could not be done, in a sentence

  static Result<Notifier> Open(const ledger::Home& home, const std::vector<std::string>& subjects,
                               NotifySettings settings, Say say);
  void Run(const std::stop_token& stop);
  // Sends what is due, and stops between two messages where that is asked for. Run does so every second.
  void Step(int64_t now_s, const std::stop_token& stop);

 private:
  // Where a target stands in a subject's log.
  struct Place {
    uint64_t next = 0;
    int64_t due_s = 0, since_s = 0;  // of an entry that was not taken: when to try again, when it was first tried
    int64_t wait_s = 0;
  };
  Notifier(std::string folder, NotifySettings settings, Say say)
      : folder_(std::move(folder)), settings_(std::move(settings)), say_(std::move(say)) {}
  void Advance(const NotifyTarget& target, ledger::SubjectLog& log, Place& place, int64_t now_s,
               const std::stop_token& stop);
  Result<void> Keep(const std::string& target) const;

  std::string folder_;
  NotifySettings settings_;
  Say say_;
  std::map<std::string, ledger::SubjectLog> logs_;
  std::map<std::string, std::map<std::string, Place>> places_;  // by target, then subject
};

}  // namespace pawl::site
