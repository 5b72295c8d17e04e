#include "ledger/growth_watch.h"

#include <thread>

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

std::optional<std::set<std::string>> GrowthWatch::Wait() {
  // What was appended before there was a connection has caused no notice: the first wait is a short one.
  const bool was_connected = connection_ && connection_->usable();
  std::vector<std::string> names;
  if (Connect() && was_connected)
    names = connection_->AwaitNotice(static_cast<int>(kLookAllTheSame.count()));
  else
    std::this_thread::sleep_for(kLookWithoutNotice);
  const auto now = steady_clock::now();
  if (names.empty() || names.size() >= kNoticesMax || now >= look_at_all_) {
    look_at_all_ = now + kLookAllTheSame;
    return std::nullopt;
  }
  return std::set<std::string>(names.begin(), names.end());
}

}  // namespace pawl::ledger
