#include "site/event_feed.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "encoding/number.h"
#include "site/proposal_view.h"
#include "site/subject_views.h"

namespace pawl::site {
namespace {

using encoding::Json;

constexpr size_t kBatchesKept = 64;
constexpr char kComeBackAfter[] = "retry: 2000\n\n";  // milliseconds, for browsers

std::string DataOf(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string Event(const char* kind, const std::string& data, std::optional<uint64_t> id = {}) {
  return (id ? "id: " + std::to_string(*id) + "\n" : std::string()) + "event: " + kind + "\ndata: " + data + "\n\n";
}

}  // namespace

struct EventFeed::Follower {
  uint64_t next = 0;  // entry
  bool resets = false;
  uint64_t subject_turn = 0, failure_turn = 0;
  bool has_begun = false;
};

EventFeed::EventFeed(ledger::SubjectLog& log, std::function<int64_t()> now_s) : log_(log), now_s_(std::move(now_s)) {}

void EventFeed::Renew() {
  const auto now = std::chrono::steady_clock::now();
  if (renewed_ && now - *renewed_ < kRenewEvery) return;
  renewed_ = now;
  Result<void> fresh = log_.ledger().RenewCopy();
  if (fresh.ok()) fresh = log_.Refresh();
  std::string failure;
  if (!fresh.ok()) {
    const Error& error = fresh.error();
    failure = DataOf({{"error", {{"rule", error.rule}, {"message", error.message}, {"advice", error.advice}}}});
  }
  if (failure != failure_) {
    failure_ = std::move(failure);
    ++failure_turn_;
  }
  if (std::exchange(size_, log_.history().size()) != size_) batches_.clear();
  if (!log_.history().has_genesis()) return;
  std::string subject = DataOf(SubjectSummary(log_, now_s_()));
  if (subject == subject_) return;
  subject_ = std::move(subject);
  ++subject_turn_;
}

Result<std::string> EventFeed::Batch(uint64_t first, uint64_t count) {
  if (const auto known = batches_.find(first); known != batches_.end()) return known->second;
  Result<std::vector<std::string>> entries = log_.ledger().Entries(first, count);
  if (!entries.ok()) return entries.error();
  std::string rows, states;
  std::set<std::string> proposals;
  for (uint64_t i = 0; i < entries->size(); ++i) {
    Result<Json> row = EntryRow(first + i, entries->at(i));
    if (!row.ok()) return row.error();
    if ((*row)["proposal"].is_string()) proposals.insert((*row)["proposal"].get<std::string>());
    rows += Event("entry", DataOf(*row), first + i + 1);
  }
  // States first and without an id: whoever is cut off in between gets them again.
  for (const std::string& name : proposals) {
    const audit::ProposalHistory* proposal = log_.history().Find(name);
    if (proposal != nullptr) states += Event("proposal", DataOf(PositionView(log_, *proposal, now_s_())));
  }
  // Where those who follow stand is for them to say.
  if (batches_.size() >= kBatchesKept) batches_.clear();
  return batches_[first] = states + rows;
}

std::string EventFeed::More(Follower& follower) {
  Renew();
  std::string text;
  if (!std::exchange(follower.has_begun, true)) text += kComeBackAfter;
  if (follower.failure_turn != failure_turn_) {
    follower.failure_turn = failure_turn_;
    if (!failure_.empty()) text += Event("failure", failure_);
  }
  if (std::exchange(follower.resets, false)) {
    follower.next = size_;
    text += Event("reset", DataOf({{"events", size_}}), size_);
  }
  if (follower.next < size_) {
    const uint64_t count = std::min(kEntriesPerBatch, size_ - follower.next);
    const Result<std::string> batch = Batch(follower.next, count);
    if (!batch.ok()) return text;  // the next Renew says why
    text += *batch;
    follower.next += count;
  }
  if (follower.next == size_ && follower.subject_turn != subject_turn_) {
    follower.subject_turn = subject_turn_;
    text += Event("subject", subject_, size_);
  }
  return text;
}

std::function<std::optional<std::string>()> EventFeed::Follow(const std::optional<std::string>& last_event_id) {
  Renew();
  auto follower = std::make_shared<Follower>(Follower{.next = size_});
  if (last_event_id) {
    const Result<uint64_t> had = encoding::ParseUnsigned(*last_event_id, size_);
    follower->resets = !had.ok() || size_ - *had > kResumeMax;
    if (!follower->resets) follower->next = *had;
  }
  return [this, follower] { return std::optional(More(*follower)); };
}

}  // namespace pawl::site
