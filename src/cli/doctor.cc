// pawl doctor: what of this machine and of this home is as it has to be, and how to mend what is not.
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>

#include "cli/command.h"
#include "cli/sandbox_advice.h"
#include "encoding/time.h"
#include "ledger/backup.h"
#include "ledger/keys.h"
#include "oversight/key_terms.h"
#include "sandbox/machine.h"
#include "sandbox/sandbox.h"
#include "storage/temporary_folder.h"
#include "storage/tree_store.h"
#include "warrant/state.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

enum class Level {
  kFine,
  kNote,     // holds, with less than there could be
  kProblem,  // something of Pawl does not work, or is not safe
};

const char* Name(Level level) {
  switch (level) {
    case Level::kFine:
      return "fine";
    case Level::kNote:
      return "note";
    case Level::kProblem:
      return "problem";
  }
  return "";
}

struct Finding {
  Level level = Level::kFine;
  std::string about;  // sandbox, programs, home, keys, disk, clock, ledger, loader
  std::string what;   // a sentence
  std::string mend;   // what to do; empty where it is fine
};
using Findings = std::vector<Finding>;

constexpr uint64_t kDiskShort_bytes = uint64_t{64} << 20;
constexpr uint64_t kDiskLow_bytes = uint64_t{1} << 30;
constexpr int64_t kBeforePawl_s = 1'735'689'600;  // 2025-01-01: a clock before that has not been set

// ---- the machine

void CheckSandbox(Findings& findings) {
  const sandbox::Capabilities found = sandbox::Probe();
  const std::vector<std::string> advice = SandboxAdvice(found);
  std::string mend;
  for (const std::string& sentence : advice) mend += (mend.empty() ? "" : "; ") + sentence;
  if (!found.usable()) {
    std::string missing;
    for (const std::string& sentence : found.sentences) missing += (missing.empty() ? "" : " ") + sentence;
    findings.push_back({Level::kProblem, "sandbox", "no program can be run in the sandbox here: " + missing, mend});
  } else if (!advice.empty()) {
    findings.push_back({Level::kNote, "sandbox",
                        "programs can be run, for charters that accept fewer guarantees than there could be: " +
                            sandbox::QuotedNames(sandbox::WeakerGuarantees(found)),
                        mend});
  } else {
    findings.push_back({Level::kFine, "sandbox", "every layer holds (pawl sandbox check lists them)", ""});
  }
}

// The first line that a program prints, on either stream; empty where it cannot be run.
std::string FirstLineOf(const char* command) {
  std::array<char, 256> line{};
  FILE* pipe = popen(command, "r");
  if (pipe == nullptr) return "";
  const bool read = std::fgets(line.data(), line.size(), pipe) != nullptr;
  pclose(pipe);
  std::string text = read ? line.data() : "";
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

bool IsOnPath(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  for (size_t begin = 0; begin <= folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    if (access((folders.substr(begin, end - begin) + "/" + program).c_str(), X_OK) == 0) return true;
    begin = end + 1;
  }
  return false;
}

// "OpenSSH_9.2p1 Debian-2…" -> 902.
int OpenSshVersion(const std::string& line) {
  int major = 0, minor = 0;
  const size_t at = line.find("OpenSSH_");
  if (at == std::string::npos || std::sscanf(line.c_str() + at, "OpenSSH_%d.%d", &major, &minor) != 2) return 0;
  return major * 100 + minor;
}

void CheckPrograms(Findings& findings) {
  const std::string version = IsOnPath("ssh") ? FirstLineOf("ssh -V 2>&1") : "";
  const int number = OpenSshVersion(version);
  if (!IsOnPath("ssh-keygen")) {
    findings.push_back({Level::kProblem, "programs", "there is no ssh-keygen: nobody can sign here",
                        "install openssh-client (Debian: apt install openssh-client)"});
  } else if (number != 0 && number < 802) {
    // Signing came with 8.1, keys of security tokens with 8.2.
    findings.push_back({Level::kProblem, "programs", version + " cannot sign with security keys", "take 8.2 or later"});
  } else {
    findings.push_back({Level::kFine, "programs", "ssh-keygen signs" + (number == 0 ? "" : ": " + version), ""});
  }
}

void CheckClock(Findings& findings) {
  const auto now = static_cast<int64_t>(std::time(nullptr));
  if (now < kBeforePawl_s) {
    findings.push_back({Level::kProblem, "clock", "this machine thinks it is " + encoding::TimeText(now),
                        "set the clock: expiries and intervals are counted by it"});
    return;
  }
  struct timex state {};
  const bool unsynchronised = adjtimex(&state) >= 0 && (state.status & STA_UNSYNC) != 0;
  if (unsynchronised) {
    findings.push_back({Level::kNote, "clock", "the kernel does not know of a time service that sets the clock",
                        "run one (systemd-timesyncd, chrony); in a container the host's counts"});
  } else {
    findings.push_back({Level::kFine, "clock", "set by a time service: " + encoding::TimeText(now), ""});
  }
}

// ---- the home

std::string Octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

// A path that somebody else may write to is somebody else's to change.
void CheckPrivate(const std::string& path, const char* about, mode_t allowed, Findings& findings) {
  struct stat status;
  if (lstat(path.c_str(), &status) != 0) return;
  if (S_ISLNK(status.st_mode)) {
    findings.push_back({Level::kProblem, about, "'" + path + "' is a symbolic link", "put the thing itself there"});
  } else if (status.st_uid != geteuid()) {
    findings.push_back({Level::kProblem, about, "'" + path + "' belongs to another user",
                        "chown it to the user who runs Pawl, or run Pawl as its owner"});
  } else if ((status.st_mode & 07777 & ~allowed) != 0) {
    findings.push_back({Level::kProblem, about, "'" + path + "' has mode " + Octal(status.st_mode),
                        "chmod " + Octal(allowed) + " '" + path + "'"});
  }
}

// Whoever can write a loader's memory can lead it back to an older release, and whoever can write its folder can take
// halts out of it. It may belong to another user than the one who asks.
void CheckState(const std::string& state_path, Findings& findings) {
  std::string folder = fs::path(state_path).parent_path().string();
  if (folder.empty()) folder = ".";
  for (const std::string& path : {folder, state_path, warrant::HaltFolder(state_path)}) {
    struct stat status;
    if (lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode) || (status.st_mode & 022) == 0) continue;
    findings.push_back({Level::kProblem, "loader", "others than its owner may write '" + path + "'",
                        "chmod go-w '" + path + "', and find out whether they have"});
  }
}

void CheckDisk(const std::string& root, Findings& findings) {
  struct statvfs disk;
  if (statvfs(root.c_str(), &disk) != 0) return;
  const uint64_t free_bytes = static_cast<uint64_t>(disk.f_bavail) * disk.f_frsize;
  const std::string words = std::to_string(free_bytes >> 20) + " MiB are free where the home is";
  if ((disk.f_flag & ST_RDONLY) != 0) {
    findings.push_back({Level::kProblem, "disk", "the home is on a read-only file system", "mount it for writing"});
  } else if (free_bytes < kDiskLow_bytes) {
    findings.push_back({free_bytes < kDiskShort_bytes ? Level::kProblem : Level::kNote, "disk", words,
                        "pawl store gc says what nobody needs any more; or give it a larger disk"});
  } else {
    findings.push_back({Level::kFine, "disk", words, ""});
  }
}

void CheckKeys(const ledger::Home& home, Findings& findings) {
  const size_t before = findings.size();
  std::error_code failure;
  CheckPrivate(home.root() + "/keys", "keys", 0700, findings);
  for (const fs::directory_entry& entry : fs::directory_iterator(home.root() + "/keys", failure)) {
    CheckPrivate(entry.path().string(), "keys", 0700, findings);
    CheckPrivate(home.KeyPath(entry.path().filename().string()), "keys", 0600, findings);
  }
  if (findings.size() == before) {
    findings.push_back({Level::kFine, "keys",
                        std::to_string(ledger::ListKeys(home).size()) + " private keys, for this user alone", ""});
  }
}

void CheckSubject(const ledger::Home& home, const std::string& subject, Findings& findings) {
  Result<ledger::SubjectSummary> summary = ledger::VerifySubject(home, subject);
  if (!summary.ok()) {
    findings.push_back({Level::kProblem, "ledger",
                        subject + ": " + summary.error().message + " (" + summary.error().rule + ")",
                        summary.error().advice.empty() ? "docs/recovery.md" : summary.error().advice});
    return;
  }
  findings.push_back({Level::kFine, "ledger",
                      subject + ": " + std::to_string(summary->events) + " events, every signature verified, root " +
                          summary->root.Text(),
                      ""});
  if (!summary->has_state) {
    findings.push_back({Level::kNote, "loader",
                        subject + ": this home has no loader's state, so nothing starts from it",
                        "docs/recovery.md, if it is not kept elsewhere (--state)"});
  }
  Result<ledger::SubjectLog> log = ledger::SubjectLog::Open(home, subject, ledger::LedgerAccess::kReadOnly);
  if (!log.ok() || !log->history().has_genesis()) return;
  const charter::Charter& charter = log->charter().charter;
  const int64_t ahead = log->history().time() - static_cast<int64_t>(std::time(nullptr));
  if (ahead > charter.pace.max_clock_skew_s) {
    findings.push_back({Level::kProblem, "clock",
                        subject + ": the log is " + std::to_string(ahead) + " s ahead of this clock",
                        "set the clock; time never goes back"});
  }
  if (const Result<std::vector<oversight::KeyEnd>> ends = oversight::KeyEnds(log->charter()); ends.ok()) {
    for (const oversight::KeyEnd& end : *ends) {
      const std::string warning = oversight::WarnOfEnd(end, std::time(nullptr));
      if (!warning.empty()) findings.push_back({Level::kNote, "keys", subject + ": " + warning, "docs/keys.md"});
    }
  }
  for (const std::vector<std::string>* command : {&charter.evaluation.command, &charter.improver.command}) {
    if (command->empty()) continue;
    const std::string& program = command->front();
    const bool found =
        program.find('/') == std::string::npos
            ? access(("/usr/bin/" + program).c_str(), X_OK) == 0 || access(("/bin/" + program).c_str(), X_OK) == 0
            : program.front() != '/' || access(program.c_str(), X_OK) == 0;
    if (found) continue;
    findings.push_back({Level::kProblem, "programs",
                        subject + ": the charter's '" + program + "' is not installed here",
                        "install it where the sandbox looks: /usr/bin or /bin"});
  }
}

void CheckHome(const Globals& globals, Findings& findings) {
  const std::string root = ledger::Home::Place(globals.home);
  std::error_code failure;
  if (!fs::exists(root, failure)) {
    findings.push_back(
        {Level::kNote, "home", "there is no home at '" + root + "' yet", "pawl charter new, then pawl init"});
    return;
  }
  const size_t before = findings.size();
  CheckPrivate(root, "home", 0750, findings);  // a group may read: docs/install.md, Who runs what
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) {
    findings.push_back({Level::kProblem, "home", home.error().message, home.error().advice});
    return;
  }
  if (findings.size() == before) {
    findings.push_back({Level::kFine, "home", root + ", of version " + std::to_string(ledger::kHomeVersion), ""});
  }
  for (const std::string& folder : ledger::LeftByBackups(root)) {
    findings.push_back({Level::kNote, "home", "'" + folder + "' was left by a back-up or restore that was killed",
                        "it may hold private keys: rm -r '" + folder + "'; the next one removes it as well"});
  }
  for (const std::string& folder : storage::FindLeftTemporaryFolders()) {
    const auto is_named = [&](const Finding& finding) { return finding.what.find("'" + folder + "'") != folder.npos; };
    if (std::any_of(findings.begin(), findings.end(), is_named)) continue;
    findings.push_back({Level::kNote, "disk", "'" + folder + "' was left by a command that was killed",
                        "rm -r '" + folder + "'; the next such command removes it as well"});
  }
  CheckDisk(root, findings);
  CheckKeys(*home, findings);
  for (const std::string& subject : home->Subjects()) {
    if (!globals.subject.empty() && subject != globals.subject) continue;
    CheckSubject(*home, subject, findings);
    CheckState(globals.state.empty() ? home->StatePath(subject) : globals.state, findings);
  }
}

// The read-only copies of trees, which sandboxed programs are given.
void CheckViews(const ledger::Home& home, Findings& findings) {
  Result<storage::TreeStore> store = storage::TreeStore::Open(home.StorePath(), storage::StoreAccess::kReadOnly);
  if (!store.ok()) return;
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(home.StorePath() + "/trees", failure)) {
    Result<crypto::Digest> tree = crypto::Digest::FromHex(entry.path().filename().string());
    if (!tree.ok()) continue;
    Result<void> whole = store->VerifyMaterialised(*tree);
    if (whole.ok() || whole.error().rule == "store.missing") continue;  // of a tree that was removed: harmless
    findings.push_back({Level::kProblem, "store", whole.error().message, whole.error().advice});
  }
}

void CheckBlobs(const Globals& globals, Findings& findings) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return;
  CheckViews(*home, findings);
  Result<ledger::HomeSummary> summary = ledger::VerifyHome(*home);
  if (summary.ok()) {
    findings.push_back(
        {Level::kFine, "store", "every one of " + std::to_string(summary->blobs) + " blobs has its digest", ""});
  } else {
    findings.push_back({Level::kProblem, "store", summary.error().message, summary.error().advice});
  }
}

ExitCode Doctor(const Globals& globals, bool every_blob) {
  Findings findings;
  CheckSandbox(findings);
  CheckPrograms(findings);
  CheckClock(findings);
  CheckHome(globals, findings);
  if (every_blob) CheckBlobs(globals, findings);
  size_t problems = 0;
  encoding::Json json = encoding::Json::array();
  for (const Finding& finding : findings) {
    problems += finding.level == Level::kProblem ? 1 : 0;
    json.push_back(
        {{"level", Name(finding.level)}, {"about", finding.about}, {"what", finding.what}, {"mend", finding.mend}});
    if (globals.json) continue;
    std::printf("%-8s %-9s %s\n", Name(finding.level), finding.about.c_str(), Shown(finding.what).c_str());
    if (!finding.mend.empty()) std::printf("  to mend: %s\n", Shown(finding.mend).c_str());
  }
  if (globals.json) {
    PrintJson({{"healthy", problems == 0}, {"findings", json}});
  } else {
    std::puts(problems == 0 ? "nothing stands in the way" : "mend the problems above, then ask again");
  }
  return problems == 0 ? ExitCode::kYes : ExitCode::kInternal;
}

}  // namespace

void AddDoctor(CLI::App& app, Globals& globals) {
  auto every_blob = std::make_shared<bool>(false);
  CLI::App* command =
      app.add_subcommand("doctor", "check this machine and this home, and say how to mend what is wrong");
  command->add_flag("--every-blob", *every_blob, "hash the whole store and every copy of a tree as well");
  command->footer(
      "Sandbox, programs, clock, place and permissions of the home, disk, keys, every ledger with all its signatures,\n"
      "loaders' states. Changes nothing. Exit status 0: no problem (there may be notes), 5: at least one.\n"
      "examples:\n  pawl doctor\n  pawl --json doctor | jq '.findings[] | select(.level == \"problem\")'");
  command->callback([every_blob, &globals] { globals.exit = Doctor(globals, *every_blob); });
}

}  // namespace pawl::cli
