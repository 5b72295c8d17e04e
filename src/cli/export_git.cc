// pawl export-git: the subject's releases as commits, in the format of git fast-import. Written here; no git is run.
#include <cstdio>
#include <filesystem>
#include <map>

#include "cli/command.h"
#include "encoding/time.h"
#include "storage/named_file.h"
#include "subject/path.h"

namespace pawl::cli {
namespace {

struct GitExportOptions {
  std::string out;
  std::string branch = "pawl";
};

bool IsPlainBranch(const std::string& branch) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !branch.empty() && branch.size() <= 100 && branch.front() != '-' &&
         std::all_of(branch.begin(), branch.end(), fits);
}

// Paths of trees have no control characters and no backslash.
std::string FastImportPath(const std::string& path) {
  std::string text = "\"";
  for (const char c : path) text += c == '"' ? std::string("\\\"") : std::string(1, c);
  return text + "\"";
}

std::string FastImportData(std::string_view bytes) {
  return "data " + std::to_string(bytes.size()) + "\n" + std::string(bytes) + "\n";
}

class FastImportStream {
 public:
  FastImportStream(const ledger::SubjectLog& log, std::string branch) : log_(log), branch_(std::move(branch)) {}

  Result<void> Add(const audit::ReleaseRecord& release, int64_t time_s) {
    Result<subject::Manifest> manifest = log_.store().ReadManifest(release.tree);
    if (!manifest.ok()) return manifest.error();
    for (const subject::FileEntry& file : manifest->files) {
      if (marks_.contains(file.digest)) continue;
      Result<std::string> bytes = log_.store().ReadBlob(file.digest, subject::kFileBytesMax);
      if (!bytes.ok()) return bytes.error();
      marks_[file.digest] = ++last_mark_;
      text_ += "blob\nmark :" + std::to_string(last_mark_) + "\n" + FastImportData(*bytes);
    }
    const int64_t parent = commit_;
    commit_ = ++last_mark_;
    text_ +=
        "commit refs/heads/" + branch_ + "\nmark :" + std::to_string(commit_) + "\ncommitter Pawl <pawl@localhost> " +
        std::to_string(time_s) + " +0000\n" +
        FastImportData("Release of " + log_.subject() + ", epoch " + std::to_string(release.epoch) +
                       "\n\nPawl-Tree: " + release.tree.Text() + "\nPawl-Warrant: " + release.warrant.Text() + "\n");
    if (parent != 0) text_ += "from :" + std::to_string(parent) + "\n";
    text_ += "deleteall\n";
    for (const subject::FileEntry& file : manifest->files) {
      text_ += "M 100644 :" + std::to_string(marks_[file.digest]) + " " + FastImportPath(file.path) + "\n";
    }
    text_ += "\n";
    return {};
  }
  std::string Finish() && { return std::move(text_) + "done\n"; }

 private:
  const ledger::SubjectLog& log_;
  std::string branch_;
  std::string text_ = "feature done\n";
  std::map<crypto::Digest, int64_t> marks_;
  int64_t last_mark_ = 0, commit_ = 0;
};

ExitCode ExportToGit(const Globals& globals, const GitExportOptions& options) {
  std::error_code failure;
  if (!IsPlainBranch(options.branch)) {
    return Fail(globals, Error{ErrorCode::kUsage, "git.branch", "'" + options.branch + "' is no plain name of a branch",
                               "letters, digits, - and _"});
  }
  // It is renamed to its place, which would put it where a device or a pipe was.
  if (const auto there = std::filesystem::symlink_status(options.out, failure);
      std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
    return Fail(globals, Error{ErrorCode::kUsage, "git.not-a-file", "'" + options.out + "' is no plain file",
                               "name a file, like releases.fi"});
  }
  Result<Place> place = FindPlace(globals);
  if (!place.ok()) return Fail(globals, place.error());
  Result<ledger::SubjectLog> log = OpenLog(*place, ledger::LedgerAccess::kReadOnly);
  if (!log.ok()) return Fail(globals, log.error());
  FastImportStream stream(*log, options.branch);
  const auto& releases = log->history().releases();
  if (releases.empty()) {
    return Fail(globals, Error{ErrorCode::kNotFound, "git.no-release", "nothing has been released yet", "pawl status"});
  }
  for (const audit::ReleaseRecord& release : releases) {
    if (Result<void> added = stream.Add(release, release.time); !added.ok()) return Fail(globals, added.error());
  }
  if (Result<void> written = storage::WriteNamedFile(options.out, std::move(stream).Finish()); !written.ok())
    return Fail(globals, written.error());
  if (globals.json) {
    PrintJson({{"file", options.out}, {"branch", options.branch}, {"releases", releases.size()}});
  } else {
    std::printf("%s: %zu releases as commits of branch %s\n  next: git -C REPOSITORY fast-import < %s\n",
                Shown(options.out).c_str(), releases.size(), options.branch.c_str(), Shown(options.out).c_str());
  }
  return ExitCode::kYes;
}

}  // namespace

void AddExportGit(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<GitExportOptions>();
  CLI::App* command = app.add_subcommand("export-git", "all releases as commits, for git fast-import");
  command->add_option("OUT", options->out, "the file to write; one that is there is replaced")->required();
  command->add_option("--branch", options->branch, "name of the branch")->capture_default_str();
  command->footer(
      "A commit names the release's tree and warrant; it is not signed and proves nothing. Nothing of git is run.\n"
      "example:\n  pawl export-git releases.fi\n  git init --bare releases.git\n  git -C releases.git fast-import < "
      "releases.fi");
  command->callback([options, &globals] { globals.exit = ExportToGit(globals, *options); });
}

}  // namespace pawl::cli
