#include "incidents/world.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "encoding/json.h"
#include "incidents/edits.h"
#include "incidents/example.h"
#include "incidents/own_process.h"
#include "ledger/home.h"
#include "ledger/keys.h"
#include "subject/store.h"
#include "subject/tree_reader.h"

namespace pawl::incidents {
namespace {

namespace fs = std::filesystem;
using encoding::Json;

constexpr size_t kPeople = 3;
constexpr char kSigners[] = "incidents.allowed_signers";

Result<std::string> ReadText(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return SystemFailure("incidents.read", "cannot read '" + path.string() + "'", "check that it is there");
  return text.str();
}

template <size_t kCount>
Result<void> WriteFiles(const std::string& directory, const std::array<ExampleFile, kCount>& files) {
  for (const ExampleFile& file : files) {
    if (Result<void> written = WriteText(fs::path(directory) / file.path, file.text); !written.ok()) return written;
  }
  return {};
}

// Regular files and folders alone: whatever else lies there is for the readers to refuse, not for us to follow.
Result<void> CopyTree(const fs::path& from, const fs::path& to) {
  std::error_code failure;
  fs::copy(from, to, fs::copy_options::recursive | fs::copy_options::copy_symlinks, failure);
  if (failure) {
    return SystemFailure("incidents.copy", "cannot copy '" + from.string() + "': " + failure.message(),
                         "name a directory of regular files");
  }
  return {};
}

std::string PersonKey(const std::string& folder, size_t person) { return folder + "/person-" + std::to_string(person); }

// ---- a charter's text, line by line: the format has a header alone begin with '[', and a string end on its line

std::string HeaderOf(const std::string& line) {
  if (line.empty() || line[0] != '[') return "";
  const size_t end = line.find(']');
  return end == std::string::npos ? "" : line.substr(1, end - 1);  // "pace"; "[reviewer" of an array
}

bool Sets(const std::string& line, const std::string& key) {
  size_t at = line.find_first_not_of(" \t");
  if (at == std::string::npos || line.compare(at, key.size(), key) != 0) return false;
  at = line.find_first_not_of(" \t", at + key.size());
  return at != std::string::npos && line[at] == '=';
}

// Whether an array that begins on this line ends on a later one.
bool StaysOpen(const std::string& line) {
  return std::count(line.begin(), line.end(), '[') > std::count(line.begin(), line.end(), ']');
}

// Every reviewer's key in turn, and the baseline, in place of those that stand there.
std::string WithKeys(const std::string& text, const std::vector<std::string>& reviewer_keys,
                     const std::string& baseline) {
  std::istringstream lines(text);
  std::string line, header, result;
  size_t reviewers = 0;
  while (std::getline(lines, line)) {
    if (const std::string next = HeaderOf(line); !next.empty()) {
      header = next;
      reviewers += header == "[reviewer" ? 1 : 0;
    }
    if (header == "[reviewer" && Sets(line, "key") && reviewers <= reviewer_keys.size()) {
      line = "key = \"" + reviewer_keys[reviewers - 1] + "\"";
    }
    if (header == "subject" && Sets(line, "baseline")) line = "baseline = \"" + baseline + "\"";
    result += line + "\n";
  }
  return result;
}

// The names of the reviewers, in the order in which they stand there.
std::vector<std::string> ReviewerNames(const std::string& text) {
  std::istringstream lines(text);
  std::string line, header;
  std::vector<std::string> names;
  while (std::getline(lines, line)) {
    if (const std::string next = HeaderOf(line); !next.empty()) {
      header = next;
      if (header == "[reviewer") names.emplace_back();
    }
    if (header != "[reviewer" || !Sets(line, "name")) continue;
    const size_t begin = line.find('"'), end = line.rfind('"');
    if (begin != std::string::npos && begin < end) names.back() = line.substr(begin + 1, end - begin - 1);
  }
  return names;
}

constexpr std::string_view kReplaced[] = {"approval", "rollback", "halt", "amendment", "pace", "gate"};

std::string PeopleAndPace(const std::string& log, const std::string& clock) {
  return "\n[approval]\nthreshold = 2\npresence = \"software\"\nsigners = \"" + std::string(kSigners) +
         "\"\n\n[amendment]\nthreshold = 3\nwaiting_period = \"1d\"\n\n"
         "[pace]\nmin_interval = \"1s\"\nmax_releases = 10000\nwindow = \"1d\"\n\n[gate]\nlog = \"" +
         log + "\"\nclock = \"" + clock + "\"\n";
}

Result<std::string> MakePeople(const std::string& folder) {
  std::string signers;
  for (size_t person = 0; person < kPeople; ++person) {
    const std::string key = PersonKey(folder, person);
    Result<ProgramAnswer> made = RunProgram({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key});
    if (!made.ok()) return made.error();
    if (made->status != 0) return SystemFailure("incidents.ssh-keygen", made->standard_error, "install openssh-client");
    Result<std::string> line = ReadText(key + ".pub");
    if (!line.ok()) return line.error();
    signers += "person-" + std::to_string(person) + " namespaces=\"approve@pawl\" " + *line;
  }
  return signers;
}

Result<crypto::Digest> TreeDigest(const std::string& directory) {
  Result<subject::Manifest> manifest = subject::ReadTree(
      directory, subject::TreeLimits{},
      [](const std::string&, std::string_view bytes) { return Result<crypto::Digest>(crypto::Sha256(bytes)); });
  if (!manifest.ok()) return manifest.error();
  return subject::ManifestDigest(*manifest);
}

}  // namespace

std::string EditCharter(const std::string& text, const std::string& section, const std::string& key,
                        const std::string& new_line) {
  std::istringstream lines(text);
  std::string line, result;
  bool inside = false, done = false, skipping = false;
  while (std::getline(lines, line)) {
    if (skipping) {  // the rest of an array that is taken out
      skipping = line.find(']') == std::string::npos;
      continue;
    }
    if (const std::string header = HeaderOf(line); !header.empty()) {
      inside = !done && header == section;
      done = done || inside;
      if (!inside || !key.empty()) result += line + "\n";
      if (inside && !new_line.empty()) result += new_line + "\n";
    } else if (inside && (key.empty() || Sets(line, key))) {
      skipping = !key.empty() && StaysOpen(line);
    } else {
      result += line + "\n";
    }
  }
  return result;
}

Result<std::unique_ptr<IncidentWorld>> IncidentWorld::Make(const WorldPlan& plan) {
  std::unique_ptr<IncidentWorld> world(new IncidentWorld(plan));
  world->is_example_ = plan.charter.empty();
  world->subject_directory_ = plan.folder + "/subject";
  world->charter_directory_ = plan.folder + "/charter";
  std::error_code failure;
  fs::create_directories(plan.folder, failure);
  if (failure) return SystemFailure("incidents.write", "cannot make '" + plan.folder + "'", "check the disk");
  Result<void> subject = !plan.subject.empty()              ? CopyTree(plan.subject, world->subject_directory_)
                         : plan.example == Example::kBeside ? WriteFiles(world->subject_directory_, kBesideSubject)
                                                            : WriteFiles(world->subject_directory_, kExampleSubject);
  if (!subject.ok()) return subject.error();
  if (Result<void> written = world->WriteCharter(plan); !written.ok()) return written.error();
  if (plan.progress) plan.progress("the baseline becomes live");
  if (Result<void> begun = world->Begin(); !begun.ok()) return begun.error();
  return world;
}

Result<void> IncidentWorld::WriteCharter(const WorldPlan& plan) {
  Result<void> copied = plan.charter.empty() ? WriteFiles(charter_directory_, kExampleCharterFiles)
                                             : CopyTree(plan.charter, charter_directory_);
  if (!copied.ok()) return copied;
  const std::string file = charter_directory_ + "/charter.toml";
  Result<std::string> text = plan.charter.empty() ? Result<std::string>(std::string(kExampleCharter)) : ReadText(file);
  if (!text.ok()) return text.error();
  if (plan.charter.empty() && plan.example == Example::kBeside) {
    if (Result<void> written = WriteFiles(charter_directory_, kBesideCharterFiles); !written.ok()) return written;
    *text = EditCharter(EditCharter(*text, "evaluation", "subject_command", ""), "quorum", "", "") +
            std::string(kBesideSections);
  }
  Result<ledger::Home> home = ledger::Home::Open(home_, ledger::HomeAccess::kCreate);
  if (!home.ok()) return home.error();
  std::vector<std::string> keys;
  for (const std::string& name : ReviewerNames(*text)) {
    Result<crypto::NoteKey> key = ledger::MakeKey(*home, name, crypto::NoteKeyType::kEd25519);
    if (!key.ok()) return key.error();
    keys.push_back(key->Text());
  }
  Result<crypto::NoteKey> log = ledger::MakeKey(*home, "incidents-log", crypto::NoteKeyType::kEd25519);
  if (!log.ok()) return log.error();
  Result<crypto::NoteKey> clock = ledger::MakeKey(*home, "incidents-clock", crypto::NoteKeyType::kEd25519Cosignature);
  if (!clock.ok()) return clock.error();
  Result<std::string> signers = MakePeople(folder_);
  if (!signers.ok()) return signers.error();
  if (Result<void> written = WriteText(fs::path(charter_directory_) / kSigners, *signers); !written.ok()) {
    return written;
  }
  Result<crypto::Digest> baseline = TreeDigest(subject_directory_);
  if (!baseline.ok()) return baseline.error();
  std::string edited = WithKeys(*text, keys, baseline->Text());
  for (const std::string_view section : kReplaced) edited = EditCharter(edited, std::string(section), "", "");
  edited += PeopleAndPace(log->Text(), clock->Text());
  if (Result<void> written = WriteText(file, edited); !written.ok()) return written;
  Result<charter::Charter> read = charter::ReadCharterFromDirectory(charter_directory_);
  if (!read.ok()) return read.error();
  charter_ = std::move(*read);
  return {};
}

Result<void> IncidentWorld::Begin() {
  const auto must = [](Result<Ending> ending, const char* wanted) -> Result<void> {
    if (!ending.ok()) return ending.error();
    if (ending->outcome == wanted) return {};
    return Refused("incidents.baseline",
                   "the baseline does not become live: " + ending->outcome + " at " + ending->step + ": " +
                       ending->reason + " (" + ending->rule + ")",
                   "pawl charter check says what keeps it back");
  };
  for (size_t person = 0; person < kPeople; ++person) {
    Result<Ending> made = Ask({"charter", "sign", charter_directory_, "--key", PersonKey(folder_, person)});
    if (Result<void> done = must(std::move(made), ""); !done.ok()) return done;
  }
  if (Result<void> begun = must(Ask({"init", charter_directory_}), ""); !begun.ok()) return begun;
  Result<Ending> proposed = Try(subject_directory_, "the baseline", Reviewers::kAtHand);
  const std::string name = proposed.ok() ? proposed->proposal : "";
  if (Result<void> waits = must(std::move(proposed), "pending"); !waits.ok()) return waits;
  if (Result<void> live = must(ApproveAndRelease(name, 2), "accepted"); !live.ok()) return live;
  std::this_thread::sleep_for(std::chrono::milliseconds(1'100));  // the interval of its pace
  return {};
}

Result<std::string> IncidentWorld::NewFolder() {
  const std::string folder = folder_ + "/" + std::to_string(++folders_);
  std::error_code failure;
  fs::create_directories(folder, failure);
  if (failure) return SystemFailure("incidents.write", "cannot make '" + folder + "'", "check the disk");
  return folder;
}

Result<std::string> IncidentWorld::Candidate() {
  Result<std::string> folder = NewFolder();
  if (!folder.ok()) return folder.error();
  if (Result<void> copied = CopyTree(subject_directory_, *folder + "/tree"); !copied.ok()) return copied.error();
  return *folder + "/tree";
}

// What a command answered. One that is content answers without an outcome.
Result<Ending> IncidentWorld::Ask(std::vector<std::string> words) {
  std::vector<std::string> all = {"/proc/self/exe", "--json", "--quiet", "--home", home_};
  all.insert(all.end(), words.begin(), words.end());
  Result<ProgramAnswer> answer = RunProgram(all);
  if (!answer.ok()) return answer.error();
  const std::string& text = answer->standard_output;
  const size_t end = text.find_last_not_of('\n');
  const size_t begin = end == std::string::npos ? 0 : text.rfind('\n', end) + 1;
  const Json json = Json::parse(text.substr(begin), nullptr, false);
  if (!json.is_object()) {
    return Error{ErrorCode::kInternal, "incidents.answer", "pawl " + words.front() + ": " + answer->standard_error, ""};
  }
  const auto member = [](const Json& object, const char* name) {
    return object.contains(name) && object[name].is_string() ? object[name].get<std::string>() : std::string();
  };
  if (json.contains("error")) {
    const Json& error = json["error"];
    // What the machine could not do says nothing about a candidate.
    if (answer->status == 5) {
      return Error{ErrorCode::kSystem, member(error, "rule"), member(error, "message"), member(error, "advice")};
    }
    return Ending{"refused", "freeze", member(error, "rule"), member(error, "message"), ""};
  }
  return Ending{member(json, "outcome"), member(json, "step"), member(json, "rule"), member(json, "reason"),
                member(json, "proposal")};
}

Result<Ending> IncidentWorld::Try(const std::string& directory, const std::string& note, Reviewers reviewers) {
  std::vector<std::string> words = {"propose", directory, "-m", note};
  if (reviewers == Reviewers::kAtHand) words.emplace_back("--review");
  return Ask(std::move(words));
}

Result<Ending> IncidentWorld::ApproveAndRelease(const std::string& proposal, size_t people) {
  for (size_t person = 0; person < people; ++person) {
    Result<Ending> signed_by = Ask({"approve", proposal, "--yes", "--key", PersonKey(folder_, person)});
    if (!signed_by.ok() || signed_by->outcome == "refused") return signed_by;
  }
  return Ask({"release", proposal});
}

Result<Ending> IncidentWorld::ApproveAndReleaseInACopy(const std::string& proposal, size_t people) {
  Result<std::string> folder = NewFolder();
  if (!folder.ok()) return folder.error();
  const std::string copy = *folder + "/home";
  Result<ProgramAnswer> copied = RunProgram({"cp", "-a", home_, copy});
  if (!copied.ok()) return copied.error();
  if (copied->status != 0) return SystemFailure("incidents.copy", copied->standard_error, "check the disk");
  const std::string own = std::exchange(home_, copy);
  Result<Ending> ending = ApproveAndRelease(proposal, people);
  home_ = own;
  return ending;
}

Result<Ending> IncidentWorld::WhileHalted(const std::function<Result<Ending>()>& attempt) {
  Result<Ending> halted = Ask({"halt", "-m", "what it does was seen", "--key", PersonKey(folder_, 0)});
  if (!halted.ok()) return halted;
  if (!halted->outcome.empty()) return SystemFailure("incidents.halt", halted->reason);
  Result<Ending> ending = attempt();
  if (ending.ok() && ending->rule == "halt.in-force") ending->outcome = "halt";
  const std::string file = folder_ + "/resume.json";
  Result<Ending> resumed =
      Ask({"resume", "-m", "it was taken out", "--yes", "--add-to", file, "--key", PersonKey(folder_, 0)});
  if (resumed.ok()) resumed = Ask({"resume", "--yes", "--add-to", file, "--key", PersonKey(folder_, 1)});
  if (!resumed.ok()) return resumed;
  const Result<Ending> after = Start();
  if (!after.ok()) return after;
  if (!after->outcome.empty()) return SystemFailure("incidents.resume", "it is still stopped: " + after->reason);
  return ending;
}

Result<Ending> IncidentWorld::Start() {
  Result<Ending> ending = Ask({"current", "--verify"});
  if (ending.ok()) ending->step = "start";
  return ending;
}

Result<Ending> IncidentWorld::StartWithAChangedByte(const std::string& path) {
  Result<std::string> bytes = ReadText(fs::path(subject_directory_) / path);
  if (!bytes.ok()) return bytes.error();
  const std::string digest = crypto::Sha256(*bytes).Text().substr(7);
  const fs::path blob = fs::path(home_) / "store/blobs" / digest.substr(0, 2) / digest;
  std::error_code failure;
  fs::permissions(blob, fs::perms::owner_write, fs::perm_options::add, failure);
  if (Result<void> changed = WriteText(blob, *bytes + " "); !changed.ok()) return changed.error();
  Result<Ending> ending = Start();
  if (Result<void> mended = WriteText(blob, *bytes); !mended.ok()) return mended.error();
  fs::permissions(blob, fs::perms::owner_write, fs::perm_options::remove, failure);
  return ending;
}

}  // namespace pawl::incidents
