#include "ledger/growth_watch.h"

#include <poll.h>

namespace pawl::ledger {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookWithoutNotice{100}, kLookAllTheSame{1'000}, kConnectAgain{10'000};

}  // namespace

bool GrowthWatch::Connect() {
  if (connection_ && connection_->usable()) return true;
  connection_.reset();
  if (place_.url.starts_with("sqlite:") || steady_clock::now() < again_) return false;
  again_ = steady_clock::now() + kConnectAgain;
  Result<PostgresqlConnection> connection = PostgresqlConnection::Open(place_.url, LedgerAccess::kReadOnly, {});
  if (!connection.ok() || !connection->Listen(kGrowthChannel).ok()) return false;
  connection_.emplace(std::move(*connection));
  return true;
}

std::optional<std::set<std::string>> GrowthWatch::Wait(int also) {
  // What was appended before there was a connection has caused no notice: the first wait is a short one.
  const bool was_connected = connection_ && connection_->usable();
  std::vector<std::string> names;
  const bool listens = Connect() && was_connected;
  if (listens) {
    names = connection_->AwaitNotice(static_cast<int>(kLookAllTheSame.count()), also);
  } else {
    pollfd waited{also, POLLIN, 0};  // poll ignores -1
    poll(&waited, 1, static_cast<int>(kLookWithoutNotice.count()));
  }
  const auto now = steady_clock::now();
  const bool is_lost = listens && !connection_->usable();
  if (is_lost || names.size() >= kNoticesMax || now >= look_at_all_) {
    look_at_all_ = now + (listens && !is_lost ? kLookAllTheSame : kLookWithoutNotice);
    return std::nullopt;
  }
  return std::set<std::string>(names.begin(), names.end());
}

}  // namespace pawl::ledger
