// pawl witness follow|list|run: a witness of logs, Pawl's or others' (C2SP tlog-witness).
#include "witness/witness.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/log_file.h"
#include "encoding/time.h"
#include "encoding/utf8.h"
#include "ledger/keys.h"
#include "notices/board.h"
#include "notices/notice.h"
#include "server/http_server.h"
#include "server/witness_site.h"
#include "witness/add_checkpoint.h"

namespace pawl::cli {
namespace {

// The folder of a witness whose key is in this home.
struct WitnessPlace {
  std::string folder;
  signing::Ed25519PrivateKey key;
};

Result<WitnessPlace> FindWitness(const Globals& globals, const std::string& name) {
  if (!encoding::IsName(name)) {
    return Error{ErrorCode::kUsage, "witness.name", "'" + name + "' cannot name a witness",
                 "use letters, digits, '-', '_' and '.'"};
  }
  Result<ledger::Home> home = ledger::Home::Open(globals.home, ledger::HomeAccess::kExisting);
  if (!home.ok()) return home.error();
  Result<signing::Ed25519PrivateKey> key = signing::Ed25519PrivateKey::ReadFile(home->KeyPath(name));
  if (!key.ok()) {
    Error error = key.error();
    if (error.code == ErrorCode::kNotFound) error.advice = "pawl key new " + name + " --witness";
    return error;
  }
  return WitnessPlace{home->WitnessFolder(name), *std::move(key)};
}

ExitCode FollowLog(const Globals& globals, const std::string& name, const std::string& text,
                   const std::string& charter) {
  Result<WitnessPlace> place = FindWitness(globals, name);
  if (!place.ok()) return Fail(globals, place.error());
  Result<crypto::NoteKey> log = crypto::NoteKey::Parse(text);
  if (!log.ok()) return Fail(globals, log.error());
  if (log->type != crypto::NoteKeyType::kEd25519) {
    return Fail(globals, {ErrorCode::kUsage, "witness.log-key", "a log is followed by a key of type 1 (Ed25519)",
                          "copy [gate] log of its charter"});
  }
  Result<void> followed = witness::Follow(place->folder, *log);
  // What it follows already may get a charter, or the amended one.
  const bool is_known = !followed.ok() && followed.error().rule == "witness.followed";
  if (!followed.ok() && (charter.empty() || !is_known)) return Fail(globals, followed.error());
  if (is_known) {
    const Result<std::map<std::string, witness::FollowedLog>> logs = witness::ReadFollowed(place->folder);
    if (!logs.ok()) return Fail(globals, logs.error());
    const auto known = logs->find(log->name);
    if (known == logs->end() || known->second.key != *log) return Fail(globals, followed.error());
  }
  if (!charter.empty()) {
    Result<void> taken = notices::FollowCharter(place->folder, log->name, charter);
    if (!taken.ok()) return Fail(globals, taken.error());
  }
  if (globals.json) {
    PrintJson({{"witness", name}, {"log", log->name}, {"notices", !charter.empty()}});
  } else {
    std::printf(
        "%s follows %s from its next start on%s; what it remembers is in %s\n", name.c_str(), Shown(log->name).c_str(),
        charter.empty() ? "" : ", and keeps halts and votes of those whom its charter lists", place->folder.c_str());
  }
  return ExitCode::kYes;
}

ExitCode ListFollowed(const Globals& globals, const std::string& name) {
  Result<WitnessPlace> place = FindWitness(globals, name);
  if (!place.ok()) return Fail(globals, place.error());
  Result<std::map<std::string, witness::FollowedLog>> logs = witness::ReadFollowed(place->folder);
  if (!logs.ok()) return Fail(globals, logs.error());
  encoding::Json json = encoding::Json::array();
  for (const auto& [origin, log] : *logs) {
    const encoding::Json time =
        log.size == 0 ? encoding::Json(nullptr) : encoding::Json(encoding::TimeText(log.time_s));
    json.push_back(
        {{"log", origin}, {"key", log.key.Text()}, {"size", log.size}, {"root", log.root.Hex()}, {"time", time}});
    if (!globals.json) {
      std::printf("%-24s %8llu  %s  %s\n", Shown(origin).c_str(), static_cast<unsigned long long>(log.size),
                  log.root.Hex().c_str(), time.is_null() ? "nothing cosigned yet" : time.get<std::string>().c_str());
    }
  }
  if (globals.json) PrintJson(json);
  return ExitCode::kYes;
}

ExitCode RunWitness(const Globals& globals, const std::string& name, const std::string& where) {
  Result<WitnessPlace> place = FindWitness(globals, name);
  if (!place.ok()) return Fail(globals, place.error());
  const std::string key =
      crypto::NoteKey::Of(name, crypto::NoteKeyType::kEd25519Cosignature, place->key.public_key()).Text();
  Result<witness::Witness> witness = witness::Witness::Open(place->folder, name, place->key);
  if (!witness.ok()) return Fail(globals, witness.error());
  Result<notices::Boards> boards = notices::Boards::Open(place->folder);
  if (!boards.ok()) return Fail(globals, boards.error());
  const InterruptWatch watch(/*enabled=*/true);
  const server::HttpCounts* counts = nullptr;  // of the server below, before it answers anything
  Result<server::HttpServer> server = server::HttpServer::Listen(
      where, {.body_bytes_max = std::max(witness::kAddCheckpointBytesMax, notices::kNoticeBytesMax)},
      [&](const server::HttpRequest& request) {
        if (auto watched = server::AnswerWitnessWatcher(*witness, request, *counts)) return *std::move(watched);
        if (auto noticed = server::AnswerNotices(*boards, request, std::time(nullptr))) {
          if (server::Acts(request.method)) LogLine(LogLevel::kInfo, "notice: " + noticed->body);
          return *std::move(noticed);
        }
        const server::HttpResponse answer = server::AnswerWitness(*witness, request, std::time(nullptr));
        LogLine(answer.status < 500 ? LogLevel::kInfo : LogLevel::kError,
                answer.status == 200 ? "cosigned" : "did not cosign: " + answer.body,
                {{"status", std::to_string(answer.status)}});
        return answer;
      });
  if (!server.ok()) return Fail(globals, server.error());
  counts = &server->counts();
  const std::string url = "http://" + server->address();
  if (globals.json) {
    PrintJson(
        {{"witness", name}, {"key", key}, {"url", url}, {"logs", witness->logs().size()}, {"boards", boards->size()}});
  } else {
    std::printf("%s witnesses %zu log%s at %s, and keeps notices for %zu\nkey %s\n", name.c_str(),
                witness->logs().size(), witness->logs().size() == 1 ? "" : "s", url.c_str(), boards->size(),
                key.c_str());
  }
  std::fflush(stdout);
  server->Run(watch.token());
  return ExitCode::kYes;
}

}  // namespace

void AddWitness(CLI::App& app, Globals& globals) {
  CLI::App* command = app.add_subcommand("witness", "cosign checkpoints of logs that only grow (C2SP tlog-witness)");
  command->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  auto log = std::make_shared<std::string>();
  auto charter = std::make_shared<std::string>();
  auto where = std::make_shared<std::string>("127.0.0.1:8441");

  CLI::App* follow = command->add_subcommand("follow", "from now on cosign this log's checkpoints, from its beginning");
  follow->add_option("NAME", *name, "the witness's key, made by `pawl key new NAME --witness`")->required();
  follow->add_option("LOG-KEY", *log, "the log's verifier key: [gate] log of its charter")->required();
  follow->add_option(
      "--charter", *charter,
      "directory of the log's charter: also keep halts, resumes and votes that those whom it lists send, "
      "for auditors and loaders to ask for; again with the new one after an amendment");
  follow->footer(
      "A witness that runs already takes it up when it is started again. What it remembers of a log is never begun\n"
      "anew by this.\n\nexamples:\n  pawl witness follow witness-a 'gate-log+5c0f1a5e+AQ...'\n"
      "  pawl witness follow witness-a 'gate-log+5c0f1a5e+AQ...' --charter charter");
  follow->callback([=, &globals] { globals.exit = FollowLog(globals, *name, *log, *charter); });

  CLI::App* list = command->add_subcommand("list", "the logs that a witness follows, and what it remembers of each");
  list->add_option("NAME", *name, "the witness's key")->required();
  list->footer("example:\n  pawl witness list witness-a");
  list->callback([=, &globals] { globals.exit = ListFollowed(globals, *name); });

  CLI::App* run = command->add_subcommand("run", "answer add-checkpoint over HTTP, until it is interrupted");
  run->add_option("NAME", *name, "the witness's key")->required();
  run->add_option("--listen", *where, "ADDRESS:PORT; port 0 takes a free one")->capture_default_str();
  run->footer(
      "What it remembers is flushed before a cosignature leaves, so that it may be killed at any moment. It must "
      "never\n"
      "be brought back from a copy: it would forget what it has cosigned. `pawl backup` leaves it out.\n\n"
      "examples:\n  pawl witness run witness-a\n  pawl witness run witness-a --listen 0.0.0.0:8441");
  run->callback([=, &globals] { globals.exit = RunWitness(globals, *name, *where); });
}

}  // namespace pawl::cli
