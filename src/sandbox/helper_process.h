// One running pawl-sandbox-helper, which becomes bubblewrap, and the messages it sends.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "result/result.h"
#include "sandbox/descriptor.h"
#include "sandbox/helper_plan.h"
#include "sandbox/sandbox.h"

namespace pawl::sandbox {

struct HelperPlans {
  Descriptor prepare, bubblewrap_arguments, enter;  // SealedMemory
};

// A message with what the kernel attached to it.
struct ReceivedReport {
  Report report{};
  pid_t sender = 0;       // as the kernel says, in our own process namespace
  Descriptor descriptor;  // if one was sent
};

class HelperProcess {
 public:
  // Starts `helper` as `prepare` with standard input at end of file, pipes on standard output and error, an empty
  // environment and no other descriptors than the plans and the control socket. Valid `streams` take the place of input
  // and output, and are closed here. kSystem "sandbox.setup.start".
  static Result<HelperProcess> Start(const std::filesystem::path& helper, const HelperPlans& plans, Streams streams);

  HelperProcess(HelperProcess&& other) noexcept = default;
  HelperProcess& operator=(HelperProcess&&) = delete;
  // Kills and waits, if that has not happened yet: bubblewrap takes everything inside along.
  ~HelperProcess();

  int control() const { return control_.get(); }
  int standard_output() const { return standard_output_.get(); }  // -1 where the caller reads it
  int standard_error() const { return standard_error_.get(); }
  int process() const { return process_.get(); }  // a pidfd: readable once it has ended

  // The next message that is there, without waiting. Nothing if there is none; `closed` tells whether any can come.
  std::optional<ReceivedReport> Receive(bool& closed) const;
  // Lets process 1 start the program.
  bool LetStart() const;
  void Kill() const;
  // Waits for the end, which the pidfd has announced or Kill has ordered.
  void Reap();

 private:
  HelperProcess() = default;

  Descriptor control_, standard_output_, standard_error_, process_;
};

}  // namespace pawl::sandbox
