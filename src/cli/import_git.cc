// pawl import-git: the files of one revision of a git repository, as a plain directory without version control.
//
// A repository of a stranger's can make git do things: hooks, filters, alternates, broken packs. So git runs in the
// sandbox, with the repository as a read-only input; it lists the tree and then gives the blobs, both through the sized
// output, and what comes out is read here by git_listing.h, which holds every byte against the commit's name.
// Attributes, filters and replacements of the repository have no say: blobs are taken as they are. Git fetches nothing
// that is missing: the way there would be a command of the repository's.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/git_listing.h"
#include "sandbox/sandbox.h"
#include "storage/named_file.h"
#include "storage/temporary_folder.h"

namespace pawl::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kGit[] = "/usr/bin/git";
constexpr int kNoSuchRevision = 9;  // of the shell's
constexpr uint64_t kListingBytesMax = uint64_t{64} << 20;
constexpr uint64_t kCommitBytesMax = uint64_t{1} << 20;
// What comes out lies in memory on its way, as everything in a sandbox's /out.
constexpr uint64_t kImportedBytesMax = uint64_t{256} << 20;

struct ImportOptions {
  std::string repository;
  std::string revision;
  std::string out;
};

// Git's own last complaint, out of all that it said.
std::string LastComplaint(std::string_view said) {
  std::string last;
  while (!said.empty()) {
    const std::string_view line = said.substr(0, said.find('\n'));
    said.remove_prefix(std::min(line.size() + 1, said.size()));
    if (line.starts_with("fatal: ") || line.starts_with("error: ")) last = line.substr(0, 300);
  }
  return last;
}

// Runs a shell's words, in which `g` is git over /in/repository, and gives where its /out went.
Result<std::string> RunGit(const ImportOptions& options, const storage::HeldFolder& scratch, const std::string& name,
                           const std::string& words, uint64_t output_bytes, std::vector<sandbox::Input> inputs = {}) {
  sandbox::Job job;
  job.argv = {"/bin/sh",
              "-c",
              "set -eu; g() { git --no-replace-objects -c safe.directory='*' -C /in/repository \"$@\"; }; " + words,
              "sh",
              options.revision,
              std::string(ObjectNameIn(options.revision))};
  std::error_code failure;
  const fs::path repository = fs::canonical(options.repository, failure);
  if (failure) {
    return Error{ErrorCode::kNotFound, "git.repository",
                 "cannot open '" + options.repository + "': " + failure.message(),
                 "name a directory with a repository"};
  }
  job.inputs = std::move(inputs);
  job.inputs.push_back({repository, "/in/repository"});
  job.extra_environment = {{"GIT_CONFIG_NOSYSTEM", "1"},
                           {"GIT_OPTIONAL_LOCKS", "0"},
                           {"GIT_ALLOW_PROTOCOL", "none"},
                           {"GIT_NO_LAZY_FETCH", "1"}};
  job.limits.output_bytes = static_cast<int64_t>(output_bytes);
  job.limits.memory_mib = 1024 + static_cast<int64_t>(output_bytes >> 20);
  job.limits.wall_ms = job.limits.cpu_ms = 300'000;
  const std::string out = scratch.path() + "/" + name;
  // No charter has a say here, and what comes out is looked at as any tree is: every weakening will do.
  Result<sandbox::Outcome> outcome = sandbox::Run(job, sandbox::EveryWeakening(), out);
  if (!outcome.ok()) return outcome.error();
  if (outcome->end == sandbox::End::kSetupError)
    return SystemFailure("git.machine", outcome->explanation, "see that TMPDIR has room; pawl sandbox check");
  if (sandbox::Succeeded(*outcome)) return out;
  const std::string complaint = LastComplaint(outcome->standard_error);
  const bool is_no_trouble = complaint.empty() || complaint.find("expected commit type") != complaint.npos;
  if (outcome->end == sandbox::End::kExited && outcome->status == kNoSuchRevision && is_no_trouble) {
    return Error{ErrorCode::kNotFound, "git.no-commit",
                 "there is no commit '" + options.revision + "' in '" + options.repository + "'" +
                     (complaint.empty() ? "" : " (" + complaint + ")"),
                 "commit first, or name one of: git -C REPOSITORY branch --all; git -C REPOSITORY tag"};
  }
  return Refused("git.failed",
                 "git, in the sandbox: " + outcome->explanation + (complaint.empty() ? "" : ": " + complaint),
                 "name the folder that has .git in it, or a bare repository. Git sees nothing else there: of a " +
                     std::string("worktree, a shared or a partial clone make a whole one first, ") +
                     "git clone --no-local REPOSITORY WHOLE. Is it damaged? git -C REPOSITORY fsck --full");
}

Result<void> WriteGitFiles(const std::string& batch, const std::vector<GitFile>& files, const std::string& directory) {
  return ReadGitBlobs(batch, files, [&](const GitFile& file, std::string_view bytes) -> Result<void> {
    const fs::path path = fs::path(directory) / file.path;
    std::error_code failure;
    fs::create_directories(path.parent_path(), failure);
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (failure || !out)
      return SystemFailure("git.write", "cannot write '" + path.string() + "'", "check that the disk has room");
    return {};
  });
}

struct Imported {
  std::string commit;
  std::string tree;
  uint64_t files = 0;
  uint64_t executables = 0;
};

// What git says of a revision, held against the commit's name.
struct Revision {
  std::string commit;
  std::vector<GitFile> files;
};

Result<Revision> ReadRevision(const ImportOptions& options, const storage::HeldFolder& scratch,
                              const subject::TreeLimits& limits) {
  Result<std::string> listed =
      RunGit(options, scratch, "listing",
             "g rev-parse --verify -q \"$1^{commit}\" > /out/name || exit $(($? == 1 ? 9 : $?)); "
             "g rev-parse --verify -q \"${2:-$1}\" > /out/taken; "
             "g cat-file commit \"$(cat /out/name)\" > /out/commit; "
             "g ls-tree -r -z -l --full-tree \"$(cat /out/name)\" > /out/files",
             kListingBytesMax);
  if (!listed.ok()) return listed.error();
  Result<std::string> name = storage::ReadNamedFile(*listed + "/name", 100);
  if (!name.ok()) return name.error();
  Result<std::string> commit = storage::ReadNamedFile(*listed + "/commit", kCommitBytesMax);
  if (!commit.ok() && commit.error().code == ErrorCode::kLimit) {
    return LimitReached("git.limit", "the commit's own text has more than 1 MiB", "commit the files anew");
  }
  if (!commit.ok()) return commit.error();
  Result<std::string> listing = storage::ReadNamedFile(*listed + "/files", kListingBytesMax);
  if (!listing.ok()) return listing.error();
  Result<std::vector<GitFile>> files = ParseGitListing(*listing, limits);
  if (!files.ok()) return files.error();
  if (name->ends_with('\n')) name->pop_back();
  Result<std::string> taken = storage::ReadNamedFile(*listed + "/taken", 100);
  if (!taken.ok()) return taken.error();
  if (taken->ends_with('\n')) taken->pop_back();
  if (Result<void> asked = CheckNamedObject(options.revision, *taken); !asked.ok()) return asked.error();
  if (Result<void> named = CheckGitCommit(*name, *commit, *files); !named.ok()) return named.error();
  return Revision{std::move(*name), std::move(*files)};
}

Result<std::string> ReadBlobs(const ImportOptions& options, const storage::HeldFolder& scratch,
                              const std::vector<GitFile>& files) {
  std::string ids;
  uint64_t bytes = 0;
  for (const GitFile& file : files) {
    ids += file.object + "\n";
    bytes += file.size_bytes + 128;
  }
  const std::string ids_file = scratch.path() + "/ids";
  if (Result<void> written = storage::WriteNamedFile(ids_file, ids); !written.ok()) return written.error();
  chmod(ids_file.c_str(), 0644);
  Result<std::string> given = RunGit(options, scratch, "blobs", "g cat-file --batch --buffer < /in/ids > /out/blobs",
                                     bytes + (uint64_t{1} << 20), {{ids_file, "/in/ids"}});
  if (!given.ok()) return given.error();
  return storage::ReadNamedFile(*given + "/blobs", bytes + 1);
}

// Made in a new folder beside its place and renamed: a directory that is there is whole, and none that was there before
// is touched. Gives the digest of the tree.
Result<std::string> MakeDirectory(const std::string& out, const std::string& batch, const std::vector<GitFile>& files,
                                  const subject::TreeLimits& limits) {
  const auto cannot = [&](const std::string& why) {
    return SystemFailure("git.write", "cannot make '" + out + "': " + why, "name a new directory, where there is room");
  };
  std::error_code failure;
  if (const fs::path parent = fs::path(out).parent_path(); !parent.empty()) fs::create_directories(parent, failure);
  if (failure) return cannot(failure.message());
  storage::RemoveLeftFolders(out);
  const Result<storage::HeldFolder> beside = storage::HeldFolder::Make(out);
  if (!beside.ok()) return cannot(beside.error().message);
  const std::string unfinished = beside->path() + "/tree";
  fs::create_directory(unfinished, failure);
  if (failure) return cannot(failure.message());
  if (Result<void> wrote = WriteGitFiles(batch, files, unfinished); !wrote.ok()) return wrote.error();
  Result<subject::Manifest> manifest = subject::ReadTree(
      unfinished, limits,
      [](const std::string&, std::string_view content) { return Result<crypto::Digest>(crypto::Sha256(content)); });
  if (!manifest.ok()) return manifest.error();
  if (renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, out.c_str(), RENAME_NOREPLACE) != 0) {
    return cannot(std::strerror(errno));
  }
  return subject::ManifestDigest(*manifest).Text();
}

Result<Imported> ImportRevision(const ImportOptions& options) {
  std::error_code failure;
  if (!IsPlainRevision(options.revision)) {
    return Error{ErrorCode::kUsage, "git.revision", "'" + options.revision + "' is no revision",
                 "like HEAD, main or v1.0"};
  }
  if (fs::exists(fs::symlink_status(options.out, failure))) {
    return Error{ErrorCode::kUsage, "git.exists", "'" + options.out + "' is there already", "name a new directory"};
  }
  if (access(kGit, X_OK) != 0) {
    return SystemFailure("git.missing", std::string("there is no ") + kGit + " that can be started",
                         "install git (Debian: apt install git)");
  }
  const Result<storage::HeldFolder> scratch = storage::HeldFolder::MakeTemporary("pawl-import");
  if (!scratch.ok()) return scratch.error();
  subject::TreeLimits limits;
  limits.bytes_max = kImportedBytesMax;
  limits.file_bytes_max = kImportedBytesMax;
  Result<Revision> revision = ReadRevision(options, *scratch, limits);
  if (!revision.ok()) return revision.error();
  Result<std::string> batch = ReadBlobs(options, *scratch, revision->files);
  if (!batch.ok()) return batch.error();
  Result<std::string> tree = MakeDirectory(options.out, *batch, revision->files, limits);
  if (!tree.ok()) return tree.error();
  Imported imported;
  imported.commit = revision->commit;
  imported.tree = std::move(*tree);
  imported.files = revision->files.size();
  for (const GitFile& file : revision->files) imported.executables += file.is_executable ? 1 : 0;
  return imported;
}

ExitCode ImportAndShow(const Globals& globals, ImportOptions options) {
  while (options.out.size() > 1 && options.out.ends_with('/')) options.out.pop_back();
  Result<Imported> imported = ImportRevision(options);
  if (!imported.ok()) return Fail(globals, imported.error());
  if (globals.json) {
    PrintJson({{"commit", imported->commit},
               {"tree", imported->tree},
               {"files", imported->files},
               {"directory", options.out}});
    return ExitCode::kYes;
  }
  std::printf("%s: %llu %s of %s, tree %s\n", Shown(options.out).c_str(),
              static_cast<unsigned long long>(imported->files), imported->files == 1 ? "file" : "files",
              Shown(imported->commit).c_str(), imported->tree.c_str());
  if (imported->executables > 0) {
    std::printf("  %llu were executable in git; files of a tree are not, so a command names the interpreter first\n",
                static_cast<unsigned long long>(imported->executables));
  }
  std::printf("  next: pawl charter new, or pawl propose %s\n", Shown(options.out).c_str());
  return ExitCode::kYes;
}

}  // namespace

void AddImportGit(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ImportOptions>();
  CLI::App* command = app.add_subcommand("import-git", "a revision of a git repository as a plain directory");
  command->add_option("REPOSITORY", options->repository, "a repository of this machine, bare or not")->required();
  command->add_option("REVISION", options->revision, "like HEAD, main or v1.0")->required();
  command->add_option("OUT", options->out, "the directory to make, without version control")->required();
  command->footer(
      "git runs in the sandbox, over a read-only view of the repository; its filters and attributes have no say, and\n"
      "nothing that is missing is fetched. Every byte is held against the commit's name.\n"
      "Submodules, symbolic links and names that no tree may have are refused. At most 256 MiB.\n"
      "example:\n  pawl import-git ~/src/agent main ./candidate");
  command->callback([options, &globals] { globals.exit = ImportAndShow(globals, *options); });
}

}  // namespace pawl::cli
