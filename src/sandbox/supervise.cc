#include "sandbox/supervise.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>

namespace pawl::sandbox {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kTick{50};
constexpr milliseconds kSetupTime{30'000};
// The end of process 1 kills everything else in its namespace; the rest is for machines under heavy load.
constexpr milliseconds kTimeToDie{30'000};
constexpr milliseconds kUntilCgroupKill{2'000};

class Watch {
 public:
  Watch(HelperProcess& helper, const ControlGroups& groups, const Limits& limits, const std::stop_token& stop)
      : helper_(helper), groups_(groups), limits_(limits), stop_(stop), deadline_(Clock::now() + kSetupTime) {
    output_closed_ = helper.standard_output() < 0;
  }

  Supervision Run() {
    while (!AllOver()) {
      WaitAndRead();
      CheckLimits();
      if (killed_at_ && !InsistOnDeath()) break;
    }
    if (result_.reason != StopReason::kUndead && process_over_) helper_.Reap();
    return std::move(result_);
  }

 private:
  bool AllOver() const {
    return process_over_ && (!init_.valid() || init_over_) && control_closed_ && output_closed_ && error_closed_;
  }

  void WaitAndRead() {
    std::array<pollfd, 5> polled = {{{control_closed_ ? -1 : helper_.control(), POLLIN, 0},
                                     {output_closed_ ? -1 : helper_.standard_output(), POLLIN, 0},
                                     {error_closed_ ? -1 : helper_.standard_error(), POLLIN, 0},
                                     {process_over_ ? -1 : helper_.process(), POLLIN, 0},
                                     {init_over_ ? -1 : init_.get(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - Clock::now());
    const auto wait = killed_at_ ? kTick : std::clamp(left, milliseconds{0}, kTick);
    if (poll(polled.data(), polled.size(), static_cast<int>(wait.count())) <= 0) return;
    // Streams before messages: what the program wrote last is read before its end is known.
    if (polled[1].revents != 0) ReadStream(helper_.standard_output(), result_.standard_output, output_closed_);
    if (polled[2].revents != 0) ReadStream(helper_.standard_error(), result_.standard_error, error_closed_);
    if (polled[0].revents != 0) ReadReports();
    if (polled[3].revents != 0) process_over_ = true;
    if (polled[4].revents != 0) init_over_ = true;
  }

  void ReadStream(int from, std::string& into, bool& closed) {
    std::array<char, 1 << 16> buffer;
    const ssize_t got = read(from, buffer.data(), buffer.size());
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) {
      closed = true;
      return;
    }
    const std::size_t room = static_cast<std::size_t>(limits_.stream_bytes) - into.size();
    into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
    if (static_cast<std::size_t>(got) > room) Stop(StopReason::kFlood);
  }

  void ReadReports() {
    while (std::optional<ReceivedReport> received = helper_.Receive(control_closed_)) {
      switch (received->report.kind) {
        case ReportKind::kFailed:
          if (!result_.failure) result_.failure = received->report;
          break;
        case ReportKind::kOutDirectory:
          result_.out = std::move(received->descriptor);
          break;
        case ReportKind::kReady:
          Begin(received->sender);
          break;
        case ReportKind::kNotExecuted:
          result_.not_executed = received->report;
          break;
        case ReportKind::kEnded:
          result_.ended = received->report;
          NoteEnd();
          // What is left is for the kernel to kill.
          deadline_ = Clock::now() + kTimeToDie;
          break;
      }
    }
  }

  // Takes hold of process 1, which waits for this and so cannot have been replaced, and lets the program start.
  void Begin(pid_t init) {
    if (init_.valid() || killed_at_) return;
    init_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, init, 0)));
    if (!init_.valid()) return Stop(StopReason::kSetupTimeout);
    began_ = Clock::now();
    deadline_ = began_ + milliseconds(limits_.wall_ms);
    result_.started = helper_.LetStart();
  }

  void NoteEnd() {
    if (result_.started && result_.wall_ms == 0) {
      result_.wall_ms = std::chrono::ceil<milliseconds>(Clock::now() - began_).count();
    }
  }

  void CheckLimits() {
    const Clock::time_point now = Clock::now();
    if (killed_at_) return;
    if (stop_.stop_requested()) return Stop(StopReason::kRequested);
    if (now >= deadline_) {
      return Stop(result_.ended     ? StopReason::kUndead
                  : result_.started ? StopReason::kWall
                                    : StopReason::kSetupTimeout);
    }
    if (!result_.started || now < next_count_) return;
    next_count_ = now + kTick;
    const CgroupCounters counters = groups_.Read();
    if (counters.killed_for_memory > 0) return Stop(StopReason::kMemory);
    if (counters.forks_refused > 0) return Stop(StopReason::kProcesses);
    if (counters.cpu_ms > limits_.cpu_ms) return Stop(StopReason::kCpu);
  }

  void Stop(StopReason reason) {
    if (killed_at_) return;
    result_.reason = reason;
    killed_at_ = Clock::now();
    NoteEnd();
    // Not bubblewrap's outer process if it can be helped: it waits for process 1, so nobody else has to.
    if (init_.valid()) {
      syscall(SYS_pidfd_send_signal, init_.get(), SIGKILL, nullptr, 0);
    } else {
      helper_.Kill();
    }
  }

  bool InsistOnDeath() {
    const auto since = Clock::now() - *killed_at_;
    if (since > kUntilCgroupKill) {
      groups_.Kill();
      helper_.Kill();
    }
    if (since <= kTimeToDie) return true;
    result_.reason = StopReason::kUndead;
    return false;
  }

  HelperProcess& helper_;
  const ControlGroups& groups_;
  const Limits& limits_;
  const std::stop_token& stop_;
  Supervision result_;
  Descriptor init_;
  Clock::time_point deadline_;
  Clock::time_point began_;
  Clock::time_point next_count_;
  std::optional<Clock::time_point> killed_at_;
  bool process_over_ = false, init_over_ = false, control_closed_ = false, output_closed_ = false,
       error_closed_ = false;
};

}  // namespace

Supervision Supervise(HelperProcess& helper, const ControlGroups& groups, const Limits& limits,
                      const std::stop_token& stop) {
  return Watch(helper, groups, limits, stop).Run();
}

}  // namespace pawl::sandbox
