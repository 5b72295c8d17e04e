#include "ledger/growth_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace pawl::ledger {
namespace {

constexpr std::string_view kSqlite = "sqlite:";

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookWithoutNotice{100}, kLookAllTheSame{1'000}, kConnectAgain{10'000};

}  // namespace

bool GrowthWatch::Connect() {
  if (connection_ && connection_->usable()) return true;
  connection_.reset();
  if (place_.url.starts_with(kSqlite) || steady_clock::now() < again_) return false;
  again_ = steady_clock::now() + kConnectAgain;
  Result<PostgresqlConnection> connection = PostgresqlConnection::Open(place_.url, LedgerAccess::kReadOnly, {});
  if (!connection.ok() || !connection->Listen(kGrowthChannel).ok()) return false;
  connection_.emplace(std::move(*connection));
  return true;
}

bool GrowthWatch::WatchFolder() {
  if (files_) return true;
  if (!place_.url.starts_with(kSqlite) || place_.url.size() == kSqlite.size() || steady_clock::now() < again_) {
    return false;
  }
  again_ = steady_clock::now() + kConnectAgain;
  const std::filesystem::path folder = std::filesystem::path(place_.url.substr(kSqlite.size())).parent_path();
  subject::FileDescriptor files(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!files.valid()) return false;
  if (inotify_add_watch(files.get(), folder.c_str(), IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR) < 0)
    return false;
  files_.emplace(std::move(files));
  return true;
}

// The logs whose files have been written to since the last time; nothing where that is not known.
std::optional<std::set<std::string>> GrowthWatch::FilesWritten() {
  std::set<std::string> names;
  alignas(inotify_event) char buffer[16 << 10];
  for (;;) {
    const ssize_t size = read(files_->get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return names;
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, buffer + at, sizeof event);
      if ((event.mask & (IN_Q_OVERFLOW | IN_IGNORED)) != 0) {
        files_.reset();
        return std::nullopt;
      }
      // The log itself, or what SQLite has beside it.
      const std::string file(event.len == 0 ? "" : buffer + at + sizeof event);
      if (const size_t end = file.rfind(".sqlite"); end != file.npos) names.insert(file.substr(0, end));
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
    if (size > 0) continue;
    files_.reset();
    return std::nullopt;
  }
}

std::optional<std::set<std::string>> GrowthWatch::Wait(int also) {
  // What was appended before there was a connection has caused no notice: the first wait is a short one.
  const bool was_connected = connection_ && connection_->usable();
  std::vector<std::string> names;
  const bool listens = Connect() && was_connected;
  const bool knew_files = files_.has_value();
  if (listens) {
    names = connection_->AwaitNotice(static_cast<int>(kLookAllTheSame.count()), also);
  } else {
    pollfd waited{also, POLLIN, 0};  // poll ignores -1
    poll(&waited, 1, static_cast<int>(kLookWithoutNotice.count()));
  }
  const auto now = steady_clock::now();
  if (place_.url.starts_with(kSqlite)) {
    std::optional<std::set<std::string>> written = WatchFolder() ? FilesWritten() : std::nullopt;
    if (written && knew_files && now < look_at_all_) return written;
    look_at_all_ = now + kLookAllTheSame;
    return std::nullopt;
  }
  const bool is_lost = listens && !connection_->usable();
  if (is_lost || names.size() >= kNoticesMax || now >= look_at_all_) {
    look_at_all_ = now + (listens && !is_lost ? kLookAllTheSame : kLookWithoutNotice);
    return std::nullopt;
  }
  return std::set<std::string>(names.begin(), names.end());
}

}  // namespace pawl::ledger
