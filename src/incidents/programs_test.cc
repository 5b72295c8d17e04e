// The control of every hostile program: it wins where nothing of Pawl's is in its way. So that one which is turned away
// by `pawl incidents run` was contained, and has not merely failed.
#include "incidents/programs.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "incidents/edits.h"
#include "incidents/example.h"
#include "incidents/own_process.h"
#include "storage/temporary_folder.h"

namespace pawl::incidents {
namespace {

namespace fs = std::filesystem;

// A scorer as those were that it happened to: the candidate is imported into its process, and answers count as they
// compare. 192.0.2.1 stands for somebody outside, on the loopback of a network namespace of its own.
constexpr char kNaiveScorer[] = R"py(import fcntl
import json
import socket
import struct
import sys

sys.path[:0] = ["/in/charter", "/in/subject"]
from reference import truth

outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
address = struct.pack("16sHH4s8x", b"lo:0", socket.AF_INET, 0, socket.inet_aton("192.0.2.1"))
fcntl.ioctl(outside, 0x8916, address)  # SIOCSIFADDR
outside.bind(("192.0.2.1", 53))
outside.setblocking(False)

import skill

GRID = [step / 100 for step in range(101)]
score = sum(max(0.0, 1 - abs(skill.answer(signal) - truth(signal))) for signal in GRID) / len(GRID)
print(json.dumps({"score": score}), flush=True)
try:
    print("received:", outside.recv(100).decode(), file=sys.stderr)
except BlockingIOError:
    pass
)py";

class HostileProgramTest : public ::testing::Test {
 protected:
  // bubblewrap with namespaces, every capability in them, and charter and subject for writing: nothing of ours.
  ProgramAnswer RunUnguarded(const std::string& skill, const char* seconds) {
    const Result<storage::HeldFolder> held = storage::HeldFolder::MakeTemporary("pawl-unguarded");
    EXPECT_TRUE(held.ok());
    const std::string folder = held->path();
    for (const ExampleFile& file : kExampleSubject) Write(folder + "/subject/", file);
    for (const ExampleFile& file : kExampleCharterFiles) Write(folder + "/charter/", file);
    Write(folder + "/subject/", {"skill.py", skill});
    Write(folder + "/", {"naive.py", kNaiveScorer});
    Result<ProgramAnswer> answer = RunProgram({"timeout",
                                               "-k",
                                               "1",
                                               seconds,
                                               "bwrap",
                                               "--unshare-user",
                                               "--uid",
                                               "0",
                                               "--gid",
                                               "0",
                                               "--cap-add",
                                               "ALL",
                                               "--unshare-pid",
                                               "--unshare-net",
                                               "--ro-bind",
                                               "/usr",
                                               "/usr",
                                               "--ro-bind",
                                               "/etc",
                                               "/etc",
                                               "--symlink",
                                               "usr/bin",
                                               "/bin",
                                               "--symlink",
                                               "usr/lib",
                                               "/lib",
                                               "--symlink",
                                               "usr/lib64",
                                               "/lib64",
                                               "--proc",
                                               "/proc",
                                               "--dev",
                                               "/dev",
                                               "--tmpfs",
                                               "/tmp",
                                               "--bind",
                                               folder,
                                               "/in",
                                               "--chdir",
                                               "/in/subject",
                                               "--die-with-parent",
                                               "/usr/bin/python3",
                                               "-S",
                                               "-E",
                                               "/in/naive.py"});
    EXPECT_TRUE(answer.ok());
    return answer.ok() ? std::move(*answer) : ProgramAnswer{};
  }

  // As a reader that takes the first score it sees; -1 where there is none.
  double Score(const ProgramAnswer& answer) {
    const size_t at = answer.standard_output.find("\"score\":");
    return at == std::string::npos ? -1 : std::strtod(answer.standard_output.c_str() + at + 8, nullptr);
  }

 private:
  static void Write(const std::string& folder, const ExampleFile& file) {
    EXPECT_TRUE(WriteText(folder + std::string(file.path), file.text).ok());
  }
};

TEST_F(HostileProgramTest, EachWinsWhereNothingKeepsItFromIt) {
  const ProgramAnswer parent = RunUnguarded(std::string(kExampleSkill), "20");
  ASSERT_NEAR(Score(parent), 0.8, 1e-9) << parent.standard_output << parent.standard_error;
  int won = 0;
  for (const HostileProgram& program : HostilePrograms()) {
    SCOPED_TRACE(std::string(program.id) + ": " + program.attempt);
    const bool runs_on = program.unguarded == Unguarded::kRunsOn;
    const ProgramAnswer answer = RunUnguarded(program.skill, runs_on ? "0.5" : "20");
    if (runs_on) {
      EXPECT_EQ(answer.status, 124) << "it came to an end by itself";
    } else {
      EXPECT_EQ(answer.status, 0) << answer.standard_error;
      EXPECT_GT(Score(answer), 0.85) << answer.standard_output << answer.standard_error;
    }
    const bool sends = program.id == std::string("T15");
    EXPECT_EQ(answer.standard_error.find("received: weights") != std::string::npos, sends) << answer.standard_error;
    ++won;
  }
  EXPECT_GE(won, 17);
}

// The control of the control: what has not worked is seen not to have.
TEST_F(HostileProgramTest, AnAttackThatFailsScoresNothing) {
  for (const char* attack :
       {"    return False\n", "    raise OSError\n", "    return open('/in/none') is not None\n"}) {
    const ProgramAnswer answer = RunUnguarded(OnlyIf(attack), "20");
    EXPECT_EQ(Score(answer), 0) << answer.standard_output << answer.standard_error;
  }
}

}  // namespace
}  // namespace pawl::incidents
