// pawl work: a worker that proves parts of what others ask, until it is told to stop. Opens a home for its key alone.
#include "cli/work.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "cli/work_health.h"
#include "cli/work_people.h"
#include "ledger/keys.h"
#include "ledger/place.h"
#include "sandbox/machine.h"
#include "work/worker.h"

namespace pawl::cli {
namespace {

struct WorkChoices {
  std::string url, name;
  std::vector<std::string> charters;
  bool only_trials = false;
  bool once = false;
  double lease_s = 15;
  unsigned threads = 1;
  uint64_t memory_mib = 1'024;
  std::string health_at;
};

struct WorkerKey {
  crypto::NoteKey key;
  signing::Ed25519PrivateKey secret;
};

Result<WorkerKey> FindWorkerKey(const Globals& globals, const std::string& name) {
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  const std::vector<ledger::HeldKey> keys = ledger::ListKeys(*home);
  const auto held =
      std::find_if(keys.begin(), keys.end(), [&](const ledger::HeldKey& key) { return key.name == name; });
  if (held == keys.end()) {
    return Error{ErrorCode::kNotFound, "key.missing", "there is no key '" + name + "' here", "pawl key new " + name};
  }
  Result<signing::Ed25519PrivateKey> secret = ledger::FindPrivateKey(*home, held->key);
  if (!secret.ok()) return secret.error();
  return WorkerKey{held->key, std::move(*secret)};
}

void ShowPart(const Globals& globals, const work::WorkedPart& part) {
  if (globals.json) {
    PrintJson({{"job", part.job},
               {"kind", part.kind},
               {"part", part.part},
               {"outcome", part.outcome},
               {"detail", part.detail},
               {"leaves", part.leaves},
               {"open", part.open},
               {"episodes", part.episodes},
               {"trace_id", part.trace},
               {"seconds", part.seconds}});
  } else if (!globals.quiet && part.kind == "trial") {
    std::printf("batch %lld of job %.8s: %s, %llu episodes, %.2f s%s%s\n", static_cast<long long>(part.part),
                part.job.c_str(), part.outcome.c_str(), static_cast<unsigned long long>(part.episodes), part.seconds,
                part.detail.empty() ? "" : ": ", Shown(part.detail).c_str());
  } else if (!globals.quiet) {
    std::printf("part %lld of job %.8s: %s, %llu leaves, %llu boxes open, %.2f s%s%s\n",
                static_cast<long long>(part.part), part.job.c_str(), part.outcome.c_str(),
                static_cast<unsigned long long>(part.leaves), static_cast<unsigned long long>(part.open), part.seconds,
                part.detail.empty() ? "" : ": ", Shown(part.detail).c_str());
  }
  std::fflush(stdout);
}

ExitCode WorkUntilStopped(const Globals& globals, const WorkChoices& choices) {
  const InterruptWatch watch(/*enabled=*/true);
  Result<bool> is_home = ledger::IsHomeUrl(choices.url);
  if (!is_home.ok()) return Fail(globals, is_home.error());
  if (*is_home) {
    return Fail(globals,
                Error{ErrorCode::kUsage, "work.url", "parts lie in a queue in PostgreSQL", "--log postgresql://…"});
  }
  Result<WorkerKey> key = FindWorkerKey(globals, choices.name);
  if (!key.ok()) return Fail(globals, key.error());
  const bool on_terminal = !globals.quiet && !globals.json && isatty(STDERR_FILENO) != 0;
  work::WorkOptions options;
  options.url = choices.url;
  options.proofs = !choices.only_trials;
  for (const std::string& text : choices.charters) {
    const Result<crypto::Digest> charter = crypto::Digest::Parse(text);
    if (!charter.ok())
      return Fail(globals, Error{ErrorCode::kUsage, "work.charter", "'" + text + "' is no digest of a charter",
                                 "pawl tree CHARTER prints it: sha256:…"});
    options.charters.push_back(*charter);
  }
  if (choices.only_trials && options.charters.empty())
    return Fail(globals, Error{ErrorCode::kUsage, "work.charter", "trials of which charter?", "--trials-of sha256:…"});
  if (!options.charters.empty() && !sandbox::ThisMachine().capabilities.usable())
    return Fail(globals, Refused("work.no-sandbox", "trials need a sandbox, and this machine has none",
                                 "pawl sandbox check says what is missing; without --trials-of it proves parts"));
  options.lease_ms = static_cast<int64_t>(choices.lease_s * 1'000);
  options.threads = choices.threads;
  options.memory_mib = choices.memory_mib;
  options.until = choices.once ? work::WorkUntil::kOnePart : work::WorkUntil::kStopped;
  options.cancel = watch.token();
  WorkHealth health;
  if (Result<void> listens = ListenForHealth(globals, health, choices.health_at); !listens.ok()) {
    return Fail(globals, listens.error());
  }
  options.looked = [&] { health.TellLooked(std::time(nullptr)); };
  options.troubled = [&](const Error& error) { health.TellTroubled(error.rule); };
  options.worked = [&](const work::WorkedPart& part) {
    if (on_terminal) std::fputs("\r\x1b[K", stderr);
    health.TellWorked(part);
    LogLine(LogLevel::kInfo,
            part.kind + (part.kind.empty() ? "part " : " part ") + std::to_string(part.part) + ": " + part.outcome +
                (part.detail.empty() ? "" : ": " + part.detail),
            {{"job", part.job}, {"trace_id", part.trace}});
    ShowPart(globals, part);
  };
  options.says = [&](const std::string& line) {
    LogLine(LogLevel::kInfo, line);
    if (!globals.quiet) std::fprintf(stderr, "%s\n", Shown(line).c_str());
  };
  if (on_terminal) {
    options.progress = [](double seconds, uint64_t leaves, double volume) {
      std::fprintf(stderr, "\r\x1b[K%.0f s: %llu leaves, %.1f %% of the part", seconds,
                   static_cast<unsigned long long>(leaves), 100 * volume);
      std::fflush(stderr);
    };
  }
  if (!globals.json && !globals.quiet && !choices.once) {
    std::printf("%s works%s\n", choices.name.c_str(), options.proofs ? ": parts of proofs" : "");
    for (const crypto::Digest& charter : options.charters)
      std::printf("  batches of trials of %s\n", charter.Text().c_str());
    std::fflush(stdout);
  }
  const Result<work::WorkTally> tally = work::Work(options, key->key, key->secret);
  if (!tally.ok()) return Fail(globals, tally.error());
  if (!globals.json && !globals.quiet && !choices.once) {
    std::printf("%llu parts, %llu leaves, %llu episodes\n", static_cast<unsigned long long>(tally->parts),
                static_cast<unsigned long long>(tally->leaves), static_cast<unsigned long long>(tally->episodes));
  }
  return ExitCode::kYes;
}

}  // namespace

void AddWork(CLI::App& app, Globals& globals) {
  auto choices = std::make_shared<WorkChoices>();
  const std::shared_ptr<std::string> url(choices, &choices->url);
  CLI::App* command =
      app.add_subcommand("work", "prove parts of hard proofs and run batches of trials for others, until interrupted");
  command->add_option("--log", choices->url, "the database with the queue, without a password")
      ->option_text("URL")
      ->required();
  command->add_option("--as", choices->name, "the worker's name: of a key in this home (pawl key new NAME)");
  command
      ->add_option("--trials-of", choices->charters,
                   "take batches of trials under this charter, whose evaluator runs here in the sandbox as the charter "
                   "has it; may be given again")
      ->option_text("DIGEST");
  command->add_flag("--only-trials", choices->only_trials, "take no parts of proofs");
  command->add_flag("--once", choices->once, "one part, or none where there is none");
  command->add_option("--health", choices->health_at, kHealthHelp);
  command->add_option("--lease", choices->lease_s, "seconds after which a part of a worker that is gone is another's")
      ->capture_default_str()
      ->check(CLI::Range(1.0, 3'600.0));
  command->add_option("--threads", choices->threads, "that search")->capture_default_str()->check(CLI::Range(1, 1024));
  command->add_option("--memory-mib", choices->memory_mib, "for the search")
      ->capture_default_str()
      ->check(CLI::Range(16, 1 << 20));
  command->footer(
      "Takes parts that `pawl prove --workers` shares out, and with --trials-of batches of the trials of a gate with\n"
      "--workers. What it answers is signed, and checked by whoever asks: who answers garbage is shut out. SIGINT or "
      "SIGTERM have it hand in what it has, or give the part back; a second "
      "one\n"
      "ends it at once. It may be killed at any moment: the part is another's when its lease has run out.\n"
      "Exit status with --once: 0 one part was worked on, 1 no job enrols this key, 6 there is no part to take.\n\n"
      "examples:\n"
      "  pawl key new worker-a              # its line goes into the file that the asker names with --worker-keys\n"
      "  pawl work --log 'postgresql://pawl_worker@db.example.org/pawl?sslmode=verify-full' --as worker-a\n"
      "  pawl work --log 'postgresql://pawl_worker@db.example.org/pawl?sslmode=verify-full' --as worker-a \\\n"
      "    --trials-of sha256:…             # of a charter that you know: pawl tree CHARTER\n"
      "  pawl work --log 'postgresql://…' --as worker-a --health 127.0.0.1:9467  # for whoever watches it");
  command->require_subcommand(0, 1);
  AddWorkForPeople(*command, url, globals);
  command->callback([=, &globals] {
    if (!command->get_subcommands().empty()) return;  // its own callback has run
    globals.exit = choices->name.empty() ? Fail(globals, {ErrorCode::kUsage, "work.who", "who works?", "--as NAME"})
                                         : WorkUntilStopped(globals, *choices);
  });
}

}  // namespace pawl::cli
