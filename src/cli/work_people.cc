// pawl work list, evidence and readmit: what a person sees and decides of the queue. Needs no key and no home.
#include "cli/work_people.h"

#include <cstdio>
#include <memory>

#include "encoding/base64.h"
#include "encoding/hex.h"
#include "encoding/time.h"
#include "ledger/place.h"
#include "work/queue.h"

namespace pawl::cli {
namespace {

Result<work::Queue> OpenWorkQueue(const std::string& url) {
  Result<bool> is_home = ledger::IsHomeUrl(url);
  if (!is_home.ok()) return is_home.error();
  if (*is_home) return Error{ErrorCode::kUsage, "work.url", "the queue lies in PostgreSQL", "--log postgresql://…"};
  return work::Queue::Open(url, work::QueueSide::kWorker);  // makes no tables
}

// Of a verifier key, which begins with it.
std::string WorkerNameOf(const std::string& key) { return key.substr(0, key.find('+')); }

// The database's word: what is no date of four digits a year is shown as it is.
std::string ShutOutDate(uint64_t at_s) {
  return at_s <= static_cast<uint64_t>(encoding::kTimeMax_s) ? encoding::TimeText(static_cast<int64_t>(at_s))
                                                             : std::to_string(at_s);
}

encoding::Json WorkListingJson(const work::Listing& listing) {
  encoding::Json jobs = encoding::Json::array(), held = encoding::Json::array(), shut_out = encoding::Json::array();
  for (const work::ListedJob& job : listing.jobs) {
    jobs.push_back({{"job", encoding::EncodeHex(job.job)},
                    {"kind", job.kind},
                    {"waiting", job.waiting},
                    {"held", job.held},
                    {"answered", job.answered}});
  }
  for (const work::ListedPart& part : listing.held) {
    held.push_back({{"job", encoding::EncodeHex(part.job)},
                    {"part", part.part},
                    {"holder", part.holder},
                    {"held_ms", part.held_ms},
                    {"lease_ms", part.lease_ms}});
  }
  for (const work::ListedWorker& worker : listing.shut_out)
    shut_out.push_back({{"key", worker.key}, {"why", worker.why}, {"at", ShutOutDate(worker.at_s)}});
  return {{"jobs", std::move(jobs)}, {"held", std::move(held)}, {"shut_out", std::move(shut_out)}};
}

ExitCode ShowWorkQueue(const Globals& globals, const std::string& url) {
  Result<work::Queue> queue = OpenWorkQueue(url);
  if (!queue.ok()) return Fail(globals, queue.error());
  const Result<work::Listing> listing = queue->List();
  if (!listing.ok()) return Fail(globals, listing.error());
  if (globals.json) {
    PrintJson(WorkListingJson(*listing));
    return ExitCode::kYes;
  }
  if (listing->jobs.empty()) std::puts("nobody asks for work");
  for (const work::ListedJob& job : listing->jobs) {
    std::printf("job %.8s: %s; %llu parts wait, %llu are held, %llu answered\n", encoding::EncodeHex(job.job).c_str(),
                Shown(job.kind).c_str(), static_cast<unsigned long long>(job.waiting),
                static_cast<unsigned long long>(job.held), static_cast<unsigned long long>(job.answered));
  }
  for (const work::ListedPart& part : listing->held) {
    std::printf("  part %lld of job %.8s: held by %s for %.1f s, another's in %.1f s\n",
                static_cast<long long>(part.part), encoding::EncodeHex(part.job).c_str(),
                Shown(WorkerNameOf(part.holder)).c_str(), static_cast<double>(part.held_ms) / 1'000,
                static_cast<double>(part.lease_ms) / 1'000);
  }
  for (const work::ListedWorker& worker : listing->shut_out) {
    std::printf("%s is shut out since %s: %s\n", Shown(WorkerNameOf(worker.key)).c_str(),
                ShutOutDate(worker.at_s).c_str(), Shown(worker.why).c_str());
  }
  return ExitCode::kYes;
}

// One that was shut out, by its key or its name.
Result<work::ListedWorker> FindShutOutWorker(work::Queue& queue, const std::string& worker) {
  const Result<work::Listing> listing = queue.List();
  if (!listing.ok()) return listing.error();
  std::vector<work::ListedWorker> found;
  for (const work::ListedWorker& one : listing->shut_out) {
    if (one.key == worker) return one;
    if (WorkerNameOf(one.key) == worker) found.push_back(one);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Error{ErrorCode::kNotFound, "work.not-shut-out", "'" + worker + "' is not shut out",
                 "pawl work list names those who are"};
  }
  return Error{ErrorCode::kUsage, "work.which", "several workers of the name '" + worker + "' are shut out",
               "give the whole verifier key; pawl --json work list has them"};
}

ExitCode ShowWorkerEvidence(const Globals& globals, const std::string& url, const std::string& name) {
  Result<work::Queue> queue = OpenWorkQueue(url);
  if (!queue.ok()) return Fail(globals, queue.error());
  const Result<work::ListedWorker> worker = FindShutOutWorker(*queue, name);
  if (!worker.ok()) return Fail(globals, worker.error());
  const Result<work::Evidence> evidence = queue->EvidenceAgainst(worker->key);
  if (!evidence.ok()) return Fail(globals, evidence.error());
  PrintJson({{"key", worker->key},
             {"why", worker->why},
             {"at", ShutOutDate(worker->at_s)},
             {"claim", encoding::EncodeBase64(evidence->claim)},
             {"question", encoding::EncodeBase64(evidence->question)},
             {"answer", encoding::EncodeBase64(evidence->answer)},
             {"signature", encoding::EncodeBase64(evidence->signature)}});
  return ExitCode::kYes;
}

ExitCode ReadmitWorker(const Globals& globals, const std::string& url, const std::string& name) {
  Result<work::Queue> queue = OpenWorkQueue(url);
  if (!queue.ok()) return Fail(globals, queue.error());
  const Result<work::ListedWorker> worker = FindShutOutWorker(*queue, name);
  if (!worker.ok()) return Fail(globals, worker.error());
  if (Result<void> readmitted = queue->Readmit(worker->key); !readmitted.ok()) return Fail(globals, readmitted.error());
  if (globals.json) {
    PrintJson({{"readmitted", worker->key}, {"why", worker->why}});
  } else {
    std::printf("%s may work again; it was shut out for this: %s\n", Shown(WorkerNameOf(worker->key)).c_str(),
                Shown(worker->why).c_str());
  }
  return ExitCode::kYes;
}

}  // namespace

void AddWorkForPeople(CLI::App& work, const std::shared_ptr<std::string>& url, Globals& globals) {
  CLI::App* list = work.add_subcommand("list", "who asks for work, who holds what, and who is shut out");
  list->footer(
      "Who holds what is the database's word: whoever may write to the queue can change it. Why somebody was shut out "
      "is\n"
      "the word of whoever asked; `pawl work evidence` has what they had signed.\n"
      "example:\n  pawl work list --log 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full'");
  list->callback([url, &globals] { globals.exit = ShowWorkQueue(globals, *url); });

  const auto name = std::make_shared<std::string>();
  constexpr char kWhich[] = "its name, or its whole verifier key";
  CLI::App* evidence = work.add_subcommand("evidence", "what a worker that is shut out was asked, and what it signed");
  evidence->add_option("WORKER", *name, kWhich)->required();
  evidence->footer(
      "JSON; bytes are in base64. The signature is over the answer in DSSE's encoding (spec/statements.md); the answer "
      "names\n"
      "its question by a digest.\n"
      "example:\n  pawl work evidence worker-a --log 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full'");
  evidence->callback([url, name, &globals] { globals.exit = ShowWorkerEvidence(globals, *url, *name); });

  CLI::App* readmit = work.add_subcommand("readmit", "let a worker in again that was shut out");
  readmit->add_option("WORKER", *name, kWhich)->required();
  readmit->footer(
      "Takes the right to delete from pawl_work_shut_out, which workers do not have. What it was shut out for is not "
      "kept:\n"
      "pawl work evidence, if you want to.\n"
      "example:\n  pawl work readmit worker-a --log 'postgresql://pawl_gate@db.example.org/pawl?sslmode=verify-full'");
  readmit->callback([url, name, &globals] { globals.exit = ReadmitWorker(globals, *url, *name); });
}

}  // namespace pawl::cli
