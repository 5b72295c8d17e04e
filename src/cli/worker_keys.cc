#include "cli/worker_keys.h"

#include <algorithm>
#include <sstream>

#include "ledger/place.h"
#include "storage/named_file.h"

namespace pawl::cli {

Result<std::vector<crypto::NoteKey>> ReadWorkerKeys(const std::string& path) {
  constexpr size_t kBytesMax = 1 << 20;
  Result<std::string> text = storage::ReadNamedFile(path, kBytesMax);
  if (!text.ok()) return text.error();
  std::vector<crypto::NoteKey> keys;
  std::istringstream lines(*text);
  size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    line = line.substr(0, line.find('#'));
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) continue;
    Result<crypto::NoteKey> key = crypto::NoteKey::Parse(line);
    const auto is_same = [&](const crypto::NoteKey& other) { return other.name == key->name; };
    if (!key.ok() || key->type != crypto::NoteKeyType::kEd25519 || std::any_of(keys.begin(), keys.end(), is_same))
      return Malformed(
          "work.worker-keys",
          path + ", line " + std::to_string(number) + ": no verifier key of a worker, or a name for the second time",
          "a line each, as `pawl key new NAME` prints it on the worker's machine");
    keys.push_back(std::move(*key));
  }
  if (keys.empty()) return Malformed("work.worker-keys", path + " enrols nobody", "pawl key new NAME prints a key");
  return keys;
}

void AddGateWorkers(CLI::App& command, Globals& globals) {
  CLI::Option* workers = command.add_option(
      "--workers", globals.workers,
      "share the gate's own proofs and trial out to workers (pawl work) by the queue in this database; proofs are "
      "checked, and of a trial a sample is run again here, and whatever would end the proposal is");
  CLI::Option* keys = command.add_option("--worker-keys", globals.worker_keys,
                                         "file of the workers' verifier keys, one a line: answers of others are "
                                         "thrown away");
  command
      .add_option("--batch-episodes", globals.batch_episodes,
                  "episodes of one run of the evaluator for a worker (default: an eighth of a look, at least 250)")
      ->check(CLI::Range(1, 4'000))
      ->needs(workers);
  command.add_option("--alone-seconds", globals.alone_s, "of searching for a proof here before it is shared out")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 86'400.0))
      ->needs(workers);
  workers->option_text("URL")->needs(keys);
  keys->option_text("FILE")->needs(workers);
}

Result<std::optional<work::WorkerShare>> GateWorkers(const Globals& globals) {
  if (globals.workers.empty()) return std::optional<work::WorkerShare>();
  Result<bool> is_home = ledger::IsHomeUrl(globals.workers);
  if (!is_home.ok()) return is_home.error();
  if (*is_home)
    return Error{ErrorCode::kUsage, "work.url", "workers take their work from a queue in PostgreSQL",
                 "--workers postgresql://…"};
  Result<std::vector<crypto::NoteKey>> keys = ReadWorkerKeys(globals.worker_keys);
  if (!keys.ok()) return keys.error();
  work::WorkerShare share;
  share.url = globals.workers;
  share.batch_episodes = globals.batch_episodes;
  share.alone_s = globals.alone_s;
  share.enrolled = std::move(*keys);
  return std::optional(std::move(share));
}

}  // namespace pawl::cli
