// Turns Ctrl-C into a request to stop, for commands that have something to put down first.
//
//   InterruptWatch watch(/*enabled=*/true);
//   Work(watch.token());                  // stops early where SIGINT or SIGTERM arrives
//
// A second signal ends the program at once. Threads that are to be spared the signal are started after the watch.
#pragma once

#include <signal.h>

#include <stop_token>
#include <thread>

namespace pawl::cli {

class InterruptWatch {
 public:
  // Does nothing where not enabled: then signals act as ever.
  explicit InterruptWatch(bool enabled);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  sigset_t before_;
  std::stop_source stop_;
  std::jthread thread_;
};

}  // namespace pawl::cli
