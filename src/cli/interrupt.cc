#include "cli/interrupt.h"

namespace pawl::cli {

InterruptWatch::InterruptWatch(bool enabled) {
  pthread_sigmask(SIG_SETMASK, nullptr, &before_);
  if (!enabled) return;
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGINT);
  sigaddset(&watched, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  thread_ = std::jthread([this, watched](const std::stop_token& over) {
    constexpr timespec kPeriod = {0, 50'000'000};
    while (!over.stop_requested() && sigtimedwait(&watched, nullptr, &kPeriod) <= 0) {
    }
    stop_.request_stop();
    // From now on this thread takes the signal as a program does by default.
    pthread_sigmask(SIG_UNBLOCK, &watched, nullptr);
    while (!over.stop_requested()) nanosleep(&kPeriod, nullptr);
  });
}

InterruptWatch::~InterruptWatch() {
  thread_ = {};
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace pawl::cli
